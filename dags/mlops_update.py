"""MLOps, the update: what the served predictions were worth, and what to do about it.

Starts when ``mlops`` has predicted a month's flights, whose delays are known by then. Thresholds are params of the run.
"""

from __future__ import annotations

import pendulum
from airflow.providers.standard.operators.hitl import HITLBranchOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, Asset, Param
from delays.pipelines import ALERT, COMPOSING, DRAW, MONITORING, RECORD, ROLL_BACK, SERVE, UpdateConfig
from delays.registry import find_tracking_uri
from flights.runs import MONTH
from linepipe.pipeline import Pipeline

from airflow_linepipe import (
    AirflowConnection,
    LinepipeNodeOperator,
    LinepipePolicyOperator,
    LinepipeTaskGroup,
    PolicyRule,
)

WAREHOUSE = {"warehouse": AirflowConnection("warehouse")}
REGISTRY = find_tracking_uri()
# A way is gone when the policy has chosen it, or the person whom the policy has asked.
CHOSEN = "none_failed_min_one_success"

with DAG(
    "mlops_update",
    schedule=[Asset("flight_predictions")],
    start_date=pendulum.datetime(2013, 1, 1),
    max_active_runs=1,
    params={"month": Param(None, type=["null", "string"], pattern=r"^\d{4}-\d{2}$", description="YYYY-MM")},
    tags=["linepipe", "mlops"],
    doc_md=__doc__,
):
    monitoring = LinepipeTaskGroup(
        "monitoring",
        pipeline=Pipeline(MONITORING, config=UpdateConfig()),
        inputs={"tracking_uri": REGISTRY, "month": MONTH},
        resources=WAREHOUSE,
        granularity="pipeline",
    )
    policy = LinepipePolicyOperator(
        task_id="policy",
        metrics=monitoring["report"],
        rules=[
            PolicyRule("inspect", metric="reasons.suspect", above=0),
            PolicyRule("rollback", metric="reasons.regret", above=0),
            PolicyRule("improve", metric="reasons.worn", above=0),
        ],
        default="continue",
        targets={"continue": "file_alert", "improve": "composing", "inspect": "ask", "rollback": "roll_back"},
    )
    ask = HITLBranchOperator(
        task_id="ask",
        subject=f"The predictions of {MONTH} look wrong: what now?",
        options=["continue", "improve", "rollback"],
        options_mapping={"continue": "file_alert", "improve": "composing", "rollback": "roll_back"},
    )

    alert = LinepipeNodeOperator(
        task_id="file_alert",
        node=ALERT,
        inputs={"report": monitoring["report"]},
        resources=WAREHOUSE,
        trigger_rule=CHOSEN,
    )
    composing = LinepipeTaskGroup(
        "composing",
        pipeline=Pipeline(COMPOSING, config=UpdateConfig()),
        inputs={"served": monitoring["served"], "month": MONTH},
        resources=WAREHOUSE,
        granularity="pipeline",
        trigger_rule=CHOSEN,
    )
    retrain = TriggerDagRunOperator(
        task_id="retrain",
        trigger_dag_id="mlops",
        conf={"month": MONTH, "training_set": composing["training_set"]},
        wait_for_completion=True,
        deferrable=True,
        poke_interval=2,
    )
    rolled_back = LinepipeNodeOperator(
        task_id="roll_back",
        node=ROLL_BACK,
        inputs={"tracking_uri": REGISTRY, "report": monitoring["report"]},
        trigger_rule=CHOSEN,
    )
    served_again = LinepipeNodeOperator(
        task_id="serve_again",
        node=SERVE,
        inputs={"tracking_uri": REGISTRY, "month": MONTH},
        resources=WAREHOUSE,
    )
    ask >> [alert, composing, rolled_back]
    rolled_back >> served_again

    recorded = LinepipeNodeOperator(
        task_id="record",
        node=RECORD,
        inputs={"tracking_uri": REGISTRY, "report": monitoring["report"], "policy": policy.output},
        resources=WAREHOUSE,
        trigger_rule=CHOSEN,
    )
    [alert, retrain, served_again] >> recorded
    drawn = LinepipeNodeOperator(task_id="draw", node=DRAW, resources=WAREHOUSE)
    recorded >> drawn
