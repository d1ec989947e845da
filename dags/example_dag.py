"""The smallest DAG: a linepipe pipeline in one line."""

from __future__ import annotations

import pendulum
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag


def add(a: int, b: int) -> int:
    return a + b


# [START howto_dag]
pipeline = Pipeline([Node(add, inputs=["x", "y"], outputs=["sum"])], x=2, y=3)

dag = LinepipeDag("example_dag", pipeline=pipeline, start_date=pendulum.datetime(2026, 1, 1), schedule=None)
# [END howto_dag]
