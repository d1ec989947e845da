"""Several pipelines as one: outputs, constants and configs that agree are merged, and others refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import run
from airflow_linepipe.errors import LinepipeError, PipelineTypeError, PlanError
from airflow_linepipe.plan import plan_pipeline


def load(rows):
    return list(range(rows)), rows


def give(*values):
    return values


def features(**constants):
    """Two outputs and no annotation, which linepipe's own ``+`` refuses."""
    return Pipeline([Node(load, ["rows"], ["table", "count"])], **{"rows": 3, **constants})


def reader(*inputs, config=None, output="got", **constants):
    return Pipeline([Node(give, list(inputs), [output])], config=config, **constants)


def test_pipelines_in_a_list_are_one():
    """R20: unannotated nodes with several outputs compose, and one pipeline serves many."""
    for last in (reader("table", "count"), reader("count", "table", output="other")):
        result = run([features(), last], quiet=True)
        assert sorted(map(str, result[next(iter(last.nodes[0].outputs))])) == ["3", "[0, 1, 2]"]


def test_a_name_may_lead_to_a_list_of_pipelines(monkeypatch, tmp_path):
    """A newcomer's find."""
    text = "from test_composition import features, reader\nboth = [features(), reader('count')]\n"
    (tmp_path / "several_pipelines.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(Path(__file__).parent)
    assert run("several_pipelines:both", quiet=True)["got"] == (3,)


def test_linepipes_own_sum_is_a_pipeline_like_any_other():
    """R21: ``sum()`` works."""
    first = Pipeline([Node(len, ["text"], ["length"])], text="abc")
    second = Pipeline([Node(abs, ["length"], ["size"])])
    assert run(sum([second], start=first), quiet=True)["size"] == 3


@pytest.mark.parametrize(
    ("pipelines", "sentence"),
    [
        ([features(), 3], "Expected a linepipe Pipeline, not int."),
        (
            features() + 3,
            f"Expected a linepipe Pipeline, not TypeError ({features() + 3}).",
        ),
        (features().nodes, "Expected a linepipe Pipeline, not Node: write Pipeline([…]) around the nodes."),
        ([features], "Expected a linepipe Pipeline, not function: if it makes the pipeline, call it."),
    ],
)
def test_a_wrong_operand_is_a_type_error(pipelines, sentence):
    """R21: also where linepipe's ``+`` gives the error back as a value."""
    with pytest.raises(PipelineTypeError) as caught:
        run(pipelines, quiet=True)
    assert isinstance(caught.value, TypeError)
    assert str(caught.value) == sentence


def test_no_pipeline_at_all_is_refused():
    with pytest.raises(PlanError, match="There is no pipeline: the list is empty"):
        run([], quiet=True)


TWO_LRS = [reader("config.lr", config={"lr": lr}, output=f"of_{lr}") for lr in (1, 2)]
TWO_WHOLES = [reader("config", config=config, output=f"of_{config}") for config in ({"lr": 1}, SimpleNamespace(lr=1))]
COLLISIONS = {
    "output": (
        [features(), reader("rows", output="table")],
        "'table' is an output of node 'load' in pipeline 1 and of node 'give' in pipeline 2: rename one of them.",
    ),
    "constant": (
        [features(), reader("rows", rows=4)],
        (
            "The constant 'rows' has one value in pipeline 1 and another in pipeline 2: give both the same, or give it "
            "from outside with inputs={'rows': …}."
        ),
    ),
    "constant-and-output": (
        [features(), reader("count", table=1)],
        (
            "Node 'load': its output 'table' has the name of a runtime constant, which linepipe would keep and drop "
            "the output: rename one of them."
        ),
    ),
    "config": (
        [TWO_LRS[0], features(), TWO_LRS[1]],
        (
            "The configs of pipelines 1 and 3 have different values at config.lr: give them one, or give config=… for "
            "all."
        ),
    ),
    "whole-config": (
        TWO_WHOLES,
        "The configs of pipelines 1 and 2 have different values at config: give them one, or give config=… for all.",
    ),
}


@pytest.mark.parametrize(("pipelines", "sentence"), COLLISIONS.values(), ids=COLLISIONS)
def test_a_collision_names_both_places(pipelines, sentence):
    """R07, R20: what linepipe's ``+`` would settle silently is an error."""
    with pytest.raises(LinepipeError) as caught:
        plan_pipeline(pipelines)
    assert str(caught.value) == sentence


def test_constants_and_config_of_all_are_there_and_each_may_be_given_anew():
    one = reader("config.a", "config.inner.x", "k", config={"a": 1, "inner": {"x": 2}}, k=[1])
    two = reader("config.b", "config.inner.y", "k", config=SimpleNamespace(b=3, inner={"y": 4}), output="other", k=[1])
    result = run([one, two], quiet=True)
    assert (result["got"], result["other"]) == ((1, 2, [1]), (3, 4, [1]))
    config = {"a": 5, "b": 5, "inner": {"x": 5, "y": 5}}
    result = run([one, two], config=config, inputs={"k": 6}, quiet=True)
    assert (result["got"], result["other"]) == ((5, 5, 6), (5, 5, 6))
    assert run([one, features()], inputs={"rows": 1}, quiet=True)["count"] == 1
    assert run([features(), one], inputs={"k": 0}, quiet=True)["got"] == (1, 2, 0)


def test_a_whole_config_that_two_pipelines_read_is_merged():
    one = reader("config", config={"a": 1, "both": {"x": 1}})
    two = reader("config", config={"b": 2, "both": {"y": 2}}, output="other")
    assert run([one, two], quiet=True)["other"] == ({"a": 1, "both": {"x": 1, "y": 2}, "b": 2},)


@dataclass
class Settings:
    lr: float


class Opaque:
    def __init__(self, lr):
        self.lr = lr


class Contrary:
    def __eq__(self, other):
        raise ValueError

    __hash__ = None


EQUAL = [
    lambda: Settings(0.1), lambda: Opaque(0.1), lambda: {"lr": 0.1}, lambda: np.arange(3),
    lambda: pd.DataFrame({"a": [1]}),
    lambda: Contrary, lambda: float("nan"), lambda: {"w": np.arange(3)}, lambda: [pd.DataFrame({"a": [1]})],
    lambda: Settings(np.arange(3)), lambda: Opaque({"b", "a"}), lambda: Opaque(Opaque([1, 2])),
]  # fmt: skip


@pytest.mark.parametrize("make", EQUAL)
def test_equal_values_are_no_collision_although_pipelines_copy_them(make):
    pipelines = [
        reader("config", "k", config=make(), k=make()),
        reader("config", "k", config=make(), k=make(), output="b"),
    ]
    assert len(plan_pipeline(pipelines).steps) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Opaque(1), Opaque(2)),
        (np.arange(3), np.arange(4)),
        (1, 1.0),
        (Contrary(), Contrary()),
        ([1], (1,)),
        ({"a": 6}, {"a": 6.0}),
        ([1], [True]),
        ([1], [1, 2]),
        (Settings(1), Settings(2)),
    ],
)
def test_values_that_differ_or_cannot_be_compared_are_a_collision(one, other):
    with pytest.raises(PlanError, match="The constant 'k' has one value in pipeline 1 and another in pipeline 2"):
        plan_pipeline([reader("k", k=one), reader("k", k=other, output="b")])


def test_a_path_that_none_of_the_configs_has_is_missing():
    pipelines = [reader("config.a", config={"a": 1}), reader("config.b", config={"c": 1}, output="b")]
    with pytest.raises(PlanError, match=r"Node 'give': it reads 'config.b', and config has no attribute or key 'b'"):
        plan_pipeline(pipelines)
    assert run(pipelines, missing_config="none", quiet=True)["b"] == (None,)
