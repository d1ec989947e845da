"""DAGs that decide, skip, map, retry and time out; see test_real_control.py."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, ExceptionRetryPolicy, RetryAction, RetryRule
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import (
    LinepipeBranchOnMetricOperator,
    LinepipeDag,
    LinepipePolicyOperator,
    LinepipeTaskGroup,
    LinepipeValidationOperator,
    NodeOptions,
    PolicyRule,
)

START = pendulum.datetime(2026, 1, 1)
COMMON = {"start_date": START, "schedule": None}


def load(last):
    return pd.DataFrame({"delay": [1.0, last]})


def train(table):
    return len(table)


def measure(auc):
    return {"auc": auc}


def split(folder):
    return [f"{folder}/{name}" for name in ("a", "b", "c")]


def look(path):
    """Fails while a file of this name is there."""
    with Path(path).parent.joinpath("looked.txt").open("a") as file:
        file.write(f"{Path(path).name}\n")
    if Path(path).exists():
        message = f"{path} is in the way"
        raise FileExistsError(message)
    return Path(path).name


def gather(names):
    return names


def fail_as(kind):
    raise {"value": ValueError, "key": KeyError}[kind](kind)


def dawdle(folder):
    Path(folder, "started").touch()
    time.sleep(120)
    Path(folder, "ended").touch()
    return folder


with DAG("r28_gate", params={"last": 2.0}, tags=["linepipe", "gates"], start_date=START, schedule=None):
    training = LinepipeTaskGroup(
        "training",
        pipeline=Pipeline([Node(load, ["last"], ["table"]), Node(train, ["table"], ["model"])]),
        inputs={"last": "{{ params.last if params.last > 0 else none }}"},
    )
    gate = LinepipeValidationOperator(
        task_id="gate",
        data=training["table"],
        expectations=[
            {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "delay", "value_set": [1.0, "2.0"]}}
        ],
    )
    gate >> training["train"]

with DAG("r36_branch", start_date=START, schedule=None):
    measured = LinepipeTaskGroup(
        "m", pipeline=Pipeline([Node(measure, ["config.auc"], ["metrics"])], config={"auc": 0.5})
    )
    LinepipeBranchOnMetricOperator(
        task_id="better", metric=measured["metrics"], key="auc", threshold=0.7, if_true="serve", if_false="report"
    )
    EmptyOperator(task_id="serve") >> EmptyOperator(task_id="announce")
    EmptyOperator(task_id="report")

with DAG("inspected", start_date=START, schedule=None):
    monitored = LinepipeTaskGroup(
        "m", pipeline=Pipeline([Node(measure, ["config.auc"], ["metrics"])], config={"auc": 0.6})
    )
    LinepipePolicyOperator(
        task_id="policy",
        metrics=monitored["metrics"],
        rules=[PolicyRule("inspect", metric="auc", below=0.7)],
        default="continue",
        targets={"continue": "keep", "inspect": "ask"},
    )
    EmptyOperator(task_id="keep")
    ApprovalOperator(task_id="ask", subject="The metrics look odd: go on?") >> EmptyOperator(task_id="approved")

LinepipeDag(
    "r37_map",
    pipeline=Pipeline(
        [
            Node(split, ["config.folder"], ["paths"]),
            Node(look, ["paths"], ["names"]),
            Node(gather, ["names"], ["all"]),
        ],
        config={"folder": "nowhere"},
    ),
    node_options={"look": NodeOptions(map_over="paths")},
    **COMMON,
)

LinepipeDag(
    "r38_retries",
    pipeline=Pipeline([Node(fail_as, ["config.kind"], ["never"])], config={"kind": "value"}),
    node_options={
        "fail_as": NodeOptions(
            retries=2,
            retry_delay=timedelta(seconds=1),
            retry_exponential_backoff=2.0,
            retry_policy=ExceptionRetryPolicy(rules=[RetryRule(exception=KeyError, action=RetryAction.FAIL)]),
        )
    },
    **COMMON,
)

LinepipeDag(
    "r40_timeout",
    pipeline=Pipeline([Node(dawdle, ["config.folder"], ["never"])], config={"folder": "nowhere"}),
    node_options={"dawdle": NodeOptions(execution_timeout=timedelta(seconds=2), fallback="not for timeouts")},
    **COMMON,
)
