"""Each node's arguments are its own to change, as in linepipe."""

from __future__ import annotations

import copy
import logging
import threading
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from linepipe.node import Node
from linepipe.pipeline import Pipeline
from nodes import ran

from airflow_linepipe.errors import MissingInputError, RunError
from airflow_linepipe.plan import GivenBinding, build_plan, plan_pipeline
from airflow_linepipe.runtime.inputs import drop_read


class Seen:
    """Node functions that keep the very objects they were called with."""

    def __init__(self):
        self.calls = []

    def keep(self, *values):
        self.calls.append(values)

    def spoil(self, value):
        self.calls.append((value,))
        value.append("spoilt")
        return value


class Uncopyable:
    def __deepcopy__(self, memo):
        message = "there is one of me"
        raise RuntimeError(message)


def drain(plan, **given):
    return dict(ran(plan, given=given))


def make():
    return [1]


@pytest.fixture
def seen():
    return Seen()


def test_a_node_that_changes_its_input_changes_nothing_for_the_others(seen):
    """R17."""
    plan = build_plan([Node(make, [], ["a"]), Node(seen.spoil, ["a"], ["b"]), Node(seen.keep, ["a"], [])])
    drain(plan)

    assert seen.calls[1] == ([1],)


@pytest.mark.parametrize(
    ("value", "spoil", "expected"),
    [
        pytest.param({"a": [1]}, lambda value: value["a"].append(2), {"a": [1]}, id="nested-dict"),
        pytest.param({1}, lambda value: value.add(2), {1}, id="set"),
        pytest.param(bytearray(b"a"), lambda value: value.extend(b"b"), bytearray(b"a"), id="bytearray"),
        pytest.param(SimpleNamespace(a=1), lambda value: setattr(value, "a", 2), SimpleNamespace(a=1), id="attributes"),
        pytest.param(np.array([1]), lambda value: value.__iadd__(1), np.array([1]), id="array"),
        pytest.param(
            pd.DataFrame({"a": [1]}), lambda value: value.insert(0, "b", 2), pd.DataFrame({"a": [1]}), id="frame"
        ),
    ],
)
@pytest.mark.parametrize("source", ["artifact", "constant", "config", "given"])
def test_it_does_not_matter_what_the_value_is_and_where_it_comes_from(seen, value, spoil, expected, source):
    """R17."""
    name = "config.v" if source == "config" else "v"
    users = [Node(spoil, [name], []), Node(seen.keep, [name], []), Node(seen.keep, [name], [])]
    nodes = [Node(lambda: value, [], ["v"]), *users] if source == "artifact" else users
    plan = build_plan(
        nodes,
        config={"v": value},
        constants={"v": value} if source == "constant" else {},
        given=["v"] if source == "given" else (),
    )
    drain(plan, **({"v": copy.deepcopy(value)} if source == "given" else {}))

    for (kept,) in seen.calls:
        assert _same(kept, expected)
    assert _same(value, expected)


def _same(one, other):
    return bool(np.all(one == other)) and np.shape(one) == np.shape(other)


def test_config_and_constants_stay_as_they_are_from_run_to_run(seen):
    """R17, LP09."""
    pipeline = Pipeline(
        [Node(seen.spoil, ["config.rows"], ["a"]), Node(seen.spoil, ["rows"], ["b"])], config={"rows": [1]}, rows=[1]
    )
    plan = plan_pipeline(pipeline)

    assert drain(plan) == drain(plan) == {"a": [1, "spoilt"], "b": [1, "spoilt"]}
    assert pipeline.config == {"rows": [1]}
    assert pipeline.runtime_constants == {"rows": [1]}


@pytest.mark.parametrize("name", ["a", "c", "g", "config.r", "config"])
def test_a_name_that_a_node_reads_twice_is_one_object_as_in_linepipe(seen, name):
    nodes = [Node(make, [], ["a"]), Node(seen.keep, [name, name], []), Node(seen.keep, ["a", "g", name], [])]
    plan = build_plan(nodes, config={"r": [1]}, constants={"c": [1]}, given=["g"])
    drain(plan, g=[1])

    first, second = seen.calls[0]
    assert first is second


class Tracked:
    """A value that counts its copies."""

    def __init__(self, copies):
        self.copies = copies

    def __deepcopy__(self, memo):
        self.copies.append("copied")
        return Tracked(self.copies)


