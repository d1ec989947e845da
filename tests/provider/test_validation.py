"""Validation as a task, run by ``dag.test()``: what it validates, what it does then, and what it leaves."""

from __future__ import annotations

import json
import sqlite3
import warnings
from contextlib import closing
from pathlib import Path

import pandas as pd
import pendulum
import polars as pl
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from linepipe.node import Node

from airflow_linepipe import LinepipeNodeOperator, LinepipeValidationOperator, linepipe_task, load_artifact
from airflow_linepipe.errors import (
    ExpectationError,
    SettingError,
    UnknownOutputError,
    UnreadOutputWarning,
    UnsupportedTableError,
)

START = pendulum.datetime(2026, 1, 1)

NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "delay"}}
BETWEEN = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "delay", "min_value": -60, "max_value": 600},
    "severity": "warning",
}
ROWS = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 3}}


def flights(last):
    return pd.DataFrame({"carrier": ["AA", "UA", "DL", "B6"], "delay": [5.0, -3.0, 12.0, last]})


def expected():
    return [NOT_NULL, ROWS]


def checked(dag_id, last, **arguments):
    options = {"expectations": [NOT_NULL, BETWEEN, ROWS], **arguments}
    with DAG(dag_id, schedule=None, start_date=START) as dag:
        raw = LinepipeNodeOperator(node=Node(flights, ["last"], ["raw"]), task_id="raw", inputs={"last": last})
        check = LinepipeValidationOperator(task_id="check", data=raw.output, **options)
        check >> EmptyOperator(task_id="train")
    return dag


def states(run):
    return {task_id: str(task.state) for (task_id, _), task in run.tasks.items()}


def test_good_data_passes_and_leaves_a_summary_a_result_and_a_report(run_dag):
    run = run_dag(checked("validation_good", 7.0))
    assert states(run) == {"raw": "success", "check": "success", "train": "success"}
    summary = run.xcoms["check", -1, "return_value"]
    assert summary == run.xcoms["check", -1, "linepipe_validation"]
    assert (summary["success"], summary["evaluated"], summary["rows"]) == (True, 3, 4)
    assert len(json.dumps(summary)) < 10_000
    assert len(load_artifact(summary["result"])["results"]) == 3
    page = load_artifact(summary["report"]).read_text()
    assert all(text in page for text in ("validation_good", run.run_id, "check", "expect_column_values_to_not_be_null"))
    assert run.xcoms["check", -1, "_link_ValidationReportLink"].startswith("/linepipe/reports/validation_good/manual__")


def test_bad_data_fails_at_once_and_nothing_behind_runs(run_dag):
    """R28, R55: another try would find the same."""
    run = run_dag(checked("validation_bad", None, retries=3))
    assert states(run) == {"raw": "success", "check": "failed", "train": "upstream_failed"}
    assert run.tasks["check", -1].try_number == 1
    (failure,) = run.xcoms["check", -1, "linepipe_validation"]["failures"]
    assert (failure["type"], failure["columns"], failure["unexpected_count"]) == (NOT_NULL["type"], ["delay"], 1)


@pytest.mark.parametrize(
    ("on_failure", "expected_states"),
    [("warn", {"check": "success", "train": "success"}), ("skip", {"check": "skipped", "train": "skipped"})],
)
def test_bad_data_may_be_warned_of_or_skipped(run_dag, on_failure, expected_states):
    run = run_dag(checked(f"validation_{on_failure}", None, on_failure=on_failure))
    assert states(run) == {"raw": "success", **expected_states}
    assert run.xcoms["check", -1, "linepipe_validation"]["success"] is False


@pytest.mark.parametrize(("severity", "state"), [("critical", "success"), ("warning", "failed"), ("info", "failed")])
def test_how_severe_a_failure_must_be_to_count_is_said(run_dag, severity, state):
    run = run_dag(checked(f"validation_{severity}", 9000.0, severity=severity))
    assert states(run)["check"] == state
    assert run.xcoms["check", -1, "linepipe_validation"]["unsuccessful_by_severity"]["warning"] == 1


def quarantined(dag_id, last, **arguments):
    options = {"expectations": [NOT_NULL, BETWEEN], "on_failure": "quarantine", "severity": "warning", **arguments}
    with DAG(dag_id, schedule=None, start_date=START) as dag:
        raw = LinepipeNodeOperator(node=Node(flights, ["last"], ["raw"]), task_id="raw", inputs={"last": last})
        check = LinepipeValidationOperator(task_id="check", data=raw.output, **options)

        @linepipe_task
        def compute(valid: pd.DataFrame, rejected: pd.DataFrame) -> list[int]:
            return [len(valid), len(rejected)]

        compute(check.output["valid"], check.output["rejected"])
    return dag


