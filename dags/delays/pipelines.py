"""The nodes of the two workflows: those that stand alone, and the pipelines of training, monitoring and composing.

docs/mlops.md runs one of them on a laptop.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from linepipe.node import Node

from delays.chronicle import file_alert, record
from delays.composing import (
    CompositionRules,
    augment,
    balance,
    check_labels,
    extract_old,
    guard,
    keep_for_evaluation,
    label,
    queue_uncertain,
    summarise_composition,
    weigh,
)
from delays.drift import detect_drift
from delays.evaluation import evaluate
from delays.history import extract_history
from delays.model import fit_delay, fit_late
from delays.monitoring import MonitoringRules, conclude, measure_performance, read_reference, withdraw
from delays.pages import draw_chronicle, report_training
from delays.registry import register, track
from delays.search import search
from delays.serving import read_served, serve, survey
from delays.training import TrainingConfig, evaluate_champion, gather, take_apart


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateConfig:
    """The settings of monitoring and composing.

    Attributes:
        months: How many of the latest months a model learns from.
        days: The latest days of these, which it is judged on.
        reach: How many months before these the old flights are from.
        monitoring: When the numbers are a reason to act.
        composition: How the retraining set is put together.
    """

    months: int = TrainingConfig().months
    days: int = TrainingConfig().days
    reach: int = 10
    monitoring: MonitoringRules = field(default_factory=MonitoringRules)
    composition: CompositionRules = field(default_factory=CompositionRules)


SURVEY = Node(
    survey,
    inputs=["warehouse", "tracking_uri", "month", "composed", "config.months", "train"],
    outputs=["situation"],
)
REGISTER = Node(register, inputs=["tracking_uri", "run", "training_set", "metrics"], outputs=["registered"])
REPORT = Node(report_training, inputs=["metrics", "champion_metrics", "trials"], outputs=["page"])
SERVE = Node(serve, inputs=["warehouse", "tracking_uri", "month"], outputs=["served"])
ALERT = Node(file_alert, inputs=["warehouse", "report"], outputs=["alert"])
ROLL_BACK = Node(withdraw, inputs=["tracking_uri", "report"], outputs=["rolled_back"])
RECORD = Node(record, inputs=["warehouse", "tracking_uri", "report", "policy"], outputs=["row"])
DRAW = Node(draw_chronicle, inputs=["warehouse"], outputs=["page"])

TRAINING = [
    Node(gather, inputs=["warehouse", "month", "composed", "config.months", "config.days"], outputs=["training_set"]),
    Node(take_apart, inputs=["training_set"], outputs=["train", "evaluation"]),
    Node(search, inputs=["train", "config.space", "config.parameters"], outputs=["parameters", "trials"]),
    Node(fit_delay, inputs=["train", "parameters"], outputs=["delay_model"]),
    Node(fit_late, inputs=["train", "parameters"], outputs=["late_model"]),
    Node(evaluate, inputs=["delay_model", "late_model", "evaluation"], outputs=["metrics"]),
    Node(evaluate_champion, inputs=["tracking_uri", "evaluation"], outputs=["champion_metrics"]),
    Node(
        track,
        inputs=[
            "tracking_uri",
            "training",
            "delay_model",
            "late_model",
            "evaluation",
            "parameters",
            "metrics",
            "trials",
        ],
        outputs=["run"],
    ),
]

MONITORING = [
    Node(read_served, inputs=["warehouse", "month"], outputs=["served"]),
    Node(measure_performance, inputs=["served", "tracking_uri"], outputs=["performance"]),
    Node(read_reference, inputs=["warehouse", "served", "tracking_uri", "config.months"], outputs=["reference"]),
    Node(detect_drift, inputs=["reference", "served", "config.monitoring.drift"], outputs=["drift"]),
    Node(conclude, inputs=["performance", "drift", "config.monitoring", "month"], outputs=["report"]),
]

COMPOSING = [
    Node(extract_history, inputs=["warehouse", "month", "config.months"], outputs=["history"]),
    Node(label, inputs=["history", "served"], outputs=["labelled"]),
    Node(check_labels, inputs=["labelled", "config.composition"], outputs=["good", "rejected"]),
    Node(keep_for_evaluation, inputs=["good", "config.days"], outputs=["fresh", "evaluation"]),
    Node(queue_uncertain, inputs=["fresh", "config.composition"], outputs=["queue"]),
    Node(weigh, inputs=["fresh", "queue"], outputs=["weighed"]),
    Node(balance, inputs=["weighed", "config.composition"], outputs=["balanced"]),
    Node(augment, inputs=["balanced", "config.composition"], outputs=["augmented"]),
    Node(extract_old, inputs=["warehouse", "month", "config.months", "config.reach"], outputs=["found"]),
    Node(check_labels, inputs=["found", "config.composition"], outputs=["old", "rejected_old"]),
    Node(guard, inputs=["augmented", "old", "evaluation", "config.composition"], outputs=["training_set"]),
    Node(summarise_composition, inputs=["training_set", "rejected", "rejected_old", "queue"], outputs=["composition"]),
]