def keep_nothing(nodes):
    assert list(ran(build_plan(nodes), given={}, outputs={})) == []


def look(*values):
    return len(values)


def test_every_reader_gets_a_copy_of_its_own_as_in_linepipe():
    copies = []
    nodes = [Node(lambda: Tracked(copies), [], ["v"]), Node(look, ["v"], ["a"]), Node(look, ["v", "v"], ["b"])]
    keep_nothing(nodes)

    assert len(copies) == 2


CACHE = {"rows": [1], "frame": pd.DataFrame({"a": [1]}), "array": np.arange(4)}


@pytest.mark.parametrize(
    ("make", "spoil"),
    [
        pytest.param(lambda: dict(CACHE), lambda value: value["rows"].append(2), id="shallow copy of a dict"),
        pytest.param(lambda: [CACHE["rows"]], lambda value: value[0].append(2), id="list around it"),
        pytest.param(
            lambda: {"t": CACHE["frame"]}, lambda value: value["t"].insert(0, "b", 2), id="dict around a frame"
        ),
        pytest.param(lambda: {"v": CACHE["array"][:2]}, lambda value: value["v"].__imul__(0), id="dict around a view"),
        pytest.param(
            lambda: pd.DataFrame(CACHE["array"].reshape(2, 2), copy=False),
            lambda value: value.iloc.__setitem__((0, 0), 9),
            id="frame around an array",
        ),
        pytest.param(lambda: CACHE["array"], lambda value: value.__imul__(0), id="the array itself"),
        pytest.param(
            lambda: np.array([CACHE["rows"], None], dtype=object)[:1], lambda value: value[0].append(2), id="objects"
        ),
    ],
)
def test_what_a_function_keeps_is_changed_by_nobody(make, spoil):
    """An attacker's: what is held inside a value can be seen by nobody but its owner."""
    before = repr(CACHE)
    keep_nothing([Node(make, [], ["v"]), Node(spoil, ["v"], [])])

    assert repr(CACHE) == before


def test_an_array_that_cannot_be_written_to_is_copied_into_one_that_can():
    nodes = [
        Node(lambda: np.frombuffer(b"123", dtype="u1"), [], ["v"]),
        Node(lambda v: v.__imul__(0).sum(), ["v"], ["n"]),
    ]
    assert drain(build_plan(nodes))["n"] == 0


class Secretive:
    def __getattr__(self, name):
        message = f"no {name}"
        raise RuntimeError(message)


def test_a_value_is_never_asked_for_what_it_may_refuse():
    nodes = [Node(Secretive, [], ["v"]), Node(lambda v: type(v).__name__, ["v"], ["name"])]
    assert drain(build_plan(nodes))["name"] == "Secretive"


@pytest.mark.parametrize(
    "value", [pytest.param([1], id="list"), pytest.param(np.array([1]), id="array"), pytest.param({"a": 1}, id="dict")]
)
def test_a_value_that_its_function_keeps_is_not_changed_by_its_last_reader(value):
    """A function with a cache, called by two nodes: linepipe gives both the same."""
    before = repr(value)

    def spoil(mine):
        mine.clear() if hasattr(mine, "clear") else mine.__imul__(0)

    kept = lambda: value  # noqa: E731
    nodes = [Node(kept, [], ["v"]), Node(spoil, ["v"], []), Node(kept, [], ["w"]), Node(repr, ["w"], ["shown"])]
    assert drain(build_plan(nodes))["shown"] == before


def test_a_view_of_an_array_that_its_function_keeps_is_a_copy():
    whole = np.arange(4)
    nodes = [Node(lambda: whole[:2], [], ["v"]), Node(lambda view: view.__imul__(0), ["v"], ["zeros"])]
    drain(build_plan(nodes))

    assert whole.tolist() == [0, 1, 2, 3]


def test_the_last_reader_of_what_is_given_gets_it_itself():
    """What a task reads from storage is its own already."""
    mine = [1]
    drain(build_plan([Node(lambda rows: rows.append(2), ["rows"], [])], given=["rows"]), rows=mine)

    assert mine == [1, 2]


@pytest.mark.parametrize("source", ["constant", "config"])
def test_a_constant_and_a_config_value_are_never_handed_out_themselves(seen, source):
    name, value = ("config.v", [1]) if source == "config" else ("v", [1])
    drain(build_plan([Node(seen.keep, [name], [])], config={"v": value}, constants={"v": value}))

    assert seen.calls == [([1],)]
    assert seen.calls[0][0] is not value


