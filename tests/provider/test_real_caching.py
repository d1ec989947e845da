"""The cache on the real Airflow: processes of their own, its form, its secret, two runs at once."""

from __future__ import annotations

import pytest
from finished import Finished

from airflow_linepipe.errors import StandaloneError
from airflow_linepipe.testing.rest import RestClient

pytestmark = pytest.mark.airflow_server


@pytest.fixture
def calls(tmp_path):
    """What was called since it was asked last."""
    file = tmp_path / "calls.txt"

    def calls():
        text = file.read_text().split() if file.exists() else []
        file.write_text("")
        return text

    return calls


def reason(run, task_id):
    (value,) = [xcom.value for xcom in run.xcoms if (xcom.task_id, xcom.key) == (task_id, "linepipe_cache")]
    return value["reason"]


def test_what_is_unchanged_is_not_called_and_the_log_says_why(finish, calls, tmp_path):
    """R13, R35: in processes of their own, and with a value that the form has."""
    folder = str(tmp_path)
    first = finish("cached", folder=folder)
    assert (first.value("total"), calls()) == (12, ["load", "scale", "total"])
    again = finish("cached", folder=folder)
    assert (again.value("total"), calls()) == (12, [])
    assert f"cache hit: run {first.run_id} of 'cached'" in again.log("scale")
    changed = finish("cached", folder=folder, **{"config.factor": 5})
    assert (changed.value("total"), calls()) == (30, ["scale", "total"])
    assert f"cache miss: config.factor 2 → 5 (run {first.run_id})" in changed.log("scale")
    assert reason(changed, "total") == f"cache miss: input 'scaled' changed (run {first.run_id})"
    refreshed = finish("cached", folder=folder, **{"linepipe.refresh_from": "scale"})
    assert (refreshed.value("total"), calls()) == (12, ["scale", "total"])


def test_a_form_that_asks_for_what_there_is_not_is_refused_before_there_is_a_run(start):
    with pytest.raises(StandaloneError, match="400 Bad Request.* 'laod' is not one of"):
        start("cached", **{"linepipe.refresh_from": "laod"})


def test_a_cleared_run_goes_on_where_it_failed(airflow, finish, calls, tmp_path):
    """R42: also when all of it is cleared."""
    (tmp_path / "broken").touch()
    failed = finish("cached", folder=str(tmp_path))
    assert (failed.state, calls()) == ("failed", ["load", "scale", "total"])
    (tmp_path / "broken").unlink()
    rest = RestClient(airflow.url)
    clear = {"dry_run": False, "dag_run_id": failed.run_id, "only_failed": False}
    rest.write("POST", "dags", "cached", "clearTaskInstances", body=clear)
    resumed = Finished(airflow, "cached", failed.run_id)
    assert (resumed.value("total"), calls()) == (12, ["total"])


def test_two_runs_that_need_the_same_at_once_make_it_once(airflow, start, calls, tmp_path):
    run_ids = [start("cached_at_once", folder=str(tmp_path)) for _ in range(2)]
    runs = [Finished(airflow, "cached_at_once", run_id) for run_id in run_ids]
    assert [run.value("toil") for run in runs] == [42, 42]
    assert calls() == ["toil"]
    assert len({run.uri("toil") for run in runs}) == 1
