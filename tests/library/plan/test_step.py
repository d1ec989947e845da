"""Plans and their parts: what leaves, what must be given, what a task is handed."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError

import pytest
from linepipe.node import Node
from nodes import clean, fit, load, made, save

from airflow_linepipe.errors import PlanError
from airflow_linepipe.plan import (
    ConfigBinding,
    ConstantBinding,
    GivenBinding,
    Plan,
    build_plan,
)


def from_outside(name):
    return GivenBinding(name=name)


@pytest.fixture
def plan():
    return build_plan(
        [
            Node(load, ["path"], ["table", "rows"]),
            Node(clean, ["table", "config.limit"], ["table"]),
            Node(fit, ["table", "rows", "seed"], ["model"]),
            Node(save, ["model", "path"], []),
        ],
        config={"limit": 3},
        constants={"path": "/there"},
        given=["seed"],
    )


def test_a_step_knows_its_node_and_where_each_input_comes_from(plan):
    assert [(step.id, step.label, step.function) for step in plan.steps] == [
        ("load", "load", load),
        ("clean", "clean", clean),
        ("fit", "fit", fit),
        ("save", "save", save),
    ]
    assert [step.inputs for step in plan.steps][1] == ("table", "config.limit")
    assert [step.bindings for step in plan.steps] == [
        (ConstantBinding(name="path"),),
        (made("load", "table"), ConfigBinding(path=("limit",))),
        (made("clean", "table"), made("load", "rows"), from_outside("seed")),
        (made("fit", "model"), ConstantBinding(name="path")),
    ]


def test_upstream_names_each_step_once_the_makers_of_its_inputs_first(plan):
    assert [step.upstream for step in plan.steps] == [(), ("load",), ("clean", "load"), ("fit", "load")]


def test_outputs_are_the_last_of_each_name(plan):
    assert plan.outputs == {
        "table": made("clean", "table"),
        "rows": made("load", "rows"),
        "model": made("fit", "model"),
    }


def test_a_step_is_found_by_its_id(plan):
    assert plan.step("fit") is plan.steps[2]
    with pytest.raises(KeyError, match="train"):
        plan.step("train")


def test_a_plan_and_its_steps_do_not_change(plan):
    with pytest.raises(FrozenInstanceError):
        plan.steps = ()
    with pytest.raises(FrozenInstanceError):
        plan.steps[0].id = "x"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
def test_a_copy_of_a_plan_is_a_plan(plan, again):
    other = again(plan)

    assert other == plan
    assert other.step("fit") == plan.step("fit")
    assert other.cut(["fit"]) == plan.cut(["fit"])


def test_a_plan_of_importable_functions_can_be_pickled():
    plan = build_plan([Node(len, ["rows"], ["count"])], given=["rows"])

    assert pickle.loads(pickle.dumps(plan)).cut(["len"]) == plan


# --- cut ------------------------------------------------------------------------------------------------------------


def test_a_cut_of_everything_is_the_plan(plan):
    assert plan.cut(["load", "clean", "fit", "save"]) == plan


def test_a_cut_is_given_what_other_steps_make(plan):
    part = plan.cut(["fit"])

    assert [step.id for step in part.steps] == ["fit"]
    assert part.steps[0].bindings == (from_outside("table"), from_outside("rows"), from_outside("seed"))
    assert part.steps[0].inputs == ("table", "rows", "seed")
    assert part.given == ("table", "rows", "seed")
    assert part.outputs == {"model": made("fit", "model")}


def test_a_cut_keeps_config_constants_and_what_its_own_steps_make(plan):
    part = plan.cut(["clean", "fit"])

    assert part.step("clean").bindings == (from_outside("table"), ConfigBinding(path=("limit",)))
    assert part.step("fit").bindings == (made("clean", "table"), from_outside("rows"), from_outside("seed"))
    assert part.given == ("table", "rows", "seed")
    assert (part.config, part.constants) == (plan.config, plan.constants)


def test_a_cut_of_a_writer_leaves_nothing_behind(plan):
    part = plan.cut(["save"])

    assert (part.given, dict(part.outputs)) == (("model",), {})
    assert part.steps[0].bindings == (from_outside("model"), ConstantBinding(name="path"))


def test_a_cut_keeps_list_order_whatever_order_is_asked_for(plan):
    assert [step.id for step in plan.cut(["save", "load", "fit"]).steps] == ["load", "fit", "save"]
    assert plan.cut({"save", "load", "fit"}) == plan.cut(["load", "fit", "save"])


def test_a_cut_keeps_the_order_between_its_own_steps_only(plan):
    assert plan.step("save").after == ("load",)
    assert plan.cut(["load", "save"]).step("save").after == ("load",)
    assert plan.cut(["fit", "save"]).step("save").after == ()


def test_a_cut_of_a_cut_is_the_cut(plan):
    assert plan.cut(["clean", "fit"]).cut(["fit"]) == plan.cut(["fit"])


def test_a_cut_of_nothing_is_an_empty_plan(plan):
    assert plan.cut([]).steps == ()


def test_a_cut_of_a_step_that_is_not_there_names_it(plan):
    with pytest.raises(KeyError, match="train"):
        plan.cut(["load", "train"])


def test_a_name_that_a_cut_makes_again_is_given_once_and_then_its_own():
    nodes = [Node(load, [], ["t"]), Node(clean, ["t"], ["t"]), Node(fit, ["t"], ["t"])]
    part = build_plan(nodes).cut(["clean", "fit"])

    assert part.given == ("t",)
    assert [step.bindings for step in part.steps] == [(from_outside("t"),), (made("clean", "t"),)]
    assert part.outputs == {"t": made("fit", "t")}


def test_two_artifacts_of_one_name_cannot_be_given_to_one_task():
    nodes = [
        Node(load, [], ["table"]),
        Node(save, ["table"], []),
        Node(clean, ["table"], ["table"]),
        Node(fit, ["table"], ["model"]),
    ]
    with pytest.raises(PlanError) as caught:
        build_plan(nodes).cut(["save", "fit"])

    assert str(caught.value) == (
        "Node 'fit' needs another 'table' than an earlier node of the same task: "
        "rename one of them, or give the two nodes tasks of their own."
    )
    assert [(problem.node, problem.value) for problem in caught.value.problems] == [("fit", "table")]


def test_a_value_from_outside_and_an_artifact_of_its_name_cannot_be_given_to_one_task():
    nodes = [Node(load, ["table"], ["rows"]), Node(clean, ["table"], ["table"]), Node(fit, ["table"], ["model"])]

    with pytest.raises(PlanError, match="Node 'fit' needs another 'table'"):
        build_plan(nodes, given=["table"]).cut(["load", "fit"])


def test_an_empty_plan_has_no_outputs():
    assert dict(Plan(steps=()).outputs) == {}
