"""LinepipeNodeOperator by itself: calls, errors, outputs, mapping."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pipelines
import pytest
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from linepipe.node import Node

from airflow_linepipe import LinepipeNodeOperator, linepipe_task

START = datetime(2026, 1, 1, tzinfo=UTC)


def _dag(name: str) -> DAG:
    return DAG(name, schedule=None, start_date=START)


def test_one_node_needs_nothing_but_its_inputs(run_dag):
    with _dag("node_one") as dag:
        LinepipeNodeOperator(node=Node(pipelines.add, ["x", "y"], ["sum"]), inputs={"x": 2}, constants={"y": 3})
    run = run_dag(dag)
    assert run.value("add") == 5
    assert set(run.xcoms) == {("add", -1, "return_value")}


def test_several_outputs_are_several_xcoms_and_a_dict(run_dag):
    """R10: in order."""
    with _dag("node_several") as dag:
        LinepipeNodeOperator(node=Node(lambda: (1, "b", None), [], ["a", "b", "c"]), task_id="make")
    run = run_dag(dag)
    assert [run.value("make", name) for name in "abc"] == [1, "b", None]
    assert list(run.xcoms["make", -1, "return_value"]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ((1, 2, 3), "returned 3 values, but 2 outputs were declared"),
        ({"a": 1, "b": 2}, "returned a dict: return a tuple of 2 values"),
        ("ab", "returned a str"),
        ({1, 2}, "returned a set"),
        (pipelines.frame(3), "returned a DataFrame"),
    ],
    ids=["too-many", "dict", "str", "set", "frame"],
)
def test_what_does_not_fit_the_outputs_fails_the_task_with_the_reason(run_dag, result, message):
    """R10: counts in the message; dict, str, DataFrame and set are refused."""
    seen = []
    with _dag("node_mismatch") as dag:
        LinepipeNodeOperator(
            node=Node(lambda: result, [], ["a", "b"]),
            task_id="make",
            on_failure_callback=lambda context: seen.append(context["exception"]),
        )
    run = run_dag(dag)
    assert run.state == "failed"
    assert not run.xcoms
    assert message in str(seen[0])


@pytest.mark.parametrize(
    ("error", "state", "tries"),
    [
        (KeyError("mine"), "failed", 2),
        (AirflowSkipException("not today"), "skipped", 1),
        (AirflowFailException("never"), "failed", 1),
    ],
    ids=["own", "skip", "fail"],
)
def test_exceptions_of_the_function_reach_airflow_as_themselves(run_dag, error, state, tries):
    """R12: a skip skips, a fail does not retry, and the callback sees the very exception."""
    seen = []

    def body():
        raise error

    with _dag("node_raises") as dag:
        LinepipeNodeOperator(
            node=Node(body, [], ["out"]),
            retries=1,
            retry_delay=timedelta(0),
            on_failure_callback=lambda context: seen.append(context["exception"]),
        )
    run = run_dag(dag)
    assert run.tasks["body", -1].state == state
    assert run.tasks["body", -1].try_number == tries
    assert seen == ([] if state == "skipped" else [error])


def test_nodes_of_one_task_pass_values_in_memory_and_store_what_is_left(run_dag):
    with _dag("node_fused") as dag:
        LinepipeNodeOperator(node=list(pipelines.tables.nodes), config={"rows": 4}, task_id="all")
    run = run_dag(dag)
    assert {key for _, _, key in run.xcoms} - {"return_value"} == {
        "table", "evens", "odds", "length", "total", "odd_total",
    }  # fmt: skip
    assert run.value("all", "total") == 6
    assert run.value("all", "table")["row"].tolist() == [0, 1, 2, 3]


def test_a_node_named_by_its_module_maps_over_values_and_over_another_tasks_items(run_dag):
    """R37 in part: the order is kept."""
    with _dag("node_mapped") as dag:

        @linepipe_task
        def pairs() -> list[dict[str, int]]:
            return [{"x": 1, "y": 10}, {"x": 2, "y": 20}]

        @task
        def plain_pairs() -> list[dict[str, int]]:
            return [{"x": 3, "y": 30}]

        LinepipeNodeOperator.partial(task_id="a", node="pipelines:addition_node").expand(inputs=pairs())
        LinepipeNodeOperator.partial(task_id="b", node=Node(pipelines.add, ["x", "y"], ["s"])).expand(
            inputs=plain_pairs()
        )
        plus_one = LinepipeNodeOperator.partial(
            task_id="c", node=Node(pipelines.add, ["x", "y"], ["s"]), constants={"y": 1}
        )
        plus_one.expand(inputs=[{"x": 5}, {"x": 6}])
    run = run_dag(dag)
    assert run.state == "success"
    assert [run.value("a", map_index=index) for index in range(2)] == [11, 22]
    assert run.value("b", map_index=0) == 33
    assert [run.value("c", map_index=index) for index in range(2)] == [6, 7]


def test_numpy_numbers_and_not_a_number_stand_in_xcom_as_json(run_dag):
    with _dag("node_numbers") as dag:
        LinepipeNodeOperator(node=Node(pipelines.mean, ["array"], ["mean"]), constants={"array": np.arange(4.0)})
        LinepipeNodeOperator(node=Node(lambda: float("nan"), [], ["loss"]), task_id="loss")
    run = run_dag(dag)
    assert run.xcoms["mean", -1, "return_value"]["value"] == 1.5
    assert type(run.value("mean")) is np.float64
    assert run.xcoms["loss", -1, "return_value"]["value"] == "nan"


def test_no_xcom_push_stores_nothing(run_dag, tmp_path):
    with _dag("node_silent") as dag:
        LinepipeNodeOperator(
            node=Node(pipelines.add, ["x", "y"], ["sum"]),
            inputs={"x": 1, "y": 1},
            do_xcom_push=False,
            storage=str(tmp_path),
        )
    run = run_dag(dag)
    assert run.state == "success"
    assert not run.xcoms
    assert list(tmp_path.iterdir()) == []


def test_mapping_over_a_node_of_several_outputs_leaves_its_outputs_whole(run_dag):
    with _dag("node_several_mapped") as dag:
        made = LinepipeNodeOperator(node=Node(lambda: ([1, 2], 5), [], ["list", "number"]), task_id="make")

        @linepipe_task
        def name(item: tuple) -> str:
            return item[0]

        name.expand(item=made.output)
    run = run_dag(dag)
    assert run.state == "success"
    assert [run.value("name", map_index=index) for index in range(2)] == ["list", "number"]
    assert run.value("make", "list") == [1, 2]


def test_a_profiled_node_runs_once_and_its_task_logs_linepipes_line(run_dag, caplog):
    """R24."""
    calls = []

    def quick():
        calls.append(1)
        return 5

    with _dag("node_profiled") as dag:
        LinepipeNodeOperator(node=Node(quick, [], ["five"], profile=True))
    with caplog.at_level("INFO", logger="airflow_linepipe"):
        run = run_dag(dag)
    assert run.value("quick") == 5
    assert len(calls) == 1
    assert re.search(r"\[quick\] ΔMem: -?\d+\.\d\d MiB \| Peak: -?\d+\.\d\d MiB", caplog.text)
