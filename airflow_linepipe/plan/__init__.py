"""WHAT will run: a linepipe pipeline as a frozen plan of steps. No I/O happens here."""

from __future__ import annotations

from airflow_linepipe.plan.configuration import lookup
from airflow_linepipe.plan.naming import MAX_ID_LENGTH, function_label
from airflow_linepipe.plan.planner import Order, build_plan, plan_pipeline
from airflow_linepipe.plan.step import (
    ArtifactBinding,
    Binding,
    ConfigBinding,
    ConstantBinding,
    GivenBinding,
    Plan,
    Step,
)
from airflow_linepipe.plan.target import load_target

__all__ = [
    "MAX_ID_LENGTH",
    "ArtifactBinding",
    "Binding",
    "ConfigBinding",
    "ConstantBinding",
    "GivenBinding",
    "Order",
    "Plan",
    "Step",
    "build_plan",
    "function_label",
    "load_target",
    "lookup",
    "plan_pipeline",
]
