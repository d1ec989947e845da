"""Gates and forks: train only on good data, serve only the better model, and react to what monitoring says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import (
    LinepipeBranchOnMetricOperator,
    LinepipePolicyOperator,
    LinepipeTaskGroup,
    LinepipeValidationOperator,
    NodeOptions,
    PolicyRule,
    linepipe_task,
)

if TYPE_CHECKING:
    import pandas as pd

EXPECTATIONS = [
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "minutes"}},
    {
        "type": "expect_column_max_to_be_between",
        "kwargs": {"column": "minutes", "max_value": 60},
        "severity": "warning",
    },
]


def collect(days: int) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"minutes": [day * 1.5 for day in range(1, days + 1)]})


def fit(table: pd.DataFrame) -> float:
    return float(table["minutes"].mean())


def score(model: float, table: pd.DataFrame) -> dict[str, Any]:
    error = (table["minutes"] - model).abs().mean()
    return {"mae": float(error), "drift": {"share": 0.1}}


# [START howto_decisions]
with DAG("example_decisions", start_date=pendulum.datetime(2026, 1, 1), schedule=None):
    training = LinepipeTaskGroup(
        "training",
        pipeline=Pipeline(
            [
                Node(collect, inputs=["config.days"], outputs=["table"]),
                Node(fit, inputs=["table"], outputs=["model"]),
                Node(score, inputs=["model", "table"], outputs=["metrics"]),
            ],
            config={"days": 10},
        ),
        node_options={"fit": NodeOptions(when=lambda table: len(table) > 1, retries=1, fallback=8.0)},
    )
    gate = LinepipeValidationOperator(task_id="gate", data=training["table"], expectations=EXPECTATIONS)
    gate >> training["fit"]

    @linepipe_task
    def champion() -> dict[str, float]:
        return {"mae": 5.0}

    LinepipeBranchOnMetricOperator(
        task_id="better",
        metric=training["metrics"],
        key="mae",
        baseline=champion(),
        higher_is_better=False,
        if_true="serve",
        if_false="report",
    )
    serve = EmptyOperator(task_id="serve")
    EmptyOperator(task_id="report")

    policy = LinepipePolicyOperator(
        task_id="policy",
        metrics=training["metrics"],
        rules=[PolicyRule("improve", metric="drift.share", above=0.3), PolicyRule("inspect", metric="mae", above=20)],
        default="continue",
        targets={"continue": [], "improve": "retrain", "inspect": "ask"},
    )
    EmptyOperator(task_id="retrain")
    EmptyOperator(task_id="ask")
    serve >> policy
# [END howto_decisions]
