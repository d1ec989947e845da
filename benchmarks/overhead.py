"""What a task costs: a chain of ten nodes that do nothing against ten bare @task functions, on a real Airflow."""

from __future__ import annotations

import statistics

from benchmarks.report import Row
from benchmarks.turns import runs_in_turns

RUNS = 5
DAGS = """
import pendulum
from airflow.sdk import dag, task
from airflow_linepipe import LinepipeTaskGroup
from linepipe.node import Node
from linepipe.pipeline import Pipeline

START = pendulum.datetime(2026, 1, 1)

def same(x):
    return x

@dag(schedule=None, start_date=START)
def bare():
    @task
    def same_task(x):
        return x
    value = 0
    for _ in range(10):
        value = same_task(value)

@dag(schedule=None, start_date=START)
def grouped():
    nodes = [Node(same, [f"x{number}"], [f"x{number + 1}"]) for number in range(10)]
    LinepipeTaskGroup("g", pipeline=Pipeline(nodes, x0=0))

bare()
grouped()
"""


def measure() -> list[Row]:
    """The median of the tasks' run times, start to end, over several runs of each in turn."""
    seconds: dict[str, list[float]] = {"bare": [], "grouped": []}
    for airflow, run in runs_in_turns(DAGS, [*seconds], rounds=RUNS):
        seconds[run.dag_id] += [task.seconds or 0.0 for task in airflow.tasks(run.dag_id, run.run_id)]
    bare, grouped = (statistics.median(seconds[dag_id]) for dag_id in ("bare", "grouped"))
    return [
        Row(
            name=f"run time of a task that does nothing (median of {10 * RUNS})",
            ours=f"{1000 * grouped:.0f} ms",
            theirs=f"{1000 * bare:.0f} ms with a bare @task",
            ratio=1000 * (grouped - bare),
            bar=50.0,
            unit="ms more",
        )
    ]
