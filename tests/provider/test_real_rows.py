"""More promises on the real Airflow: errors, schedules, params, resuming, runs at once, pipelines in several DAGs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from finished import Finished

from airflow_linepipe.errors import StandaloneError
from airflow_linepipe.testing.rest import RestClient

pytestmark = pytest.mark.airflow_server


@pytest.fixture(scope="module")
def rest(airflow):
    return RestClient(airflow.url)


@pytest.fixture(scope="module")
def errors(finish):
    return finish("r12_errors")


def run_ids(rest, dag_id):
    return {run["dag_run_id"] for run in rest.pages("dags", dag_id, "dagRuns", field="dag_runs")}


def run_folder(run, task_id):
    """Where a run's artifacts lie: below it are the task, the try and the file."""
    return Path(run.uri(task_id).removeprefix("file://")).parents[2]


def test_a_nodes_own_error_ends_the_log_with_the_nodes_name(errors):
    """R12: of the last of the two tries that retries=1 asks for."""
    assert (errors.tasks["check"].state, errors.tasks["check"].try_number) == ("failed", 2)
    *_, in_function, source, error, note = errors.log("check").splitlines()
    assert "real_rows.py" in in_function
    assert in_function.endswith("in check")
    assert source.strip() == "raise DamagedTableError(message)"
    assert error == "DamagedTableError: row 3 has no price"
    assert note == "Raised in node 'check'."


def test_a_node_may_skip_itself_and_those_behind_it(errors):
    """R12."""
    assert {errors.tasks[name].state for name in ("skip", "give")} == {"skipped"}


def test_a_node_may_refuse_another_try(errors):
    """R12: retries=1 changes nothing."""
    assert (errors.tasks["refuse"].state, errors.tasks["refuse"].try_number) == ("failed", 1)
    assert "AirflowFailException: another try would change nothing\nRaised in node 'refuse'." in errors.log("refuse")


def test_a_schedule_and_a_backfill_give_each_date_a_run_and_a_store_of_its_own(airflow, rest):
    """R25: two dates by the schedule, three before them by a backfill."""
    airflow.wait_for_dag("r25_daily", timeout=120)
    rest.write("PATCH", "dags", "r25_daily", body={"is_paused": False})
    span = {"from_date": "2026-01-01T00:00:00Z", "to_date": "2026-01-03T00:00:00Z"}
    rest.write("POST", "backfills", body={"dag_id": "r25_daily", **span})
    deadline = time.monotonic() + 60
    while len(run_ids(rest, "r25_daily")) < 5:
        assert time.monotonic() < deadline, "the scheduler made no runs"
        time.sleep(0.5)
    runs = [Finished(airflow, "r25_daily", run_id) for run_id in sorted(run_ids(rest, "r25_daily"))]
    assert [run.state for run in runs] == ["success"] * 5
    days = {run.run_id.split("T")[0]: run.value("give") for run in runs}
    assert days == {
        **{f"backfill__2026-01-0{day}": f"2026-01-0{day}" for day in (1, 2, 3)},
        **{f"scheduled__2026-01-0{day}": f"2026-01-0{day}" for day in (4, 5)},
    }
    assert len({run_folder(run, "give") for run in runs}) == 5


def test_a_run_sees_what_its_conf_says_and_the_next_run_does_not(finish):
    """R31, and R06 and R30: a value of config and a constant."""
    assert finish("r31_params", **{"config.window": 7, "rows": 4}).value("give") == [7, 4]
    assert finish("r31_params").value("give") == [5, 3]


def test_a_conf_of_another_type_is_refused_before_there_is_a_run(airflow, rest, start):
    """R30."""
    airflow.wait_for_dag("r31_params", timeout=120)
    before = run_ids(rest, "r31_params")
    with pytest.raises(StandaloneError, match="400 Bad Request.* 'x' is not of type 'integer'"):
        start("r31_params", **{"config.window": "x"})
    assert run_ids(rest, "r31_params") == before


def test_a_run_is_resumed_where_it_failed(airflow, finish, rest, tmp_path):
    """R42: what ran before the failure does not run again, and its value is still there."""
    failed = finish("r42_resume", folder=str(tmp_path))
    assert {name: task.state for name, task in failed.tasks.items()} == {"draw": "success", "need": "failed"}
    (tmp_path / "ready.txt").touch()
    clear = {"dry_run": False, "dag_run_id": failed.run_id, "task_ids": ["need"]}
    rest.write("POST", "dags", "r42_resume", "clearTaskInstances", body=clear)
    resumed = Finished(airflow, "r42_resume", failed.run_id)
    assert resumed.state == "success"
    assert (tmp_path / "draws.txt").read_text().split() == [resumed.value("need")]
    assert resumed.value("draw") == failed.value("draw") == resumed.value("need")


def test_two_runs_at_once_never_mix(airflow, start, tmp_path):
    """R04: each waits for the other between its two tasks."""
    names = {"a": "b", "b": "a"}
    confs = [{"config.mine": mine, "config.other": other, "folder": str(tmp_path)} for mine, other in names.items()]
    run_ids = [start("r04_two_runs", **conf) for conf in confs]
    runs = [Finished(airflow, "r04_two_runs", run_id) for run_id in run_ids]
    assert [(run.value("give"), run.value("meet")) for run in runs] == [("a", "a"), ("b", "b")]
    one, other = [run_folder(run, "give") for run in runs]
    assert one != other
    assert [[file.read_text() for file in folder.rglob("*.txt")] for folder in (one, other)] == [["a"] * 2, ["b"] * 2]


def test_pipelines_are_groups_of_several_dags(airflow, start, tmp_path):
    """R20: one feature pipeline, with another config in each DAG, and one writer pipeline behind it."""
    dag_ids = ("r20_train", "r20_predict")
    runs = [(dag_id, start(dag_id, path=str(tmp_path / dag_id))) for dag_id in dag_ids]
    for run in (Finished(airflow, *run) for run in runs):
        assert run.state == "success"
        assert set(run.tasks) == {"features.count", "features.split", "writer.write"}
    assert [(tmp_path / dag_id).read_text() for dag_id in dag_ids] == ["[0, 2, 4]", "[0, 2]"]