def _twins():
    rows = [1]
    return rows, rows


def _nested():
    rows = [1]
    return {"rows": rows}, rows


def _views():
    array = np.array([1, 2, 3])
    return array, array[:2]


@pytest.mark.parametrize(
    ("make_both", "spoil"),
    [
        pytest.param(_twins, lambda value: value.append(2), id="one-object-under-two-names"),
        pytest.param(_nested, lambda value: value["rows"].append(2), id="one-inside-the-other"),
        pytest.param(_views, lambda value: value.__iadd__(1), id="views-of-one-array"),
    ],
)
def test_outputs_of_one_node_that_share_memory_are_apart_for_their_readers(make_both, spoil):
    """R17: linepipe copies each for each reader."""
    kept = []
    pipeline = Pipeline(
        [
            Node(make_both, [], ["a", "b"]),
            Node(spoil, ["a"], []),
            Node(lambda b: kept.append(np.array(b).tolist()), ["b"], []),
        ]
    )
    pipeline.run()
    drain(plan_pipeline(pipeline))

    assert kept[1] == kept[0]


def test_outputs_of_one_node_that_share_memory_are_apart_within_one_reader():
    """R17."""

    def spoil(a, b):
        a.append(2)
        return b

    pipeline = Pipeline([Node(_twins, [], ["a", "b"]), Node(spoil, ["a", "b"], ["c"])], track_history=True)
    pipeline.run()

    assert drain(plan_pipeline(pipeline))["c"] == pipeline.history[1]["outputs"]["c"] == [1]


@pytest.mark.parametrize("source", ["artifact", "constant", "given"])
@pytest.mark.parametrize(
    "value", [threading.Lock(), Uncopyable(), (item for item in [1, 2])], ids=["lock", "own-refusal", "generator"]
)
def test_what_cannot_be_copied_is_passed_by_reference_and_said(seen, value, source, caplog):
    """LP21."""
    users = [Node(seen.keep, ["v"], []), Node(seen.keep, ["v"], [])]
    nodes = [Node(lambda: value, [], ["v"]), *users] if source == "artifact" else users
    plan = build_plan(
        nodes,
        constants={"v": value} if source == "constant" else {},
        given=["v"] if source == "given" else (),
    )
    with caplog.at_level(logging.WARNING, logger="airflow_linepipe"):
        drain(plan, **({"v": value} if source == "given" else {}))

    assert all(kept is value for (kept,) in seen.calls)
    said = [record.getMessage() for record in caplog.records]
    assert said == ["Couldn't deepcopy 'v'; using shallow reference"] * (1 if source == "given" else 2)


def test_an_iterator_that_two_nodes_read_is_empty_for_the_second_as_in_linepipe():
    """LP21."""

    def iterate():
        return (number for number in range(3))

    nodes = [Node(iterate, [], ["a"]), Node(list, ["a"], ["b"]), Node(list, ["a"], ["c"])]
    pipeline = Pipeline(nodes, track_history=True)
    pipeline.run()
    ours = drain(plan_pipeline(pipeline))

    assert (ours["b"], ours["c"]) == ([0, 1, 2], [])
    assert [entry["outputs"] for entry in pipeline.history[1:]] == [{"b": [0, 1, 2]}, {"c": []}]


def test_a_value_is_let_go_with_its_last_reader():
    plan = build_plan([Node(len, ["a"], ["b"]), Node(len, ["a"], ["c"])], given=["a"])
    values = {GivenBinding(name="a"): [1]}
    last_reader = {GivenBinding(name="a"): "len__2"}

    drop_read(plan.steps[0], values, last_reader)
    assert list(values.values()) == [[1]]
    drop_read(plan.steps[1], values, last_reader)
    assert values == {}


def test_a_value_that_was_not_given_names_node_and_input():
    plan = build_plan([Node(len, ["month"], ["a"])], given=["month"])

    with pytest.raises(MissingInputError) as caught:
        drain(plan)
    assert str(caught.value) == "Node 'len' reads 'month', which was not given to this run."
    assert isinstance(caught.value, RunError | KeyError)


def test_none_is_a_value_that_was_given(seen):
    drain(build_plan([Node(seen.keep, ["a"], [])], given=["a"]), a=None)

    assert seen.calls == [(None,)]
