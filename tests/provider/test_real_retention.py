"""Clean-ups on the real Airflow: teardowns, runs at once, and what the scheduler calls running."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from finished import Finished

from airflow_linepipe.errors import ArtifactNotFoundError

pytestmark = pytest.mark.airflow_server


def states(run):
    return {task_id: task.state for task_id, task in run.tasks.items()}


def test_a_failed_run_leaves_no_temporary_artifact_and_stays_failed(finish):
    """R54."""
    run = finish("r54_cleanup", **{"config.mine": "x", "config.fail": True})
    assert states(run) == {"load": "success", "double": "success", "check": "failed", "clean_up": "success"}
    assert run.state == "failed"
    for task_id in ("load", "double"):
        with pytest.raises(ArtifactNotFoundError):
            run.value(task_id)


def test_of_two_runs_at_once_each_removes_its_own(airflow, start):
    """R04: the results stay."""
    run_ids = [start("r54_cleanup", **{"config.mine": mine}) for mine in "ab"]
    runs = [Finished(airflow, "r54_cleanup", run_id) for run_id in run_ids]
    assert [run.state for run in runs] == ["success"] * 2
    assert [run.value("check") for run in runs] == ["a", "b"]
    for run in runs:
        with pytest.raises(ArtifactNotFoundError):
            run.value("load")


def test_a_run_that_goes_on_keeps_its_artifacts_and_one_that_has_ended_does_not(airflow, start, finish, tmp_path):
    """R04: a policy that keeps no run."""
    ended = finish("r04_retention", **{"config.mine": "ended"})
    waiting = start("r04_retention", **{"config.mine": "waiting", "wait_for": str(tmp_path / "go")})
    deadline = time.monotonic() + 60
    while not any(
        task.task_id == "linger" and task.state == "running" for task in airflow.tasks("r04_retention", waiting)
    ):
        assert time.monotonic() < deadline, "the scheduler started nothing"
        time.sleep(0.5)
    between = finish("r04_retention", **{"config.mine": "between"})
    assert states(between) == {"load": "success", "linger": "success", "clean_up": "success"}
    with pytest.raises(ArtifactNotFoundError):
        ended.value("load")
    Path(tmp_path / "go").touch()
    waited = Finished(airflow, "r04_retention", waiting)
    assert waited.state == "success"
    assert waited.value("load") == ["waiting"]
    with pytest.raises(ArtifactNotFoundError):
        between.value("load")
