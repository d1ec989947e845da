"""Run a plain linepipe pipeline, unchanged, as a first-class Airflow DAG.

Importing this package imports neither Airflow nor pandas: every public name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_linepipe.authoring.dag import LinepipeDag
    from airflow_linepipe.authoring.options import NodeOptions
    from airflow_linepipe.authoring.task_group import LinepipeTaskGroup
    from airflow_linepipe.cache import Cache
    from airflow_linepipe.decision import MetricRule, PolicyRule
    from airflow_linepipe.decorators.task import linepipe_task
    from airflow_linepipe.handoff import ArtifactRef, Retention
    from airflow_linepipe.hooks.connection import AirflowConnection
    from airflow_linepipe.hooks.handoff import load_artifact
    from airflow_linepipe.operators.branch import LinepipeBranchOnMetricOperator
    from airflow_linepipe.operators.cleanup import LinepipeCleanupOperator
    from airflow_linepipe.operators.node import LinepipeNodeOperator
    from airflow_linepipe.operators.policy import LinepipePolicyOperator
    from airflow_linepipe.operators.validation import LinepipeValidationOperator
    from airflow_linepipe.runtime import RunResult, read_run, run
    from airflow_linepipe.sensors.artifact import LinepipeArtifactSensor
    from airflow_linepipe.triggers.artifact import LinepipeArtifactTrigger

__all__ = [
    "AirflowConnection",
    "ArtifactRef",
    "Cache",
    "LinepipeArtifactSensor",
    "LinepipeArtifactTrigger",
    "LinepipeBranchOnMetricOperator",
    "LinepipeCleanupOperator",
    "LinepipeDag",
    "LinepipeNodeOperator",
    "LinepipePolicyOperator",
    "LinepipeTaskGroup",
    "LinepipeValidationOperator",
    "MetricRule",
    "NodeOptions",
    "PolicyRule",
    "Retention",
    "RunResult",
    "linepipe_task",
    "load_artifact",
    "read_run",
    "run",
]

_HOMES = {
    "AirflowConnection": "airflow_linepipe.hooks.connection",
    "ArtifactRef": "airflow_linepipe.handoff",
    "Cache": "airflow_linepipe.cache",
    "LinepipeArtifactSensor": "airflow_linepipe.sensors.artifact",
    "LinepipeArtifactTrigger": "airflow_linepipe.triggers.artifact",
    "LinepipeBranchOnMetricOperator": "airflow_linepipe.operators.branch",
    "LinepipeCleanupOperator": "airflow_linepipe.operators.cleanup",
    "LinepipeDag": "airflow_linepipe.authoring.dag",
    "LinepipeNodeOperator": "airflow_linepipe.operators.node",
    "LinepipePolicyOperator": "airflow_linepipe.operators.policy",
    "LinepipeTaskGroup": "airflow_linepipe.authoring.task_group",
    "LinepipeValidationOperator": "airflow_linepipe.operators.validation",
    "MetricRule": "airflow_linepipe.decision",
    "NodeOptions": "airflow_linepipe.authoring.options",
    "PolicyRule": "airflow_linepipe.decision",
    "Retention": "airflow_linepipe.handoff",
    "RunResult": "airflow_linepipe.runtime",
    "linepipe_task": "airflow_linepipe.decorators.task",
    "load_artifact": "airflow_linepipe.hooks.handoff",
    "read_run": "airflow_linepipe.runtime",
    "run": "airflow_linepipe.runtime",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module '{__name__}' has no attribute '{name}'"
        raise AttributeError(message)
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