def test_bad_rows_are_set_apart_and_the_counts_add_up(run_dag):
    """R55."""
    run = run_dag(quarantined("quarantine", 9000.0))
    assert run.value("compute") == [3, 1]
    valid, rejected = run.value("check", "valid"), run.value("check", "rejected")
    pd.testing.assert_frame_equal(valid, flights(9000.0).iloc[[0, 1, 2]])
    assert rejected["carrier"].tolist() == ["B6"]
    assert rejected["failed_expectations"].tolist() == ["expect_column_values_to_be_between(delay)"]
    assert rejected.index.tolist() == [3]


def test_if_all_rows_are_good_the_artifact_itself_goes_on(run_dag):
    run = run_dag(quarantined("quarantine_none", 1.0))
    assert run.xcoms["check", -1, "valid"] == run.xcoms["raw", -1, "return_value"]
    assert run.value("compute") == [4, 0]


def test_a_quarantine_whose_good_rows_nobody_reads_is_warned_of():
    """What comes behind it would work with all rows."""
    with pytest.warns(UnreadOutputWarning, match="Task 'check' sets rows apart, and nothing behind reads"):
        bag(checked("quarantine_unread", 1.0, on_failure="quarantine"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnreadOutputWarning)
        bag(quarantined("quarantine_read", 1.0))


def bag(dag):
    """As the DAG processor takes it."""
    DagBag(dag_folder="/dev/null", collect_dags=False, bundle_name="dags-folder").bag_dag(dag)


def test_what_no_row_can_be_blamed_for_fails(run_dag):
    many = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 100}}
    run = run_dag(quarantined("quarantine_whole", 1.0, expectations=[many], retries=2))
    assert (states(run)["check"], run.tasks["check", -1].try_number) == ("failed", 1)


@pytest.mark.parametrize(
    "expectations",
    [
        pytest.param(expected, id="function"),
        pytest.param(f"{__name__}:expected", id="target"),
        pytest.param({"name": "mine", "expectations": [NOT_NULL]}, id="dict"),
    ],
)
def test_expectations_come_in_many_shapes(run_dag, expectations):
    run = run_dag(checked("validation_shapes", None, expectations=expectations))
    assert states(run)["check"] == "failed"
    assert run.xcoms["check", -1, "linepipe_validation"]["unsuccessful"] == 1


def test_a_suite_object_and_a_suite_file(run_dag, tmp_path):
    import great_expectations as gx
    import great_expectations.expectations as gxe

    suite = gx.ExpectationSuite(name="mine", expectations=[gxe.ExpectColumnValuesToNotBeNull(column="delay")])
    file = tmp_path / "suite.json"
    file.write_text(json.dumps({"name": "mine", "expectations": [NOT_NULL]}))
    for name, options in {"object": {"suite": suite}, "file": {"suite_path": str(file)}}.items():
        run = run_dag(checked(f"validation_suite_{name}", None, expectations=None, **options))
        assert run.xcoms["check", -1, "linepipe_validation"]["suite"] == "mine"
        assert states(run)["check"] == "failed"


@pytest.mark.parametrize("kind", ["parquet", "csv", "arrow"])
def test_a_file_is_validated_where_it_lies(run_dag, tmp_path, kind):
    frame, path = flights(None), tmp_path / f"day.{kind}"
    {"parquet": frame.to_parquet, "csv": lambda path: frame.to_csv(path, index=False), "arrow": frame.to_feather}[kind](
        path
    )
    with DAG(f"validation_{kind}", schedule=None, start_date=START, params={"name": "day"}) as dag:
        LinepipeValidationOperator(
            task_id="check", data=f"{path.parent.as_uri()}/{{{{ params.name }}}}.{kind}", expectations=[NOT_NULL]
        )
        LinepipeValidationOperator(task_id="good", data=str(path), expectations=[ROWS])
    run = run_dag(dag)
    assert states(run) == {"check": "failed", "good": "success"}


def test_a_path_has_spaces_and_letters_of_any_language(run_dag, tmp_path):
    path = tmp_path / "in dir" / "tür 1%.csv"
    path.parent.mkdir()
    flights(1.0).to_csv(path, index=False)
    with DAG("validation_path", schedule=None, start_date=START) as dag:
        LinepipeValidationOperator(task_id="path", data=path, expectations=[ROWS])
        LinepipeValidationOperator(task_id="url", data=f"file://{path}", expectations=[ROWS])
    assert states(run_dag(dag)) == {"path": "success", "url": "success"}


def test_other_tables_are_validated_too(run_dag):
    with DAG("validation_tables", schedule=None, start_date=START) as dag:

        @linepipe_task
        def polars():
            return pl.DataFrame({"delay": [1, None, 3]})

        @linepipe_task
        def text():
            return "no table"

        LinepipeValidationOperator(task_id="check", data=polars(), expectations=[NOT_NULL], on_failure="quarantine")
        LinepipeValidationOperator(task_id="no", data=text(), expectations=[NOT_NULL], retries=2)
    run = run_dag(dag)
    assert run.value("check", "valid")["delay"].to_list() == [1, 3]
    assert (states(run)["no"], run.tasks["no", -1].try_number) == ("failed", 1)


