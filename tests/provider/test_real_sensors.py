"""Watched folders and awaited artifacts on the real Airflow: its scheduler, its triggerer, and one that is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from finished import Finished

from airflow_linepipe.errors import StandaloneError
from airflow_linepipe.testing import StandaloneAirflow

pytestmark = pytest.mark.airflow_server


def until(condition, seconds=150):
    deadline = time.monotonic() + seconds
    while True:
        # A busy server may not answer in time; one that has ended never will.
        with suppress(StandaloneError):
            if found := condition():
                return found
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.3)


def events(airflow, asset):
    """What the events of an asset's watcher tell, oldest first."""
    found = airflow._rest.pages("assets", "events", field="asset_events", query={"order_by": "timestamp"})
    return [event["extra"]["payload"] for event in found if event["name"] == asset]


def runs(airflow, dag_id):
    found = airflow._rest.pages("dags", dag_id, "dagRuns", field="dag_runs")
    return [(run["dag_run_id"], run["state"]) for run in found]


def has_cursor(airflow, asset, count):
    """Whether a watcher has kept that so many changes are told."""
    (asset_id,) = [one["id"] for one in airflow._rest.pages("assets", field="assets") if one["name"] == asset]
    stored = airflow._rest.get("assets", asset_id, "state-store")
    return any(len(entry["value"]["seen"]) == count for entry in next(iter(stored.values())))


def write(folder, name, rows):
    folder.mkdir(exist_ok=True)
    lines = "".join(f"{number}\n" for number in range(rows))
    (folder / f".{name}").write_text(f"row\n{lines}")
    (folder / f".{name}").replace(folder / f"{name}.csv")


def test_a_file_starts_dataops_its_asset_starts_the_model_and_a_sensor_sees_what_was_published(
    airflow, airflow_folder, start
):
    """R60: new batch starts DataOps, DataOps' asset starts model; each file once."""
    folder = airflow_folder / "home" / "r60_inbox"
    for dag_id in ("r60_dataops", "r60_model", "r60_waiting"):
        airflow.wait_for_dag(dag_id, timeout=120)
    waiting = start("r60_waiting", since=datetime.now(UTC).isoformat())
    until(
        lambda: [task.state for task in airflow.tasks("r60_waiting", waiting) if task.task_id == "wait"] == ["deferred"]
    )
    until(lambda: has_cursor(airflow, "r60_inbox", 0))
    for number, rows in enumerate((3, 4), 1):
        write(folder, f"batch{number}", rows)
        until(lambda number=number: len(runs(airflow, "r60_model")) == number)
        until(lambda: all(state == "success" for _, state in runs(airflow, "r60_model")))
        until(lambda number=number: has_cursor(airflow, "r60_inbox", number))
        assert [state for _, state in runs(airflow, "r60_dataops")] == ["success"] * number
        assert len(events(airflow, "r60_inbox")) == number
    assert [payload["uri"] for payload in events(airflow, "r60_inbox")] == [
        f"file://{folder}/batch{number}.csv" for number in (1, 2)
    ]
    model = [airflow.xcom("r60_model", run_id, "train") for run_id, _ in runs(airflow, "r60_model")]
    assert sorted(model) == [[3], [7]]
    # Three rows were published first, and were not enough.
    waited = Finished(airflow, "r60_waiting", waiting)
    assert waited.state == "success"
    assert waited.value("count") == 7


def test_a_sensor_in_the_triggerer_asks_a_database_through_an_airflow_connection(airflow, airflow_folder, start):
    run_id = start("r60_rows")
    until(lambda: [task.state for task in airflow.tasks("r60_rows", run_id)] == ["deferred"])
    with sqlite3.connect(airflow_folder / "warehouse.db") as database:
        database.execute("create table r60_rows (id integer)")
    database.close()
    assert airflow.wait("r60_rows", run_id, timeout=90).state == "success"
    assert airflow.xcom("r60_rows", run_id, "wait") == 1


WATCHING = """
from airflow.sdk import DAG, Asset, AssetWatcher
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow_linepipe import LinepipeArtifactTrigger

trigger = LinepipeArtifactTrigger(path="{folder}/*.csv", poll_interval=1)
inbox = Asset("killed_inbox", watchers=[AssetWatcher(name="files", trigger=trigger)])
with DAG("killed", schedule=[inbox]):
    EmptyOperator(task_id="nothing")
"""


def triggerers(home):
    """The processes of an Airflow's triggerer."""
    found = []
    for process in psutil.process_iter():
        try:
            if "triggerer" in " ".join(process.cmdline()) and process.environ().get("AIRFLOW_HOME") == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.timeout(900)  # two starts of an Airflow
def test_no_file_is_lost_or_doubled_when_the_triggerer_is_killed(tmp_path):
    """R60: killed while files arrive, and dead while others do."""
    home, dags, folder = tmp_path / "home", tmp_path / "dags", tmp_path / "in"
    dags.mkdir()
    Path(dags, "watching.py").write_text(WATCHING.format(folder=folder))
    write(folder, "old", 1)
    # After so many seconds without a heartbeat another triggerer takes over.
    environment = {"AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10"}
    with StandaloneAirflow(home=home, dags=dags, environment=environment) as airflow:
        airflow.wait_for_dag("killed", timeout=120)
        until(lambda: has_cursor(airflow, "killed_inbox", 1))
        write(folder, "before", 1)
        until(lambda: has_cursor(airflow, "killed_inbox", 2))
        write(folder, "arriving", 1)
        for process in triggerers(home):
            os.kill(process.pid, signal.SIGKILL)
    write(folder, "meanwhile", 1)
    with StandaloneAirflow(home=home, dags=dags, environment=environment) as airflow:
        until(lambda: has_cursor(airflow, "killed_inbox", 4))
        write(folder, "after", 1)
        until(lambda: has_cursor(airflow, "killed_inbox", 5))
        told = [Path(payload["uri"]).stem for payload in events(airflow, "killed_inbox")]
        assert sorted(told) == ["after", "arriving", "before", "meanwhile"]
