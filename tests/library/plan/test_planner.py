"""From nodes to steps: which value each input is."""

from __future__ import annotations

from linepipe.node import Node, create_named_partial_function
from linepipe.pipeline import Pipeline
from nodes import clean, fit, load, made, ran, save

from airflow_linepipe.plan import (
    ConfigBinding,
    ConstantBinding,
    GivenBinding,
    Plan,
    build_plan,
    plan_pipeline,
)


def bindings(nodes, **arguments):
    return [step.bindings for step in build_plan(nodes, **arguments).steps]


def test_an_input_is_the_output_of_the_earlier_node_that_has_its_name():
    nodes = [Node(load, [], ["a", "b"]), Node(clean, ["b"], ["c"]), Node(fit, ["c", "a"], ["d"])]

    assert bindings(nodes) == [(), (made("load", "b"),), (made("clean", "c"), made("load", "a"))]


def test_of_two_writers_of_a_name_the_last_before_the_reader_wins():
    """R07: a name that is bound again stays legal."""
    nodes = [
        Node(load, [], ["t"]),
        Node(clean, ["t"], ["a"]),
        Node(load, [], ["t"]),
        Node(fit, ["t", "a"], ["b"]),
        Node(load, ["t"], ["t"]),
        Node(save, ["t"], []),
    ]

    assert bindings(nodes) == [
        (),
        (made("load", "t"),),
        (),
        (made("load__2", "t"), made("clean", "a")),
        (made("load__2", "t"),),
        (made("load__3", "t"),),
    ]


def test_a_node_that_reads_and_writes_one_name_reads_the_one_before():
    """R07."""
    nodes = [Node(load, [], ["t"]), Node(clean, ["t"], ["t"]), Node(clean, ["t"], ["t"]), Node(fit, ["t"], ["m"])]

    assert bindings(nodes) == [(), (made("load", "t"),), (made("clean", "t"),), (made("clean__2", "t"),)]


def test_constants_and_config_are_known_to_every_node():
    nodes = [Node(load, ["path", "config.a.b"], ["t"]), Node(save, ["t", "path", "config"], [])]
    path, config = ConstantBinding(name="path"), ConfigBinding(path=())

    assert bindings(nodes, config={"a": {"b": 1}}, constants={"path": "/there"}) == [
        (path, ConfigBinding(path=("a", "b"))),
        (made("load", "t"), path, config),
    ]


def test_an_input_may_be_named_twice():
    assert bindings([Node(load, ["x", "x"], ["a"])], constants={"x": 1}) == [(ConstantBinding(name="x"),) * 2]


def test_a_constant_that_nobody_reads_is_as_fine_as_in_linepipe():
    assert build_plan([Node(load, [], ["a"])], constants={"x": 1}).constants == {"x": 1}


def test_a_config_name_is_never_a_constant():
    assert bindings([Node(load, ["config.x"], ["a"])], config={"x": 1}, constants={"config.x": 2}) == [
        (ConfigBinding(path=("x",)),)
    ]


def test_an_output_that_nobody_reads_and_a_pipeline_without_nodes_are_fine():
    assert list(build_plan([Node(load, [], ["a"])]).outputs) == ["a"]
    assert plan_pipeline(Pipeline([])) == Plan(steps=())


def test_a_pipeline_brings_its_config_and_constants():
    plan = plan_pipeline(Pipeline([Node(load, ["x", "config.y"], ["a"])], config={"y": 2}, x=1))

    assert (plan.config, plan.constants) == ({"y": 2}, {"x": 1})
    assert dict(ran(plan, given={})) == {"a": (1, 2)}


def test_nodes_added_to_the_pipeline_later_are_seen_as_in_linepipe():
    pipeline = Pipeline([Node(load, [], ["a"])])
    pipeline.nodes.append(Node(clean, ["a"], ["b"]))

    assert list(plan_pipeline(pipeline).outputs) == ["a", "b"]


def test_composed_pipelines_are_one_list():
    """R20."""

    def values() -> int:
        return 1

    def sums(x: int) -> int:
        return x + 1

    def totals(x: int) -> int:
        return x + 2

    features = Pipeline([Node(values, [], ["x"])])
    plans = [plan_pipeline(features + Pipeline([Node(other, ["x"], ["y"])])) for other in (sums, totals)]

    assert [[step.id for step in plan.steps] for plan in plans] == [["values", "sums"], ["values", "totals"]]
    assert [dict(ran(plan, given={})) for plan in plans] == [{"x": 1, "y": 2}, {"x": 1, "y": 3}]


def test_profile_is_kept():
    """R24."""
    assert [
        step.profile for step in build_plan([Node(load, [], ["a"], profile=True), Node(load, [], ["b"])]).steps
    ] == [
        True,
        False,
    ]


def test_two_named_partials_of_one_function_are_two_steps_with_their_own_arguments():
    """R19."""
    written = []

    def write(rows, schema, table):
        written.append((rows, schema, table))

    nodes = [
        Node(create_named_partial_function(write, f"write_{table}", schema="dwh", table=table), ["rows"], [])
        for table in ("flights", "delays")
    ]
    plan = plan_pipeline(Pipeline(nodes, rows=[1]))

    assert [(step.id, step.label) for step in plan.steps] == [
        ("write_flights", "write_flights"),
        ("write_delays", "write_delays"),
    ]
    assert dict(ran(plan, given={})) == {}
    assert written == [([1], "dwh", "flights"), ([1], "dwh", "delays")]


def test_a_given_name_comes_from_outside():
    plan = build_plan([Node(load, ["month"], ["t"])], given=["month"])

    assert plan.given == ("month",)
    assert plan.steps[0].bindings == (GivenBinding(name="month"),)


def test_a_given_name_takes_the_place_of_a_constant_for_every_reader():
    pipeline = Pipeline([Node(load, ["month"], ["t"]), Node(clean, ["month", "x"], ["u"])], month="2013-01", x=1)
    plan = plan_pipeline(pipeline, given=["month"])

    assert plan.given == ("month",)
    assert plan.constants == {"x": 1}
    assert dict(ran(plan, given={"month": "2013-02"})) == {"t": ("2013-02",), "u": ("2013-02", 1)}
    assert pipeline.runtime_constants == {"month": "2013-01", "x": 1}


def test_a_given_name_may_be_written_again_like_an_output():
    nodes = [Node(load, ["t"], ["a"]), Node(clean, ["t"], ["t"]), Node(fit, ["t"], ["m"])]

    assert bindings(nodes, given=["t"]) == [(GivenBinding(name="t"),), (GivenBinding(name="t"),), (made("clean", "t"),)]


def test_a_given_constant_may_be_the_name_of_an_output():
    assert bindings([Node(load, ["x"], ["x"])], constants={"x": 1}, given=["x"]) == [(GivenBinding(name="x"),)]


def test_given_none_takes_every_name_that_nothing_else_provides():
    nodes = [Node(load, ["x", "path", "config.a"], ["t"]), Node(clean, ["t", "y", "x"], ["u"])]
    plan = build_plan(nodes, config={"a": 1}, constants={"path": "/there"}, given=None)

    assert plan.given == ("x", "y")
    assert plan.steps[0].bindings[1:] == (ConstantBinding(name="path"), ConfigBinding(path=("a",)))
