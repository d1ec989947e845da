"""What a real scheduler and triggerer make of watched folders and awaited artifacts; see test_real_sensors.py."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pendulum
from airflow.sdk import DAG, Asset, AssetWatcher, task
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import (
    LinepipeArtifactSensor,
    LinepipeArtifactTrigger,
    LinepipeDag,
    LinepipeNodeOperator,
    load_artifact,
)

FOLDER = Path(os.environ["AIRFLOW_HOME"], "r60_inbox")
# A busy machine may fail to start a task.
COMMON = {
    "start_date": pendulum.datetime(2026, 1, 1),
    "default_args": {"retries": 3, "retry_delay": pendulum.duration(seconds=1)},
}

inbox = Asset(
    "r60_inbox",
    watchers=[AssetWatcher(name="files", trigger=LinepipeArtifactTrigger(path=f"{FOLDER}/*.csv", poll_interval=1))],
)
features = Asset("r60_features")


def read_all():
    return pd.concat(pd.read_csv(path) for path in sorted(FOLDER.glob("*.csv")))


def count(table):
    return len(table)


LinepipeDag(
    "r60_dataops",
    pipeline=Pipeline([Node(read_all, [], ["table"])]),
    publish={"table": features},
    schedule=[inbox],
    **COMMON,
)

with DAG("r60_model", schedule=[features], **COMMON):

    @task
    def train(triggering_asset_events=None):
        return [len(load_artifact(event.extra)) for event in triggering_asset_events[features]]

    train()

with DAG("r60_waiting", schedule=None, **COMMON, params={"since": ""}):
    wait = LinepipeArtifactSensor(
        task_id="wait", name="r60_features", newer_than="{{ params.since }}", condition={"rows": ">= 5"}, timeout=200
    )
    LinepipeNodeOperator(node=Node(count, ["table"], ["rows"]), inputs={"table": wait.output})

with DAG("r60_rows", schedule=None, **COMMON):
    LinepipeArtifactSensor(
        task_id="wait", conn_id="warehouse", sql="select count(*) from sqlite_master where name = 'r60_rows'",
        timeout=200,
    )  # fmt: skip
