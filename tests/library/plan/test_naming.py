"""Step ids: safe, unique, and the same in every process."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from linepipe.node import create_named_partial_function

from airflow_linepipe.plan import function_label
from airflow_linepipe.plan.naming import step_ids

# airflow.sdk.definitions._internal.node.GROUP_KEY_REGEX, the stricter of its two.
LEGAL = re.compile(r"^[\w-]+$")


class Scaler:
    def __call__(self, x):
        return x

    def fit(self, x):
        return x


def load():
    return 1


def _named(function, name):
    function.__name__ = name
    return function


@pytest.mark.parametrize(
    ("function", "label"),
    [
        pytest.param(load, "load", id="function"),
        pytest.param(lambda: 1, "<lambda>", id="lambda"),
        pytest.param(partial(load), "load", id="partial"),
        pytest.param(partial(partial(load)), "load", id="nested-partial"),
        pytest.param(partial(Scaler()), "Scaler", id="partial-of-an-object"),
        pytest.param(create_named_partial_function(load, "load_flights"), "load_flights", id="named-partial"),
        pytest.param(
            partial(create_named_partial_function(load, "load_flights")), "load_flights", id="partial-of-a-named-one"
        ),
        pytest.param(Scaler(), "Scaler", id="callable-object"),
        pytest.param(Scaler, "Scaler", id="class"),
        pytest.param(Scaler().fit, "fit", id="bound-method"),
        pytest.param(len, "len", id="builtin"),
        pytest.param([].append, "append", id="builtin-method"),
        pytest.param(_named(partial(load), ""), "load", id="empty-name"),
        pytest.param(_named(Scaler(), 3), "Scaler", id="name-that-is-no-text"),
    ],
)
def test_a_function_has_the_name_that_linepipe_shows_or_its_types(function, label):
    assert function_label(function) == label


@pytest.mark.parametrize(
    ("labels", "ids"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["load", "clean"], ["load", "clean"], id="different"),
        pytest.param(["load", "clean", "load", "load"], ["load", "clean", "load__2", "load__3"], id="repeats"),
        pytest.param(["<lambda>", "<lambda>"], ["lambda", "lambda__2"], id="lambdas"),
        pytest.param(["f", "f", "f__2"], ["f", "f__3", "f__2"], id="a-function-really-called-f__2"),
        pytest.param(["f__2", "f", "f"], ["f__2", "f", "f__3"], id="which-comes-first"),
        pytest.param(["f", "f__2", "f__2", "f"], ["f", "f__2", "f__2__2", "f__3"], id="which-repeats-too"),
        pytest.param(
            ["f", "f", "f", "f__2", "f__4"], ["f", "f__3", "f__5", "f__2", "f__4"], id="several-numbers-taken"
        ),
        pytest.param(["a b", "a.b", "a_b"], ["a_b", "a_b__2", "a_b__3"], id="made-safe-into-one"),
        pytest.param(["group.task"], ["group_task"], id="a-dot-is-airflows"),
        pytest.param(["write to: s3/x!"], ["write_to_s3_x"], id="punctuation"),
        pytest.param(["!?", "..."], ["node", "node__2"], id="nothing-left"),
        pytest.param(["__call__", "_private"], ["__call__", "_private"], id="underscores-of-its-own"),
        pytest.param(["größe", "数"], ["größe", "数"], id="letters-of-any-language"),
        pytest.param(["with-dash"], ["with-dash"], id="dash"),
        pytest.param(["two\nlines"], ["two_lines"], id="line-break"),
        pytest.param(["load\n"], ["load"], id="line-break-at-the-end"),
    ],
)
def test_labels_become_ids_in_list_order(labels, ids):
    assert list(step_ids(labels)) == ids


_LABELS = st.lists(st.sampled_from(["f", "f__2", "f__3", "f__2__2", "<f>", "g", ""]) | st.text(max_size=5), max_size=12)


@given(_LABELS)
def test_ids_are_always_unique_and_legal(labels):
    ids = list(step_ids(labels))

    assert len(set(ids)) == len(ids) == len(labels)
    assert all(LEGAL.match(step_id) and not step_id.endswith("\n") for step_id in ids)


@given(_LABELS, st.text(max_size=5))
def test_a_step_added_at_the_end_moves_no_id_unless_it_spells_one_out(labels, added):
    before = list(step_ids(labels))
    after = list(step_ids([*labels, added]))

    if not set(before) & set(step_ids([added])):
        assert after[:-1] == before


_PRINT_IDS = """
from functools import partial
from linepipe.node import Node, create_named_partial_function
from linepipe.pipeline import Pipeline
from airflow_linepipe.plan import plan_pipeline

class Source:
    def __call__(self):
        return {"a", "b", "c"}

def clean(x):
    return x

nodes = [
    Node(Source(), [], ["a"]), Node(clean, ["a"], ["b"]), Node(lambda x: x, ["a"], ["c"]), Node(clean, ["c"], ["d"]),
    Node(partial(clean), ["d"], ["e"]), Node(create_named_partial_function(print, "write"), ["path", "e"], []),
    Node(print, ["path", "b"], []), Node(print, ["path", "config.where"], []),
]
plan = plan_pipeline(Pipeline(nodes, config={"where": "there"}, path="here"))
print([(step.id, step.upstream, list(plan.outputs)) for step in plan.steps])
"""


def test_ids_and_edges_are_the_same_in_every_process_whatever_the_hash_seed():
    texts = {
        subprocess.run(
            [sys.executable, "-c", _PRINT_IDS],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2013")
    }

    assert len(texts) == 1
    assert "('write', ('clean__3',)" in texts.pop()
