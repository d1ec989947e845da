"""Parts of a plan: what a task is handed, what it keeps, what leaves it."""

from __future__ import annotations

import pytest
from linepipe.node import Node
from nodes import clean, fit, from_outside, load, made, save

from airflow_linepipe.plan import ConfigBinding, ConstantBinding, build_plan, cut_parts, part_after


def cut(plan, *step_ids, persist="boundary"):
    alone = {step.id: [step.id] for step in plan.steps if step.id not in step_ids}
    return cut_parts(plan, {"part": step_ids, **alone}, persist=persist)[0]


@pytest.fixture
def rebound():
    """Two versions of a table, both read to the end."""
    return build_plan(
        [
            Node(load, [], ["table"]),
            Node(save, ["table"], []),
            Node(clean, ["table"], ["table"]),
            Node(fit, ["table"], ["model"]),
        ]
    )


def test_a_part_is_given_what_other_steps_make(plan):
    part = cut(plan, "fit")

    assert [step.id for step in part.plan.steps] == ["fit"]
    assert part.plan.steps[0].bindings == (from_outside("table"), from_outside("rows"), from_outside("seed"))
    assert part.plan.steps[0].inputs == ("table", "rows", "seed")
    assert part.plan.given == ("table", "rows", "seed")
    assert part.sources == {
        "table": made("clean", "table"),
        "rows": made("load", "rows"),
        "seed": from_outside("seed"),
    }


def test_a_part_keeps_config_constants_and_what_its_own_steps_make(plan):
    part = cut(plan, "clean", "fit")

    assert part.plan.step("clean").bindings == (from_outside("table"), ConfigBinding(path=("limit",)))
    assert part.plan.step("fit").bindings == (made("clean", "table"), from_outside("rows"), from_outside("seed"))
    assert (part.plan.config, part.plan.constants) == (plan.config, plan.constants)


def test_what_others_read_leaves_a_part_and_what_nobody_reads(plan):
    assert cut(plan, "load", "clean", "fit").outputs == {"model": made("fit", "model")}
    assert cut(plan, "load").outputs == {"table@load": made("load", "table"), "rows": made("load", "rows")}
    nodes = [Node(load, [], ["read", "unread"]), Node(save, ["read"], [])]
    assert cut(build_plan(nodes), "load", "save").outputs == {"unread": made("load", "unread")}


def test_everything_leaves_when_all_is_to_be_kept(plan):
    assert cut(plan, "load", "clean", "fit", "save", persist="all").outputs == {
        "table@load": made("load", "table"),
        "rows": made("load", "rows"),
        "table": made("clean", "table"),
        "model": made("fit", "model"),
    }


def test_a_writer_leaves_nothing_behind(plan):
    part = cut(plan, "save")

    assert (part.plan.given, dict(part.outputs)) == (("model",), {})
    assert part.plan.steps[0].bindings == (from_outside("model"), ConstantBinding(name="path"))


def test_one_more_output_may_be_kept(plan):
    part = cut(plan, "clean", "fit")
    assert part.outputs == {"model": made("fit", "model")}

    kept = part.keep(made("clean", "table"))
    assert kept.name_of(made("clean", "table")) == "table"
    with pytest.raises(KeyError, match="table"):
        part.name_of(made("clean", "table"))


def test_steps_keep_list_order_whatever_order_is_asked_for(plan):
    assert [step.id for step in cut(plan, "save", "load", "fit").plan.steps] == ["load", "fit", "save"]
    assert cut(plan, "save", "load", "fit") == cut(plan, "load", "fit", "save")


def test_a_part_keeps_the_order_between_its_own_steps_only(plan):
    assert plan.step("save").after == ("load",)
    assert cut(plan, "load", "save").plan.step("save").after == ("load",)
    assert cut(plan, "fit", "save").plan.step("save").after == ()


def test_a_step_that_is_not_there_is_named(plan):
    with pytest.raises(KeyError, match="train"):
        cut(plan, "load", "train")


def test_two_versions_of_a_name_enter_a_part_under_two_names(rebound):
    part = cut(rebound, "save", "fit")

    assert part.sources == {"table": made("load", "table"), "table@clean": made("clean", "table")}
    assert [step.bindings for step in part.plan.steps] == [(from_outside("table"),), (from_outside("table@clean"),)]


