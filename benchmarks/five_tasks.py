"""Where the user feels it: five tasks that pass the flights frame on, on a real LocalExecutor."""

from __future__ import annotations

import statistics
from pathlib import Path

from benchmarks.report import Row
from benchmarks.turns import runs_in_turns

__all__ = ["measure"]

ROUNDS = 5
DAGS = """
import os
import sys
import pandas as pd
import pendulum
sys.path.append(DAGS_FOLDER)
from airflow.sdk import dag, get_current_context, task
from airflow_linepipe import linepipe_task
from flights.source import find_data_folder

START = pendulum.datetime(2026, 1, 1)

def load():
    return pd.read_csv(find_data_folder() / "flights.csv.zip")

def clean(flights):
    return flights[flights["dep_delay"].notna()]

def add_late(flights):
    return flights.assign(late=flights["arr_delay"] > 15)

def add_speed(flights):
    return flights.assign(speed=flights["distance"] / flights["air_time"])

def count(flights):
    return int(flights["late"].sum())

STEPS = [clean, add_late, add_speed]

def path_of(name):
    folder = os.path.join(os.environ["AIRFLOW_HOME"], "by_hand", get_current_context()["run_id"])
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, f"{name}.parquet")

def by_paths(function):
    def task_function(path):
        written = path_of(function.__name__)
        function(pd.read_parquet(path)).to_parquet(written)
        return written
    return task_function

@dag(schedule=None, start_date=START)
def by_hand():
    @task
    def first():
        path = path_of("load")
        load().to_parquet(path)
        return path
    @task
    def last(path):
        return count(pd.read_parquet(path))
    value = first()
    for step in STEPS:
        value = task(task_id=step.__name__)(by_paths(step))(value)
    last(value)

@dag(schedule=None, start_date=START)
def ours():
    value = linepipe_task(load)()
    for step in [*STEPS, count]:
        value = linepipe_task(step)(value)

@dag(schedule=None, start_date=START)
def database():
    value = task(load)()
    for step in [*STEPS, count]:
        value = task(step)(value)

by_hand()
ours()
database()
"""


def measure() -> list[Row]:
    """The sum of the tasks' run times, and what a run leaves in the metadata database."""
    seconds: dict[str, list[float]] = {"ours": [], "by_hand": [], "database": []}
    grown: dict[str, list[int]] = {dag_id: [] for dag_id in seconds}
    before = 0
    dags = DAGS.replace("DAGS_FOLDER", repr(str(Path(__file__).parents[1] / "dags")))
    for airflow, run in runs_in_turns(dags, [*seconds], rounds=ROUNDS):
        assert run.state == "success", f"{run.dag_id} ended as {run.state}"
        seconds[run.dag_id].append(sum(task.seconds or 0.0 for task in airflow.tasks(run.dag_id, run.run_id)))
        size = _database_bytes(airflow.log_file.parent)
        # What the first run grows by is not known.
        if before:
            grown[run.dag_id].append(size - before)
        before = size
    medians = {dag_id: statistics.median(taken) for dag_id, taken in seconds.items()}
    kilobytes = {dag_id: statistics.median(taken) / 1000 for dag_id, taken in grown.items()}
    name = "five tasks passing the flights frame on a LocalExecutor"
    return [
        Row(
            name=f"{name}, sum of run times, against {others}",
            ours=f"{medians['ours']:.2f} s",
            theirs=f"{medians[dag_id]:.2f} s",
            ratio=medians["ours"] / medians[dag_id],
            bar=bar,
        )
        for dag_id, others, bar in (
            ("by_hand", "hand-written Parquet paths", 1.05),
            ("database", "Airflow's default XCom", float("inf")),
        )
    ] + [
        Row(
            name=f"{name}, growth of the metadata database by a run",
            ours=f"{kilobytes['ours']:.0f} KB",
            theirs=f"{kilobytes['database']:.0f} KB with Airflow's default XCom",
            ratio=kilobytes["ours"],
            bar=50,
            unit="KB",
        )
    ]


def _database_bytes(home: Path) -> int:
    return sum(path.stat().st_size for path in home.glob("airflow.db*"))
