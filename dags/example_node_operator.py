"""Single nodes as tasks: fed by hand, several nodes in one task, and one task for each item."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG
from linepipe.node import Node

from airflow_linepipe import LinepipeNodeOperator, linepipe_task


def numbers(count: int) -> list[int]:
    return list(range(count))


def square(number: int) -> int:
    return number * number


def double(values: list[int]) -> list[int]:
    return [2 * value for value in values]


# [START howto_node_operator]
with DAG("example_node_operator", start_date=pendulum.datetime(2026, 1, 1), schedule=None):
    made = LinepipeNodeOperator(
        node=[
            Node(numbers, inputs=["config.count"], outputs=["values"]),
            Node(double, inputs=["values"], outputs=["values"]),
        ],
        task_id="make",
        config={"count": 4},
    )

    @linepipe_task
    def as_inputs(values: list[int]) -> list[dict[str, int]]:
        return [{"number": value} for value in values]

    @linepipe_task
    def total(squares: list[int]) -> int:
        return sum(squares)

    squares = LinepipeNodeOperator.partial(
        task_id="square", node=Node(square, inputs=["number"], outputs=["squared"])
    ).expand(inputs=as_inputs(made.output))
    total(squares.output)
# [END howto_node_operator]
