"""One DAG for each further promise that a real scheduler has to keep; see test_real_rows.py."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pendulum
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag, LinepipeTaskGroup

START = pendulum.datetime(2026, 1, 1)
COMMON = {"start_date": START, "schedule": None}


class DamagedTableError(Exception):
    """An error that only this file knows."""


def check():
    message = "row 3 has no price"
    raise DamagedTableError(message)


def skip():
    message = "nothing to do today"
    raise AirflowSkipException(message)


def refuse():
    message = "another try would change nothing"
    raise AirflowFailException(message)


def give(*values):
    return values[0] if len(values) == 1 else list(values)


def draw(folder):
    """Another text each time; its calls are counted in the folder."""
    drawn = uuid4().hex
    with Path(folder, "draws.txt").open("a") as file:
        file.write(f"{drawn}\n")
    return drawn


def need(drawn, folder):
    Path(folder, "ready.txt").read_text()
    return drawn


def meet(mine, other, folder):
    """Wait for the run that makes the other value, so that both are between their tasks at once."""
    Path(folder, mine).touch()
    deadline = time.monotonic() + 60
    while not Path(folder, other).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(other)
        time.sleep(0.1)
    return mine


def count(rows):
    return list(range(rows))


def split(numbers):
    return numbers[::2], numbers[1::2]


def write(numbers, path):
    Path(path).write_text(str(numbers))


LinepipeDag(
    "r12_errors",
    pipeline=Pipeline(
        [
            Node(check, [], ["checked"]),
            Node(skip, [], ["skipped"]),
            Node(give, ["skipped"], ["given"]),
            Node(refuse, [], ["refused"]),
        ]
    ),
    retries=1,
    retry_delay=timedelta(0),
    **COMMON,
)

LinepipeDag(
    "r25_daily",
    pipeline=Pipeline([Node(give, ["day"], ["today"])]),
    inputs={"day": "{{ ds }}"},
    schedule="@daily",
    start_date=pendulum.datetime(2026, 1, 4),
    end_date=pendulum.datetime(2026, 1, 5),
    catchup=True,
    # Not before the test: a task that starts before the api-server listens fails.
    is_paused_upon_creation=True,
)

LinepipeDag(
    "r31_params",
    pipeline=Pipeline([Node(give, ["config.window", "rows"], ["read"])], config={"window": 5}, rows=3),
    **COMMON,
)

LinepipeDag(
    "r42_resume",
    pipeline=Pipeline([Node(draw, ["folder"], ["drawn"]), Node(need, ["drawn", "folder"], ["needed"])], folder=""),
    **COMMON,
)

LinepipeDag(
    "r04_two_runs",
    pipeline=Pipeline(
        [Node(give, ["config.mine"], ["made"]), Node(meet, ["made", "config.other", "folder"], ["met"])],
        config={"mine": "", "other": ""},
        folder="",
    ),
    **COMMON,
)

features = Pipeline([Node(count, ["config.rows"], ["numbers"]), Node(split, ["numbers"], ["evens", "odds"])])
writer = Pipeline([Node(write, ["numbers", "path"], [])])
for dag_id, rows in (("r20_train", 6), ("r20_predict", 3)):
    with DAG(dag_id, params={"path": ""}, start_date=START, schedule=None):
        made = LinepipeTaskGroup("features", pipeline=features, config={"rows": rows})
        LinepipeTaskGroup("writer", pipeline=writer, inputs={"numbers": made["evens"], "path": "{{ params.path }}"})
