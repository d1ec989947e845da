"""Two tasks and a value between them, the DAG made by ``@dag``: task_1 gives 2, task_2 makes 5 of it."""

from __future__ import annotations

import pendulum
from airflow.sdk import dag

from airflow_linepipe import linepipe_task


@dag(start_date=pendulum.datetime(2026, 1, 1), schedule=None)
def example_values_decorated() -> None:
    @linepipe_task
    def task_1() -> int:
        return 2

    @linepipe_task
    def task_2(x: int) -> int:
        return x + 3

    task_2(task_1())


example_values_decorated()
