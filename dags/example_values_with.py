"""Two tasks and a value between them, the DAG made by ``with``: task_1 gives 1, task_2 makes 2 of it."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG
from linepipe.node import Node

from airflow_linepipe import LinepipeNodeOperator


def one() -> int:
    return 1


def increment(x: int) -> int:
    return x + 1


with DAG("example_values_with", start_date=pendulum.datetime(2026, 1, 1), schedule=None):
    task_1 = LinepipeNodeOperator(task_id="task_1", node=Node(one, inputs=[], outputs=["x"]))
    task_2 = LinepipeNodeOperator(
        task_id="task_2", node=Node(increment, inputs=["x"], outputs=["y"]), inputs={"x": task_1.output}
    )
