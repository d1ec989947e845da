"""A thousand sensors that wait for one artifact in one triggerer of a real Airflow: how soon they fire, what they take.

What is measured is the triggerer. A LocalExecutor on a small machine needs an hour to start a thousand tasks and to
have them defer, so a run's tasks are held back by a pool without slots, and what deferring writes to Airflow's database
is written there by hand: a trigger each, and the task instance's state. From then on everything is Airflow's own: its
triggerer takes the triggers, runs them, and stores their events, which is when a task instance is no longer deferred.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from airflow_linepipe.handoff import Exchange, Producer, Seal, claim_publication, open_store
from airflow_linepipe.testing import StandaloneAirflow
from benchmarks.report import Row

__all__ = ["measure"]

SENSORS = 1000
SECRET = "benchmark"
CLASSPATH = "airflow_linepipe.triggers.artifact.LinepipeArtifactTrigger"
DAGS = f"""
import pendulum
from airflow.sdk import DAG
from airflow_linepipe import LinepipeArtifactSensor

with DAG("thousand", schedule=None, start_date=pendulum.datetime(2026, 1, 1)):
    LinepipeArtifactSensor.partial(task_id="wait", pool="closed").expand(name=["features"] * {SENSORS})
"""


def measure() -> list[Row]:
    """The seconds from the artifact's appearing to the last event, and the triggerer's memory."""
    with tempfile.TemporaryDirectory(prefix="linepipe-bench-") as folder:
        home, dags = Path(folder, "home"), Path(folder, "dags")
        dags.mkdir()
        Path(dags, "measured.py").write_text(DAGS)
        environment = {"AIRFLOW_VAR_LINEPIPE_CACHE_SECRET": SECRET}
        with StandaloneAirflow(home=home, dags=dags, environment=environment, parallelism=2) as airflow:
            seconds, grown, per_event = _measured(airflow, home)
    return [
        Row(
            name=f"the last of {SENSORS:,} deferred sensors fires after the artifact's appearing",
            ours=f"{seconds:.1f} s",
            theirs=f"{1000 * per_event:.1f} ms of them for Airflow to store each event",
            ratio=seconds,
            bar=10.0,
            unit="s",
        ),
        Row(
            name=f"memory that {SENSORS:,} deferred sensors take in one triggerer",
            ours=f"{grown / 2**20:.0f} MB",
            theirs="the same triggerer before",
            ratio=grown / 2**20,
            bar=100.0,
            unit="MB more",
        ),
    ]


def _measured(airflow: StandaloneAirflow, home: Path) -> tuple[float, int, float]:
    airflow.run_cli("pools", "set", "closed", "0", "nothing runs in it")
    airflow.wait_for_dag("thousand", timeout=120)
    run_id = airflow.trigger("thousand")
    with closing(sqlite3.connect(home / "airflow.db", timeout=60, isolation_level=None)) as database:
        _until(lambda: _count(database, "task_instance WHERE state = 'scheduled' AND map_index >= 0") == SENSORS)
        # The scheduler would look at a thousand waiting tasks over and over, on the triggerer's processors.
        airflow.run_cli("dags", "pause", "thousand", "--yes")
        before = _memory(home)
        _defer(database, run_id)
        # Each trigger that runs has said so in a log of its own.
        _until(lambda: len(list(home.rglob("*.trigger.*.log"))) == SENSORS)
        # Some looks of theirs, so that what a look takes is taken.
        time.sleep(15)
        grown = _memory(home) - before
        appeared = _publish(home)
        _until(lambda: _count(database, "task_instance WHERE state = 'deferred'") == 0)
        query = "SELECT min(scheduled_dttm), max(scheduled_dttm) FROM task_instance WHERE map_index >= 0"
        first, last = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in database.execute(query).fetchone())
    return (last - appeared).total_seconds(), grown, (last - first).total_seconds() / SENSORS


def _defer(database: sqlite3.Connection, run_id: str) -> None:
    """Write what a thousand deferring tasks would have Airflow write."""
    now = datetime.now(UTC)
    # As the sensor makes it when nothing else is said.
    kwargs = {"name": "features", "poll_interval": 2.0, "once": True, "checked": True, "looked": now.isoformat()}
    resumed = json.dumps({"deadline": "2099-01-01T00:00:00+00:00"})
    stamp = now.strftime("%Y-%m-%d %H:%M:%S.%f")
    database.execute("BEGIN IMMEDIATE")
    query = "SELECT id FROM task_instance WHERE run_id = ? AND map_index >= 0"
    for (instance,) in database.execute(query, [run_id]).fetchall():
        made = database.execute(
            "INSERT INTO trigger (classpath, kwargs, created_date) VALUES (?, ?, ?)",
            [CLASSPATH, json.dumps(kwargs), stamp],
        )
        database.execute(
            "UPDATE task_instance SET state = 'deferred', trigger_id = ?, next_method = 'execute_complete', "
            "next_kwargs = ? WHERE id = ?",
            [made.lastrowid, resumed, instance],
        )
    database.execute("COMMIT")


def _publish(home: Path) -> datetime:
    """Publish an artifact as a task does; the time when everybody could see it."""
    storage = f"file://{home}/linepipe"
    producer = Producer(dag_id="producer", run_id="manual__1", task_id="t")
    reference = Exchange(storage).put("x", name="features", producer=producer)
    claim_publication(
        storage,
        reference.to_wire(),
        asset="features",
        asset_uri="features",
        producer=producer,
        now=datetime.now(UTC),
        open_store=open_store,
        seal=Seal(SECRET),
    )
    return datetime.now(UTC)


def _memory(home: Path) -> int:
    """The resident bytes of the triggerer: its process and those it has started."""
    triggerers = {process for process in psutil.process_iter() if _is_triggerer(process, home)}
    return sum(process.memory_info().rss for process in triggerers)


def _is_triggerer(process: psutil.Process, home: Path) -> bool:
    try:
        is_ours = process.environ().get("AIRFLOW_HOME") == str(home)
        return is_ours and "triggerer" in " ".join(process.cmdline()) and process.pid != os.getpid()
    except psutil.Error:
        return False


def _count(database: sqlite3.Connection, rest: str) -> int:
    (found,) = database.execute(f"SELECT count(*) FROM {rest}").fetchone()
    return int(found)


def _until(condition: Callable[[], Any], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            message = "The triggerer has not done its part."
            raise TimeoutError(message)
        time.sleep(0.5)
