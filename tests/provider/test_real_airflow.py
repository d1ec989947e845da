"""The promises on a real Airflow: scheduler, api-server, dag-processor, LocalExecutor."""

from __future__ import annotations

import json
import sqlite3
import time
from itertools import pairwise

import pytest
from finished import Finished
from flights_oracle import expected_month

FAILING = {"r03_unknown.py", "r27_order.py", "r27_double.py"}

pytestmark = pytest.mark.airflow_server


@pytest.fixture(scope="module")
def import_errors(airflow):
    deadline = time.monotonic() + 120
    while not (errors := airflow.import_errors()).keys() >= FAILING:
        assert time.monotonic() < deadline, "the broken files have no import errors"
        time.sleep(0.5)
    return errors


def test_the_add_example_gives_five(finish):
    """R01."""
    run = finish("example_dag")
    assert run.state == "success"
    assert run.value("add") == 5


@pytest.mark.parametrize(("dag_id", "values"), [("example_values_with", (1, 2)), ("example_values_decorated", (2, 5))])
def test_two_tasks_pass_a_value(finish, dag_id, values):
    """R62."""
    run = finish(dag_id)
    assert run.state == "success"
    assert (run.value("task_1"), run.value("task_2")) == values


def test_a_cleared_task_and_those_behind_it_run_again_on_new_artifacts(airflow, finish):
    before = finish("example_values_with")
    cleared = airflow.run_cli("tasks", "clear", "example_values_with", "-t", "task_1", "-d", "-y")
    assert cleared.returncode == 0, cleared.stderr
    after = Finished(airflow, "example_values_with", before.run_id)
    assert after.state == "success"
    assert (after.value("task_1"), after.value("task_2")) == (1, 2)
    assert [after.uri(task_id).split("/")[-2] for task_id in ("task_1", "task_2")] == ["2", "2"]


def test_list_and_data_order_give_the_same_values(finish):
    """R02."""
    names = ("mutate", "total", "total__2")
    runs = [finish(dag_id) for dag_id in ("r02_list", "r02_data")]
    assert [run.state for run in runs] == ["success", "success"]
    assert [[run.value(name) for name in names] for run in runs] == [[5, 10, 4]] * 2
    in_list = runs[0].tasks
    order = ["frame", "split", "mutate", "total", "total__2"]
    assert all(in_list[one].end <= in_list[other].start for one, other in pairwise(order))


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("r03_unknown.py", "Node 'add': it reads 'nope', which no earlier node outputs and which is no constant: give"),
        ("r27_order.py", "reads 'b', which no earlier node outputs and which is no constant: node 'add' outputs it"),
        ("r27_double.py", "its output 'b' replaces the one of node 'add' before any node has read it"),
    ],
)
def test_a_pipeline_that_cannot_run_is_an_import_error_and_no_dag(airflow, import_errors, file, sentence):
    """R03 and R27: the error names the node and the value, and no task ever starts."""
    assert sentence in import_errors[file]
    assert airflow.run_cli("dags", "details", file.removesuffix(".py")).returncode != 0


def test_only_the_broken_files_have_import_errors(import_errors):
    assert set(import_errors) == FAILING


def test_config_is_read_from_objects_dicts_and_mixtures(finish):
    """R08."""
    run = finish("r08_config")
    assert run.state == "success"
    assert {kind: run.value(f"{kind}.collect") for kind in ("object", "dict", "mixed")} == {
        "object": [0.1, 0.2, ["a"]],
        "dict": [0.1, 0.2, ["a"]],
        "mixed": [0.1, 0.2, ["a"]],
    }


def test_several_outputs_come_in_order_and_a_mismatch_fails_with_the_counts(finish):
    """R10, and of R12 that the original error stands in the log."""
    run = finish("r10_outputs")
    assert run.state == "failed"
    assert [run.value("right.three", name) for name in "abc"] == [1, 2, 3]
    assert run.tasks["wrong.three"].state == "failed"
    assert "Node 'three' returned 3 values, but 2 outputs were declared (a, b)." in run.log("wrong.three")


def test_writers_run_once_and_leave_no_xcom(finish, tmp_path):
    """R11 and R19."""
    run = finish("r11_r19_writers", folder=str(tmp_path))
    assert run.state == "success"
    assert {"g.frame", "g.write_a", "g.write_b"} == set(run.tasks)
    assert [(tmp_path / f"{name}.txt").read_text() for name in "ab"] == ["3\n", "3\n"]
    assert {xcom.task_id for xcom in run.xcoms} == {"g.frame"}


def test_independent_tasks_run_at_once_and_a_failing_one_leaves_them_alone(finish):
    """R29."""
    run = finish("r29_parallel")
    sleeping = [run.tasks[f"sleep_{name}"] for name in "abc"]
    assert {task.state for task in sleeping} == {"success"}
    assert run.tasks["fail"].state == "failed"
    span = max(task.end for task in sleeping) - min(task.start for task in sleeping)
    assert span.total_seconds() < 0.75 * sum(task.seconds for task in sleeping)
    assert max(task.start for task in sleeping) < min(task.end for task in sleeping)


def test_what_a_node_prints_stands_in_its_tasks_log(finish):
    """R44."""
    run = finish("r44_logs")
    assert run.value("shout") == "X"
    assert "printed by the node" in run.log("g.chatter")
    assert "Running node: chatter" in run.log("g.chatter")
    assert "printed by the task" in run.log("shout")


def test_mapping_and_overriding(finish):
    run = finish("example_linepipe_task")
    assert run.state == "success"
    assert run.value("best") == {"threshold": 12, "accuracy": 1.0}


def test_a_month_of_flights_reaches_the_warehouse_with_references_only_in_xcom(finish, airflow_folder):
    """R61."""
    run = finish("dataops", month="2013-01")
    assert run.state == "success"
    references = [xcom.value for xcom in run.xcoms if not xcom.task_id.startswith("check_")]
    assert max(len(json.dumps(reference)) for reference in references) < 4096
    assert {"arrow", "json"} == {reference["codec"] for reference in references}
    # A validation leaves its summary, and where its report lies.
    assert max(len(json.dumps(xcom.value)) for xcom in run.xcoms) < 10_000
    expected = expected_month("2013-01")
    with sqlite3.connect(airflow_folder / "warehouse.db") as connection:
        query = "SELECT COUNT(*), SUM(arr_delay), SUM(late), COUNT(DISTINCT tailnum) FROM flight_features"
        row = connection.execute(query).fetchone()
    connection.close()
    assert row == tuple(expected[name] for name in ("rows", "arr_delay_sum", "late_flights", "tailnums"))


def test_two_months_at_once_reach_the_warehouse(airflow, airflow_folder):
    """As the demo runs them; two loads into one SQLite file wait for each other."""
    airflow.wait_for_dag("dataops", timeout=120)
    runs = {month: airflow.trigger("dataops", conf={"month": month}) for month in ("2013-02", "2013-03")}
    for run_id in runs.values():
        assert airflow.wait("dataops", run_id, timeout=240).state == "success"
    connection = sqlite3.connect(airflow_folder / "warehouse.db")
    counts = dict(connection.execute("SELECT month, COUNT(*) FROM flight_features WHERE month > 1 GROUP BY month"))
    connection.close()
    assert counts == {2: expected_month("2013-02")["rows"], 3: expected_month("2013-03")["rows"]}