@pytest.fixture
def warehouse(tmp_path, monkeypatch):
    path = tmp_path / "warehouse.db"
    with closing(sqlite3.connect(path)) as connection:
        flights(None).to_sql("flights", connection, index=False)
    monkeypatch.setenv("AIRFLOW_CONN_VALIDATED", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return path


def test_a_table_and_a_query_are_validated_in_their_database(run_dag, warehouse):
    with DAG("validation_sql", schedule=None, start_date=START) as dag:
        for task_id, subject in {
            "whole": {"table": "flights"},
            "some": {"query": "select * from flights where carrier <> '{{ 'B6' }}'"},
            "missing": {"table": "fligths"},
        }.items():
            LinepipeValidationOperator(task_id=task_id, conn_id="validated", expectations=[NOT_NULL], **subject)
    run = run_dag(dag)
    assert states(run) == {"whole": "failed", "some": "success", "missing": "failed"}
    assert run.xcoms["whole", -1, "linepipe_validation"]["failures"][0]["unexpected_count"] == 1


def test_a_checkpoint_of_a_project_runs_by_its_name(run_dag, tmp_path):
    import great_expectations as gx

    context = gx.get_context(mode="file", project_root_dir=tmp_path)
    asset = context.data_sources.add_pandas("source").add_dataframe_asset("flights")
    batch = asset.add_batch_definition_whole_dataframe("all")
    suite = context.suites.add(gx.ExpectationSuite(name="flights"))
    suite.add_expectation(gx.expectations.ExpectColumnValuesToNotBeNull(column="delay"))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="flights", data=batch, suite=suite))
    context.checkpoints.add(gx.Checkpoint(name="flights", validation_definitions=[definition]))
    run = run_dag(checked("validation_checkpoint", None, expectations=None, checkpoint="flights", project=tmp_path))
    assert states(run)["check"] == "failed"
    assert run.xcoms["check", -1, "linepipe_validation"]["unsuccessful"] == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"data": None}, SettingError, "Task 'check': give data="),
        ({"conn_id": "x", "table": "t"}, SettingError, "give data=.*one of the two"),
        ({"data": None, "conn_id": "x"}, SettingError, "conn_id= goes with table= or query="),
        ({"table": "t"}, SettingError, "go with conn_id="),
        ({"expectations": None}, SettingError, "give expectations=, suite=, suite_path= or checkpoint="),
        ({"suite": [NOT_NULL]}, SettingError, "one of them"),
        ({"suite_path": "x.json"}, SettingError, "one of them"),
        ({"expectations": None, "checkpoint": "c"}, SettingError, "checkpoint='c' is a name: give the project="),
        ({"project": "p"}, SettingError, "project= goes with checkpoint="),
        ({"on_failure": "ignore"}, SettingError, "on_failure='ignore' is not known"),
        ({"severity": "high"}, SettingError, "severity='high' is not known"),
        ({"data": None, "conn_id": "x", "table": "t", "on_failure": "quarantine"}, SettingError, "sets rows of data="),
        ({"data": "day.txt"}, UnsupportedTableError, "The file 'day.txt' has none of the endings"),
        ({"expectations": [{"typ": "x"}]}, ExpectationError, "typ"),
        ({"expectations": 3}, ExpectationError, "The expectations are 3"),
        ({"expectations": None, "suite_path": "suite.txt"}, ExpectationError, "its name must end in"),
    ],
)
def test_an_argument_that_cannot_be_is_an_import_error(arguments, error, message):
    with pytest.raises(error, match=message):
        LinepipeValidationOperator(task_id="check", **{"data": "day.csv", "expectations": [NOT_NULL], **arguments})


def test_an_output_that_it_does_not_have_is_an_import_error():
    with DAG("validation_outputs", schedule=None, start_date=START):
        check = LinepipeValidationOperator(
            task_id="check", data="day.csv", expectations=[NOT_NULL], on_failure="quarantine"
        )
        with pytest.raises(UnknownOutputError, match="'reject' of task 'check'.*did you mean 'rejected'"):
            LinepipeNodeOperator(node=Node(len, ["rows"], ["n"]), inputs={"rows": check.output["reject"]})


@pytest.mark.parametrize(
    ("expectations", "sentence"),
    [
        ([{"type": "expect_column_values_to_not_be_nul", "kwargs": {"column": "delay"}}], "did you mean"),
        ([{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "delya"}}], "delya"),
    ],
)
def test_what_great_expectations_does_not_know_fails_in_a_sentence(run_dag, caplog, capfd, expectations, sentence):
    run = run_dag(checked("validation_unknown", 1.0, expectations=expectations, retries=2))
    assert (states(run)["check"], run.tasks["check", -1].try_number) == ("failed", 1)
    assert sentence in capfd.readouterr().out


def test_a_task_leaves_no_folder_behind(run_dag, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_dag(checked("validation_clean", 1.0))
    assert list(Path(tmp_path).iterdir()) == []
