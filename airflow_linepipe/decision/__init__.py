"""Decisions on metrics: is this one better, and which of several policies holds."""

from __future__ import annotations

from airflow_linepipe.decision.comparison import Comparison, Decision, MetricRule, Require, WithoutBaseline, decide
from airflow_linepipe.decision.metric import Metric, is_told, read_metric
from airflow_linepipe.decision.policy import PolicyDecision, PolicyRule, choose_policy

__all__ = [
    "Comparison",
    "Decision",
    "Metric",
    "MetricRule",
    "PolicyDecision",
    "PolicyRule",
    "Require",
    "WithoutBaseline",
    "choose_policy",
    "decide",
    "is_told",
    "read_metric",
]
