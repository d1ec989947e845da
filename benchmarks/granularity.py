"""What a node costs when nodes share a task: against linepipe's own run, plain calls, and a task for each node."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Callable
from time import perf_counter
from typing import Any

import pandas as pd
from flights.source import find_data_folder
from linepipe.node import Node
from linepipe.pipeline import Pipeline

import airflow_linepipe
from benchmarks.report import Row
from benchmarks.turns import runs_in_turns

ROWS = 1_300_000
REPEATS = 7
CHAIN = 200


def clean(flights: pd.DataFrame) -> pd.DataFrame:
    return flights[flights["dep_delay"].notna()]


def add_late(flights: pd.DataFrame) -> pd.DataFrame:
    return flights.assign(late=flights["arr_delay"] > 15)


def add_speed(flights: pd.DataFrame) -> pd.DataFrame:
    return flights.assign(speed=flights["distance"] / flights["air_time"])


def add_hour(flights: pd.DataFrame) -> pd.DataFrame:
    return flights.assign(hour=flights["sched_dep_time"] // 100)


def late_by_hour(flights: pd.DataFrame) -> pd.Series:
    return flights.groupby("hour")["late"].mean()


FIVE = [
    Node(clean, ["flights"], ["cleaned"]),
    Node(add_late, ["cleaned"], ["with_late"]),
    Node(add_speed, ["with_late"], ["with_speed"]),
    Node(add_hour, ["with_speed"], ["with_hour"]),
    Node(late_by_hour, ["with_hour"], ["late"]),
]


def measure() -> list[Row]:
    """Both promises about speed inside a task, and the one about tasks saved."""
    # Airflow, imported by now, would print a line for each node of ours and none of linepipe's.
    for name in ("linepipe", "airflow_linepipe"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return [*_five_nodes(), _plain_chain(), _fused_chain()]


def _flights() -> pd.DataFrame:
    """Four years of real flights."""
    year = pd.read_csv(find_data_folder() / "flights.csv.zip")
    return pd.concat([year] * 4, ignore_index=True).head(ROWS)


def _five_nodes() -> list[Row]:
    pipeline = Pipeline(list(FIVE), track_history=False, flights=_flights())
    flights = pipeline.runtime_constants["flights"]
    by_hand: list[pd.Series] = []
    ours: list[pd.Series] = []
    theirs: list[pd.Series] = []

    def call() -> None:
        by_hand.append(late_by_hour(add_hour(add_speed(add_late(clean(flights))))))

    def run_ours() -> None:
        ours.append(airflow_linepipe.run(pipeline, granularity="pipeline", quiet=True)["late"])

    kept = Pipeline([*FIVE, Node(theirs.append, ["late"], [])], flights=flights)
    hand, local, linepipe = _medians(call, run_ours, kept.run)
    pd.testing.assert_series_equal(ours[-1], by_hand[-1])
    pd.testing.assert_series_equal(ours[-1], theirs[-1])
    name = f"five pandas nodes over {ROWS:,} flights in one task"
    return [
        Row(
            name=f"{name}, against linepipe",
            ours=f"{1000 * local:.0f} ms",
            theirs=f"{1000 * linepipe:.0f} ms with linepipe's run()",
            ratio=local / linepipe,
            bar=1 / 1.5,
        ),
        Row(
            name=f"{name}, against plain calls",
            ours=f"{1000 * local:.0f} ms",
            theirs=f"{1000 * hand:.0f} ms by hand",
            ratio=local / hand,
            bar=1.15,
        ),
    ]


def _medians(*functions: Callable[[], Any]) -> list[float]:
    """The median time of each, measured in turns."""
    taken: list[list[float]] = [[] for _ in functions]
    for _ in range(REPEATS):
        for function, seconds in zip(functions, taken, strict=True):
            started = perf_counter()
            function()
            seconds.append(perf_counter() - started)
    return [statistics.median(seconds) for seconds in taken]


def _plain_chain() -> Row:
    nodes = [Node(int, [], ["x0"])]
    nodes += [Node(lambda x: x + 1, [f"x{number}"], [f"x{number + 1}"]) for number in range(CHAIN - 1)]
    pipeline = Pipeline(nodes)
    ours, theirs = _medians(lambda: airflow_linepipe.run(pipeline, granularity="pipeline", quiet=True), pipeline.run)
    return Row(
        name=f"a chain of {CHAIN} nodes x + 1 in one task",
        ours=f"{1e6 * ours / CHAIN:.1f} µs a node",
        theirs=f"{1e6 * theirs / CHAIN:.1f} µs with linepipe's run()",
        ratio=1000 * (ours - theirs) / CHAIN,
        bar=0.1,
        unit="ms more a node",
    )


DAGS = """
import pendulum
from airflow_linepipe import LinepipeDag
from linepipe.node import Node
from linepipe.pipeline import Pipeline

def same(x):
    return x

nodes = [Node(same, [f"x{number}"], [f"x{number + 1}"]) for number in range(10)]
for granularity in ("node", "chain"):
    LinepipeDag(
        granularity, pipeline=Pipeline(nodes, x0=0), granularity=granularity, schedule=None,
        start_date=pendulum.datetime(2026, 1, 1),
    )
"""


def _fused_chain() -> Row:
    seconds: dict[str, list[float]] = {"node": [], "chain": []}
    for _, run in runs_in_turns(DAGS, [*seconds], rounds=3):
        seconds[run.dag_id].append(run.seconds or 0.0)
    node, chain = (statistics.median(seconds[dag_id]) for dag_id in ("node", "chain"))
    return Row(
        name="a chain of ten nodes on a LocalExecutor, granularity 'chain' (median of 3 runs)",
        ours=f"{chain:.1f} s",
        theirs=f"{node:.1f} s at 'node'",
        ratio=chain / node,
        bar=1 / 5,
    )
