"""Granularity: which steps share a task, in which order the tasks stand, and what cannot be grouped."""

from __future__ import annotations

import subprocess
import sys

import pytest
from linepipe.node import Node
from nodes import clean, fit, load, save

from airflow_linepipe.errors import PlanError, SettingError
from airflow_linepipe.plan import build_plan, plan_parts


def grouped(plan, **arguments):
    return [(part.id, [step.id for step in part.plan.steps]) for part in plan_parts(plan, **arguments)]


def diamond(**arguments):
    """load → clean → (fit, fit__2) → save, with a writer beside it that nobody waits for."""
    return build_plan(
        [
            Node(load, [], ["raw"]),
            Node(clean, ["raw"], ["table"]),
            Node(fit, ["table"], ["a"]),
            Node(fit, ["table"], ["b"]),
            Node(save, ["a", "b"], ["both"]),
            Node(save, ["both"], []),
        ],
        **arguments,
    )


def test_every_step_is_a_part_of_its_own_by_default():
    assert grouped(diamond()) == [(name, [name]) for name in ("load", "clean", "fit", "fit__2", "save", "save__2")]


def test_chain_fuses_steps_that_can_only_run_one_after_the_other():
    assert grouped(diamond(), granularity="chain") == [
        ("load", ["load", "clean"]),
        ("fit", ["fit"]),
        ("fit__2", ["fit__2"]),
        ("save", ["save", "save__2"]),
    ]


def test_a_value_that_skips_a_step_does_not_break_a_chain():
    nodes = [Node(load, [], ["a"]), Node(clean, ["a"], ["b"]), Node(fit, ["a", "b"], ["c"])]
    assert grouped(build_plan(nodes), granularity="chain") == [("load", ["load", "clean", "fit"])]


def test_list_order_is_one_chain():
    assert [part_id for part_id, _ in grouped(diamond(order="list"), granularity="chain")] == ["load"]


def test_a_step_with_settings_of_its_own_is_no_part_of_a_chain():
    assert grouped(diamond(), granularity="chain", apart=["clean"])[:2] == [("load", ["load"]), ("clean", ["clean"])]
    assert grouped(diamond(), granularity="chain", apart=["load"])[:2] == [("load", ["load"]), ("clean", ["clean"])]


def test_pipeline_is_one_part():
    (part,) = plan_parts(diamond(), granularity="pipeline")
    assert (part.id, len(part.plan.steps), dict(part.sources), dict(part.outputs)) == ("pipeline", 6, {}, {})
    assert plan_parts(build_plan([]), granularity="pipeline") == ()


def test_named_groups_leave_the_others_alone_and_stand_where_their_inputs_allow():
    nodes = [Node(load, [], ["a"]), Node(clean, [], ["b"]), Node(fit, ["b"], ["c"]), Node(save, ["a", "c"], [])]
    assert grouped(build_plan(nodes), granularity={"ends": ["save", "load"]}) == [
        ("clean", ["clean"]),
        ("fit", ["fit"]),
        ("ends", ["load", "save"]),
    ]
    assert grouped(build_plan(nodes), granularity={"load": ["load", "clean"]})[0] == ("load", ["load", "clean"])


def test_tasks_that_would_wait_for_each_other_are_named_with_the_nodes_that_make_them():
    """kedro-airflow's --group-by emits such a DAG (kedro#5778)."""
    with pytest.raises(PlanError) as caught:
        plan_parts(diamond(), granularity={"outer": ["load", "fit"]})
    message = str(caught.value)
    assert (
        "the tasks 'outer' and 'clean' would wait" in message or "the tasks 'clean' and 'outer' would wait" in message
    )
    assert "node 'clean' of 'clean' needs node 'load' of 'outer'" in message
    assert "node 'fit' of 'outer' needs node 'clean' of 'clean'" in message
    assert message.endswith("Put these nodes into one task, or into more.")
    with pytest.raises(PlanError, match="'one' and 'other'|'other' and 'one'"):
        plan_parts(diamond(), granularity={"one": ["load", "fit"], "other": ["clean", "save"]})


def test_a_writer_makes_tasks_wait_too():
    nodes = [Node(save, ["path"], []), Node(load, ["path"], ["a"]), Node(clean, ["a", "path"], [])]
    plan = build_plan(nodes, constants={"path": "/there"})
    with pytest.raises(PlanError, match="node 'load' of 'load' needs node 'save' of 'writers'"):
        plan_parts(plan, granularity={"writers": ["save", "clean"]})


@pytest.mark.parametrize(
    ("granularity", "sentence"),
    [
        ("nodes", "granularity='nodes' is not known: did you mean 'node'?"),
        (3, 'granularity=3 is not known: use "node", "chain", "pipeline" or a dict of lists of step ids.'),
        ({"g": ["laod"]}, "granularity['g']: the pipeline has no step 'laod': did you mean 'load'?"),
        (
            {"g": ["zz"]},
            "granularity['g']: the pipeline has no step 'zz': it has load, clean, fit, fit__2, save, save__2.",
        ),
        ({"g": [["load"]]}, "the pipeline has no step ['load']: did you mean 'load'?"),
        ({"g": "load"}, "granularity['g'] is 'load': give a list of step ids."),
        ({"g": []}, "granularity['g'] is []: give a list of step ids."),
        ({"g": None}, "granularity['g'] is None: give a list of step ids."),
        ({"g g": ["load"]}, "granularity['g g']: that is no task id: use letters, digits, - and _ only."),
        ({"": ["load"]}, "granularity['']: that is no task id: use letters, digits, - and _ only."),
        ({"f" * 251: ["load"]}, "that is no task id: use letters, digits, - and _ only."),
        ({3: ["load"]}, "granularity[3]: that is no task id: use letters, digits, - and _ only."),
        (
            {"g": ["load"], "h": ["clean", "load"]},
            "granularity['h']: step 'load' stands in 'g' already: a step runs in one task.",
        ),
        (
            {"g": ["load", "load"]},
            "granularity['g'] is ['load', 'load']: name each step once.",
        ),
        (
            {"clean": ["load", "fit"]},
            "granularity['clean']: the step of this name runs in a task of its own: choose another name.",
        ),
    ],
)
def test_what_is_no_granularity_is_refused_in_a_sentence(granularity, sentence):
    with pytest.raises(SettingError) as caught:
        plan_parts(diamond(), granularity=granularity)
    assert str(caught.value).endswith(sentence)


def test_what_is_no_persist_is_refused():
    with pytest.raises(SettingError, match='persist=\'some\' is not known: use "boundary" or "all"'):
        plan_parts(diamond(), persist="some")


PROGRAM = """
from linepipe.node import Node
from airflow_linepipe.plan import build_plan, plan_parts
nodes = [Node(lambda: 1, [], [f"v{n}"]) for n in range(20)]
nodes += [Node(lambda *a: 1, [f"v{n}" for n in range(20)], [f"w{m}"]) for m in range(20)]
nodes += [Node(lambda *a: 1, [f"w{n}" for n in range(20)], ["z"])]
print([part.id for part in plan_parts(build_plan(nodes), granularity="chain")])
"""


def test_the_order_of_the_parts_is_the_same_in_every_process():
    printed = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(3)
    }
    assert len(printed) == 1


def test_parts_stand_in_list_order_where_their_inputs_allow():
    nodes = [Node(load, [], ["s"]), Node(clean, ["s"], ["a"]), Node(fit, [], ["b"]), Node(save, ["a"], ["c"])]
    assert [part.id for part in plan_parts(build_plan(nodes))] == ["load", "clean", "fit", "save"]