def test_two_versions_of_a_name_leave_a_part_under_two_names(rebound):
    assert cut(rebound, "load", "clean").outputs == {
        "table@load": made("load", "table"),
        "table": made("clean", "table"),
    }


def test_a_value_from_outside_and_an_artifact_of_its_name_enter_under_two_names():
    nodes = [Node(load, ["table"], ["rows"]), Node(clean, ["table"], ["table"]), Node(fit, ["table"], ["model"])]
    part = cut(build_plan(nodes, given=["table"]), "load", "fit")

    assert part.sources == {"table": from_outside("table"), "table@clean": made("clean", "table")}


def test_a_name_that_a_part_makes_again_is_given_once_and_then_its_own():
    nodes = [Node(load, [], ["t"]), Node(clean, ["t"], ["t"]), Node(fit, ["t"], ["t"])]
    part = cut(build_plan(nodes), "clean", "fit")

    assert part.plan.given == ("t",)
    assert [step.bindings for step in part.plan.steps] == [(from_outside("t"),), (made("clean", "t"),)]
    assert part.outputs == {"t": made("fit", "t")}


def test_a_version_never_takes_the_name_of_a_real_output():
    """An attacker's: r1 got another version."""
    nodes = [
        Node(load, [], ["x"]),
        Node(load, [], ["x@load"]),
        Node(fit, ["x"], ["q"]),
        Node(clean, ["x"], ["x"]),
        Node(save, ["x", "x@load"], ["z"]),
    ]
    part = cut(build_plan(nodes), "load", "load__2", "clean")

    assert part.outputs == {
        "x@load@": made("load", "x"),
        "x@load": made("load__2", "x@load"),
        "x": made("clean", "x"),
    }


def rest(part, *ran, stored):
    left, done = part_after(part, ran, stored)
    return [step.id for step in left.plan.steps], done


def test_a_part_goes_on_after_what_is_stored(plan):
    (part,) = cut_parts(plan, {"part": [step.id for step in plan.steps]}, persist="all")
    everything = set(part.outputs.values())

    assert rest(part, "load", "clean", stored=everything) == (["fit", "save"], ("load", "clean"))
    assert rest(part, "load", "clean", "fit", "save", stored=everything) == ([], ("load", "clean", "fit", "save"))
    assert rest(part, "load", "fit", stored=everything) == (["clean", "fit", "save"], ("load",))
    assert rest(part, "gone", stored=everything) == (["load", "clean", "fit", "save"], ())
    assert rest(part, "load", "clean", stored=everything - {made("load", "rows")})[1] == ()
    left, _ = part_after(part, ["load", "clean"], everything)
    assert left.sources == {
        "table": made("clean", "table"), "rows": made("load", "rows"), "seed": from_outside("seed"),
    }  # fmt: skip
    assert left.outputs == {"model": made("fit", "model")}


def test_what_stays_inside_is_made_again_with_all_after_it(plan):
    (part,) = cut_parts(plan, {"part": [step.id for step in plan.steps]})

    assert set(part.outputs) == set()
    assert rest(part, "load", "clean", "fit", stored=()) == (["load", "clean", "fit", "save"], ())


def test_what_is_ephemeral_is_made_again_and_the_rest_is_not():
    nodes = [Node(load, ["path"], ["conn"]), Node(clean, ["conn"], ["table"]), Node(save, ["conn", "table"], [])]
    plan = build_plan(nodes, constants={"path": "/there"}, ephemeral=["conn"])
    (part,) = cut_parts(plan, {"part": [step.id for step in plan.steps]}, persist="all")

    assert rest(part, "load", "clean", stored={made("clean", "table")}) == (["load", "save"], ("load", "clean"))


def test_a_beginning_that_runs_again_for_every_reader_is_none():
    nodes = [Node(load, ["path"], ["conn"]), Node(clean, ["conn"], ["table"])]
    plan = build_plan(nodes, constants={"path": "/there"}, ephemeral=["conn"])
    (part,) = cut_parts(plan, {"part": ["clean"]})

    assert rest(part, "load", stored=set()) == (["load", "clean"], ())
