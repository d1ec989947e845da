"""What a DAG file costs: 1,000 nodes of a pipeline against 1,000 PythonOperators, built and serialised."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pendulum
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag
from benchmarks.report import Row

NODES = 1_000
ROUNDS = 5
START = pendulum.datetime(2026, 1, 1)


def _increment(x: int) -> int:
    return x + 1


def build_operators() -> DAG:
    """A chain of PythonOperators, each with the one before as its argument."""
    with DAG("operators", schedule=None, start_date=START) as dag:
        last: Any = 0
        for number in range(NODES):
            operator = PythonOperator(task_id=f"task_{number}", python_callable=_increment, op_args=[last])
            last = operator.output
    return dag


def build_pipeline() -> DAG:
    """The same chain as a linepipe pipeline."""
    nodes = [Node(_increment, inputs=[f"x{number}"], outputs=[f"x{number + 1}"]) for number in range(NODES)]
    return LinepipeDag("pipeline", pipeline=Pipeline(nodes, x0=0), schedule=None, start_date=START)


def _seconds(build: Callable[[], DAG]) -> float:
    start = time.perf_counter()
    DagSerialization.to_dict(build())
    return time.perf_counter() - start


def measure() -> list[Row]:
    """Best of several rounds, in turn."""
    rounds = [(_seconds(build_operators), _seconds(build_pipeline)) for _ in range(ROUNDS)]
    operators, pipeline = (min(column) for column in zip(*rounds, strict=True))
    return [
        Row(
            name=f"build and serialise {NODES:,} nodes",
            ours=f"{pipeline:.2f} s",
            theirs=f"{operators:.2f} s with PythonOperators",
            ratio=pipeline / operators,
            bar=2.0,
        )
    ]
