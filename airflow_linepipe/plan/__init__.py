"""WHAT will run: a linepipe pipeline as a frozen plan of steps. No I/O happens here."""

from __future__ import annotations

from airflow_linepipe.plan.arguments import checked_choice, checked_mapping, checked_names, did_you_mean
from airflow_linepipe.plan.calling import calling_problem
from airflow_linepipe.plan.composition import Pipelines
from airflow_linepipe.plan.configuration import lookup
from airflow_linepipe.plan.drawing import draw_ascii, draw_mermaid
from airflow_linepipe.plan.grouping import PIPELINE_ID, Granularity, plan_parts
from airflow_linepipe.plan.living import check_live, check_travel
from airflow_linepipe.plan.naming import MAX_ID_LENGTH, function_label
from airflow_linepipe.plan.overriding import Override, check_override, override_plan, overrides_read, plan_overrides
from airflow_linepipe.plan.parameter import is_plain
from airflow_linepipe.plan.part import Part, Persist, Source, cut_parts, part_after
from airflow_linepipe.plan.planner import MissingConfig, Order, build_plan, plan_pipeline
from airflow_linepipe.plan.secrecy import looks_secret
from airflow_linepipe.plan.step import (
    ArtifactBinding,
    Binding,
    ConfigBinding,
    ConstantBinding,
    GivenBinding,
    Plan,
    Resource,
    ResourceBinding,
    Step,
)
from airflow_linepipe.plan.target import load_target

__all__ = [
    "MAX_ID_LENGTH",
    "PIPELINE_ID",
    "ArtifactBinding",
    "Binding",
    "ConfigBinding",
    "ConstantBinding",
    "GivenBinding",
    "Granularity",
    "MissingConfig",
    "Order",
    "Override",
    "Part",
    "Persist",
    "Pipelines",
    "Plan",
    "Resource",
    "ResourceBinding",
    "Source",
    "Step",
    "build_plan",
    "calling_problem",
    "check_live",
    "check_override",
    "check_travel",
    "checked_choice",
    "checked_mapping",
    "checked_names",
    "cut_parts",
    "did_you_mean",
    "draw_ascii",
    "draw_mermaid",
    "function_label",
    "is_plain",
    "load_target",
    "looks_secret",
    "lookup",
    "override_plan",
    "overrides_read",
    "part_after",
    "plan_overrides",
    "plan_parts",
    "plan_pipeline",
]
