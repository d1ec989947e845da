"""MLOps, the model: a first champion, a better one, or a report of why it is none; and the champion's predictions.

Starts when ``dataops`` has loaded a month. While a champion is in service it predicts the month's flights; trained is
when there is none yet, or when ``mlops_update`` has composed a set to retrain with. Features, predictions and models
are in the Airflow connection ``warehouse`` and in MLflow (``MLFLOW_TRACKING_URI``, or a file in Airflow's home).
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Asset, Param
from delays.pipelines import REGISTER, REPORT, SERVE, SURVEY, TRAINING
from delays.registry import find_tracking_uri
from delays.training import TrainingConfig
from flights.runs import MONTH
from linepipe.pipeline import Pipeline

from airflow_linepipe import (
    AirflowConnection,
    LinepipeBranchOnMetricOperator,
    LinepipeNodeOperator,
    LinepipePolicyOperator,
    LinepipeTaskGroup,
    MetricRule,
    NodeOptions,
    PolicyRule,
    linepipe_task,
    load_artifact,
)

PREDICTIONS = Asset("flight_predictions")
WAREHOUSE = {"warehouse": AirflowConnection("warehouse")}
REGISTRY = find_tracking_uri()

with DAG(
    "mlops",
    schedule=[Asset("flight_features")],
    start_date=pendulum.datetime(2013, 1, 1),
    max_active_runs=1,
    params={
        "month": Param(None, type=["null", "string"], pattern=r"^\d{4}-\d{2}$", description="YYYY-MM"),
        "train": Param(default=False, type="boolean", description="Train, although there is a champion"),
        "training_set": Param(None, type=["null", "object"], description="The reference of a set to retrain with"),
    },
    tags=["linepipe", "mlops"],
    doc_md=__doc__,
):

    @linepipe_task
    def find_composed(params: Any = None) -> Any:
        """The set to retrain with, or None if this run was given none."""
        return load_artifact(params["training_set"]) if params["training_set"] else None

    composed = find_composed()
    situation = LinepipeNodeOperator(
        task_id="survey",
        node=SURVEY,
        config=TrainingConfig(),
        overrides={"config.months": "training.config.months"},
        inputs={"tracking_uri": REGISTRY, "month": MONTH, "composed": composed, "train": "{{ params.train }}"},
        resources=WAREHOUSE,
    )
    LinepipePolicyOperator(
        task_id="decide",
        metrics=situation.output,
        rules=[
            PolicyRule("train", metric="wanted", above=0),
            PolicyRule("serve", metric="champion", above=0),
            PolicyRule("wait", metric="missing", above=0),
        ],
        default="train",
        targets={"train": "training", "serve": "as_before", "wait": []},
    )
    as_before = EmptyOperator(task_id="as_before")

    training = LinepipeTaskGroup(
        "training",
        pipeline=Pipeline(TRAINING, config=TrainingConfig()),
        inputs={"tracking_uri": REGISTRY, "month": MONTH, "composed": composed, "training": "{{ run_id }}"},
        resources=WAREHOUSE,
        granularity="chain",
        node_options={name: NodeOptions(cache=True) for name in ("search", "fit_delay", "fit_late", "evaluate")},
    )
    LinepipeBranchOnMetricOperator(
        task_id="better",
        metric=training["metrics"],
        baseline=training["champion_metrics"],
        rules=[MetricRule("r2", min_delta=0.005), MetricRule("behaviour.passed", threshold=1.0)],
        if_true="register",
        if_false="report",
    )
    registered = LinepipeNodeOperator(
        task_id="register",
        node=REGISTER,
        inputs={"tracking_uri": REGISTRY, **{name: training[name] for name in ("run", "training_set", "metrics")}},
    )
    LinepipeNodeOperator(
        task_id="report",
        node=REPORT,
        inputs={name: training[name] for name in ("metrics", "champion_metrics", "trials")},
    )
    served = LinepipeNodeOperator(
        task_id="serve",
        node=SERVE,
        inputs={"tracking_uri": REGISTRY, "month": MONTH},
        resources=WAREHOUSE,
        trigger_rule="none_failed_min_one_success",
    )
    [registered, as_before] >> served

    @linepipe_task(when=lambda served: served["rows"] > 0, outlets=[PREDICTIONS])
    def announce(served: dict[str, Any], outlet_events: Any = None) -> None:
        """Tell that there are new predictions; monitoring waits for them."""
        outlet_events[PREDICTIONS].extra = served

    announce(served.output)
