"""A retry of a task of several nodes goes on after the last node whose outputs are stored."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pendulum
import pytest
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag, NodeOptions
from airflow_linepipe.handoff import Exchange, Producer
from airflow_linepipe.hooks.progress import TaskProgress
from airflow_linepipe.plan import plan_parts, plan_pipeline

COMMON = {"start_date": pendulum.datetime(2026, 1, 1), "retries": 2, "retry_delay": timedelta(0)}


class Calls:
    """Counts what runs, and lets some of it fail the first time."""

    def __init__(self, *failing):
        self.names = []
        self.failing = set(failing)

    def node(self, name, inputs, outputs):
        def call(*values):
            self.names.append(name)
            if name in self.failing:
                self.failing.remove(name)
                message = f"{name} fails once"
                raise ValueError(message)
            return [name, *values] if outputs else None

        call.__name__ = name
        return Node(call, inputs, outputs)


def chain(calls):
    return Pipeline(
        [
            calls.node("a", ["x"], ["one"]),
            calls.node("b", ["one"], ["two"]),
            calls.node("w", ["two", "x"], []),
            calls.node("c", ["two", "y"], ["three"]),
        ],
        x=1,
        y=2,
    )


def dag(name, calls, **arguments):
    return LinepipeDag(name, pipeline=chain(calls), granularity="pipeline", schedule=None, **{**COMMON, **arguments})


@pytest.mark.parametrize(
    ("failing", "persist", "calls"),
    [
        (["c"], "all", "a b w c c"),
        (["b"], "all", "a b b w c"),
        (["b", "c"], "all", "a b b w c c"),
        (["a"], "all", "a a b w c"),
        (["w"], "all", "a b w w c"),
        (["c"], "boundary", "a b w c a b w c"),
    ],
)
def test_a_retry_goes_on_after_the_last_node_that_left_what_the_rest_needs(run_dag, failing, persist, calls):
    counted = Calls(*failing)
    run = run_dag(dag("resume_" + "_".join([*failing, persist]), counted, persist=persist, inputs={"y": 3}))
    assert run.state == "success"
    assert " ".join(counted.names) == calls
    assert run.value("pipeline", "three") == ["c", ["b", ["a", 1]], 3]
    if persist == "all":
        assert run.value("pipeline", "one") == ["a", 1]
        assert set(run.xcoms["pipeline", -1, "return_value"]) == {"one", "two", "three"}


def test_what_an_earlier_try_left_and_is_gone_is_made_again(run_dag, tmp_path):
    counted = Calls("c")

    def lose(context):
        for file in Path(tmp_path).rglob("two.*"):
            file.unlink()

    options = {"pipeline": NodeOptions(on_retry_callback=lose)}
    run = run_dag(dag("resume_gone", counted, persist="all", storage=f"file://{tmp_path}", node_options=options))
    assert run.state == "success"
    assert " ".join(counted.names) == "a b w c a b w c"
    assert run.value("pipeline", "two") == ["b", ["a", 1]]


class Store(dict):
    """A task's state store."""

    set = dict.__setitem__


@pytest.mark.parametrize(
    ("later", "left"),
    [
        ({"try_number": 2}, ["c"]),
        ({"try_number": 2, "given": [{"y": 3}]}, ["a", "b", "w", "c"]),
        ({"try_number": 2, "max_tries": 3}, ["a", "b", "w", "c"]),
        ({"try_number": 2, "constants": {"x": 2}}, ["a", "b", "w", "c"]),
        ({"try_number": 2, "persist": "boundary"}, ["a", "b", "w", "c"]),
        ({"try_number": 1}, ["a", "b", "w", "c"]),
    ],
)
def test_a_try_that_was_handed_anything_else_or_was_cleared_starts_at_the_beginning(tmp_path, later, left):
    """Whoever clears a task has changed something; Airflow gives it more tries then."""
    exchange = Exchange(str(tmp_path))
    store = Store()

    def progress(*, try_number, max_tries=2, given=(), constants=None, persist="all"):
        pipeline = chain(Calls())
        pipeline.runtime_constants.update(constants or {})
        (part,) = plan_parts(plan_pipeline(pipeline), granularity="pipeline", persist=persist)
        context = {"ti": SimpleNamespace(try_number=try_number, max_tries=max_tries), "task_state_store": store}
        return TaskProgress.of_task(context, part, exchange, given=given)

    first = progress(try_number=1)
    for step in first.part.plan.steps[:3]:
        producer = Producer(dag_id="d", run_id="r", task_id="t")
        first.note(step, {name: exchange.put(1, name=name, producer=producer).to_wire() for name in step.outputs})
    second = progress(**later)
    assert [step.id for step in second.part.plan.steps] == left
    assert set(second.references) == ({"one", "two"} if left == ["c"] else set())
    assert second.take_values() == ({"two": 1} if left == ["c"] else {})


class UnloadableError(Exception):
    """Pickle writes it and cannot read it again."""

    def __init__(self, one, other):
        super().__init__(f"{one}{other}")


def test_what_an_earlier_try_left_and_cannot_be_read_is_made_again(run_dag):
    counted = Calls("use")
    made = counted.node("make", [], ["error"])
    nodes = [
        Node(lambda: [made.func(), UnloadableError(1, 2)][1], [], ["error"]),
        counted.node("use", ["error"], ["x"]),
    ]
    dag = LinepipeDag(
        "resume_unreadable", pipeline=Pipeline(nodes), granularity="pipeline", persist="all", schedule=None, **COMMON
    )
    run_dag(dag)
    assert counted.names == ["make", "use", "make", "use"]


def test_nothing_that_was_handed_over_stands_in_the_state_store(tmp_path):
    (part,) = plan_parts(plan_pipeline(chain(Calls())), granularity="pipeline", persist="all")
    store = Store()
    context = {"ti": SimpleNamespace(try_number=1, max_tries=2), "task_state_store": store}
    progress = TaskProgress.of_task(context, part, Exchange(str(tmp_path)), given={"password": "hunter2"})
    progress.note(part.plan.steps[2], {})
    assert store
    assert "hunter2" not in str(store)


def test_without_retries_nothing_is_kept(run_dag, monkeypatch):
    from airflow.sdk.execution_time.context import TaskStateStoreAccessor

    kept = []
    monkeypatch.setattr(TaskStateStoreAccessor, "set", lambda self, key, value, **_: kept.append(value))
    assert run_dag(dag("resume_none", Calls(), persist="all", retries=0)).state == "success"
    assert kept == []
    assert run_dag(dag("resume_some", Calls(), persist="all")).state == "success"
    assert [len(value["ran"]) for value in kept] == [1, 2, 3, 4]
