"""What is opened for the tasks that read it: in place of a constant, or of the node that would make it."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from linepipe.node import Node
from linepipe.pipeline import Pipeline
from nodes import clean, fit, load, ran, save

from airflow_linepipe import run
from airflow_linepipe.errors import PlanError, UnsupportedValueError
from airflow_linepipe.plan import ResourceBinding, build_plan, plan_parts


class Door:
    """A resource that writes down what happens to it."""

    def __init__(self):
        self.happened = []

    @contextmanager
    def open(self):
        self.happened.append("opened")
        try:
            yield self
        finally:
            self.happened.append("closed")

    def __deepcopy__(self, memo):
        message = "a resource is never copied"
        raise AssertionError(message)


def use(door, *_values):
    door.happened.append("used")
    return len(door.happened)


@pytest.fixture
def door():
    return Door()


def test_it_takes_the_place_of_a_constant(door):
    plan = build_plan([Node(use, ["conn"], ["n"])], constants={"conn": "laptop"}, resources={"conn": door})
    assert plan.steps[0].bindings == (ResourceBinding(name="conn"),)
    assert "conn" not in plan.constants
    assert dict(ran(plan, given={})) == {"n": 2}
    assert door.happened == ["opened", "used", "closed"]


def test_it_takes_the_place_of_the_node_that_makes_it(door):
    nodes = [Node(load, ["url"], ["conn"]), Node(use, ["conn"], ["n"]), Node(load, ["n"], ["m"])]
    plan = build_plan(nodes, constants={"url": ""}, resources={"conn": door})
    assert [step.id for step in plan.steps] == ["use", "load__2"]
    assert list(plan.outputs) == ["n", "m"]


def test_nodes_of_one_task_share_it_and_each_task_opens_its_own(door):
    nodes = [Node(use, ["conn"], ["a"]), Node(use, ["conn", "a"], ["b"])]
    pipeline = Pipeline(nodes, conn=None)
    run(pipeline, resources={"conn": door}, granularity="pipeline", quiet=True)
    assert door.happened == ["opened", "used", "used", "closed"]
    door.happened.clear()
    result = run(pipeline, resources={"conn": door}, quiet=True)
    assert door.happened == ["opened", "used", "closed"] * 2
    assert result.steps["use__2"].inputs == {"conn": "resource", "a": "use"}


def test_a_task_that_does_not_read_it_does_not_open_it(door):
    run(
        Pipeline([Node(len, ["text"], ["n"]), Node(use, ["conn"], [])], text="abc"),
        resources={"conn": door},
        quiet=True,
    )
    assert door.happened == ["opened", "used", "closed"]


def test_it_is_closed_when_a_node_fails_and_when_a_value_cannot_be_stored(door, tmp_path):
    with pytest.raises(ZeroDivisionError):
        run(Pipeline([Node(lambda conn: 1 // 0, ["conn"], ["n"])]), resources={"conn": door}, quiet=True)
    assert door.happened == ["opened", "closed"]
    door.happened.clear()
    nodes = [Node(lambda conn: (n for n in ()), ["conn"], ["n"]), Node(use, ["conn"], [])]
    with pytest.raises(UnsupportedValueError) as caught:
        run(Pipeline(nodes), resources={"conn": door}, storage=str(tmp_path), granularity="pipeline", quiet=True)
    # Although the error still holds the frame of the run.
    assert caught.value.artifact == "n"
    assert door.happened == ["opened", "closed"]


def test_nodes_that_share_it_keep_their_order_around_a_writer(door):
    nodes = [Node(save, ["conn"], []), Node(clean, ["conn"], ["rows"]), Node(fit, ["seed"], ["x"])]
    plan = build_plan(nodes, constants={"seed": 1}, resources={"conn": door})
    assert [step.after for step in plan.steps] == [(), ("save",), ()]
    assert len(plan_parts(plan)) == 3


@pytest.mark.parametrize(
    ("resources", "sentence"),
    [
        ({"con": Door()}, "'con' is given as a resource, and no node reads it: did you mean 'conn'?"),
        ({"conn": "warehouse"}, "resources['conn'] is a str: give an AirflowConnection, or an object with open()."),
        (
            {"conn": Door(), "rows": Door()},
            "'rows' is given as a resource, and no node reads it.",
        ),
    ],
)
def test_what_is_no_resource_is_a_problem(resources, sentence):
    with pytest.raises(PlanError) as caught:
        build_plan([Node(use, ["conn"], [])], constants={"conn": 1}, resources=resources)
    assert sentence in str(caught.value)


def test_a_node_that_makes_more_than_resources_is_a_problem(door):
    nodes = [Node(load, [], ["conn", "rows"]), Node(use, ["conn", "rows"], [])]
    with pytest.raises(PlanError, match="Node 'load': it makes the resource 'conn' and 'rows': make them in two nodes"):
        build_plan(nodes, resources={"conn": door})


def test_a_name_is_a_resource_or_comes_from_outside(door):
    with pytest.raises(PlanError, match="'conn' is given as a resource and from outside: choose one"):
        build_plan([Node(use, ["conn"], [])], resources={"conn": door}, given=["conn"])


def test_a_node_that_makes_a_resource_out_of_itself_is_not_dropped_silently(door):
    nodes = [Node(load, ["url"], ["conn"]), Node(clean, ["conn"], ["conn"]), Node(use, ["conn"], ["n"])]
    with pytest.raises(PlanError) as caught:
        build_plan(nodes, constants={"url": ""}, resources={"conn": door})
    assert str(caught.value) == (
        "Node 'clean': it makes 'conn' out of the resource 'conn', which would not happen: a resource is the same for "
        "all nodes, so give its output another name."
    )


def test_an_input_of_the_node_it_takes_the_place_of_is_left_out(door):
    nodes = [Node(load, ["url"], ["conn"]), Node(use, ["conn"], ["n"])]
    with pytest.raises(PlanError) as caught:
        build_plan(nodes, given=["url"], resources={"conn": door})
    assert str(caught.value) == (
        "'url' is given from outside, and only node 'load' reads it, whose place a resource takes: leave it out."
    )
