"""One DAG for each promise that a real scheduler has to keep; see test_real_airflow.py."""

from __future__ import annotations

from types import SimpleNamespace

import pendulum
import pipelines
from airflow.sdk import DAG
from linepipe.node import Node, create_named_partial_function
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag, LinepipeTaskGroup, linepipe_task

START = pendulum.datetime(2026, 1, 1)
COMMON = {"start_date": START, "schedule": None}


def fail():
    message = "this one fails"
    raise RuntimeError(message)


def chatter(path):
    print("printed by the node")
    return path


def three():
    return 1, 2, 3


def collect(*values):
    return list(values)


LinepipeDag("r02_data", pipeline=pipelines.tables, **COMMON)
LinepipeDag("r02_list", pipeline=pipelines.tables, order="list", **COMMON)

CONFIGS = {
    "object": SimpleNamespace(lr=0.1, model_config=SimpleNamespace(lr=0.2), items=["a"]),
    "dict": {"lr": 0.1, "model_config": {"lr": 0.2}, "items": ["a"]},
    "mixed": {"lr": 0.1, "model_config": SimpleNamespace(lr=0.2), "items": ["a"]},
}
with DAG("r08_config", start_date=START, schedule=None):
    for kind, config in CONFIGS.items():
        names = ["config.lr", "config.model_config.lr", "config.items"]
        LinepipeTaskGroup(kind, pipeline=Pipeline([Node(collect, names, ["read"])], config=config))

with DAG("r10_outputs", start_date=START, schedule=None):
    LinepipeTaskGroup("right", pipeline=Pipeline([Node(three, [], ["a", "b", "c"])]))
    LinepipeTaskGroup("wrong", pipeline=Pipeline([Node(three, [], ["a", "b"])]))

with DAG("r11_r19_writers", params={"folder": ""}, start_date=START, schedule=None):
    writers = [
        create_named_partial_function(pipelines.append, f"write_{name}", suffix=f"/{name}.txt") for name in ("a", "b")
    ]
    LinepipeTaskGroup(
        "g",
        pipeline=Pipeline(
            [
                Node(pipelines.frame, ["rows"], ["table"]),
                *[Node(writer, ["table", "folder"], []) for writer in writers],
            ],
            rows=3,
        ),
        inputs={"folder": "{{ params.folder }}"},
    )

LinepipeDag(
    "r29_parallel",
    pipeline=Pipeline(
        [*[Node(pipelines.sleeper(name), ["seconds"], [name]) for name in "abc"], Node(fail, [], ["never"])],
        seconds=2,
    ),
    **COMMON,
)

with DAG("r44_logs", start_date=START, schedule=None):
    group = LinepipeTaskGroup("g", pipeline=Pipeline([Node(chatter, ["path"], ["out"])], path="x"))

    @linepipe_task
    def shout(text: str) -> str:
        print("printed by the task")
        return text.upper()

    shout(group["out"])
