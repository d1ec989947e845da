"""Plans and their parts: what leaves, what must be given, what a task is handed."""

from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError

import pytest
from linepipe.node import Node
from nodes import clean, fit, from_outside, load, made, save

from airflow_linepipe.plan import (
    ConfigBinding,
    ConstantBinding,
    Plan,
    build_plan,
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


def test_a_plan_of_importable_functions_can_be_pickled():
    plan = build_plan([Node(len, ["rows"], ["count"])], given=["rows"])

    assert pickle.loads(pickle.dumps(plan)).step("len") == plan.step("len")


def test_an_empty_plan_has_no_outputs():
    assert dict(Plan(steps=()).outputs) == {}
