"""Is it good enough, or better than what there is: metrics against thresholds and a baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from airflow_linepipe.decision.metric import Metric, is_number, number_of, read_metric
from airflow_linepipe.errors import SettingError

__all__ = ["Comparison", "Decision", "MetricRule", "Require", "WithoutBaseline", "decide"]

Require: TypeAlias = Literal["all", "any"]
WithoutBaseline: TypeAlias = Literal["true", "false"]


class MetricRule:
    """What one metric must fulfil.

    Args:
        key: Where the metric stands in what was measured: see `read_metric`.
        threshold: What it must reach. Left out, it must be better than the baseline's.
        min_delta: By how much it must be better than the baseline's; 0 for by anything.
        higher_is_better: Whether more is better; else less is.

    Raises:
        SettingError: An argument is no such thing.
    """

    def __init__(
        self,
        key: str = "",
        *,
        threshold: float | None = None,
        min_delta: float = 0.0,
        higher_is_better: bool = True,
    ) -> None:
        _check(key, str, f"key={key!r}: give the metric's name as a text, such as 'auc' or 'late.f1'.")
        _check(higher_is_better, bool, f"higher_is_better={higher_is_better!r}: write True or False.")
        min_delta = _checked_number("min_delta", min_delta)
        if min_delta < 0:
            message = f"min_delta={min_delta!r} is negative: say by how much a metric must be better, 0 or more."
            raise SettingError(message)
        if threshold is not None:
            threshold = _checked_number("threshold", threshold)
            if min_delta:
                message = "min_delta= belongs to a baseline, and there is a threshold=: add it to the threshold."
                raise SettingError(message)
        self.key = key
        self.threshold = threshold
        self.min_delta = min_delta
        self.higher_is_better = higher_is_better

    def __repr__(self) -> str:
        against = f"min_delta={self.min_delta!r}" if self.threshold is None else f"threshold={self.threshold!r}"
        return f"MetricRule({self.key!r}, {against}, higher_is_better={self.higher_is_better})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One metric, what it was compared with, and how that ended.

    Attributes:
        metric: The metric.
        other: The threshold or the baseline's metric.
        against: Which of the two it is.
        rule: What was asked.
        holds: Whether it is fulfilled.
        reason: Why, in one line.
    """

    metric: Metric
    other: Metric
    against: Literal["threshold", "baseline"]
    rule: MetricRule
    holds: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "key": self.metric.key,
            "value": self.metric.shown,
            self.against: self.other.shown,
            **({"min_delta": self.rule.min_delta} if self.against == "baseline" else {}),
            "higher_is_better": self.rule.higher_is_better,
            "holds": self.holds,
            "reason": self.reason,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """Whether the rules hold.

    Attributes:
        outcome: Whether they do.
        require: Whether all of them have to, or any.
        comparisons: One for each rule, in order.
    """

    outcome: bool
    require: Require
    comparisons: tuple[Comparison, ...]

    @property
    def reason(self) -> str:
        """Why, in one line."""
        return "; ".join(comparison.reason for comparison in self.comparisons)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "outcome": self.outcome,
            "require": self.require,
            "reason": self.reason,
            "metrics": [comparison.to_dict() for comparison in self.comparisons],
        }


def decide(
    rules: Sequence[MetricRule],
    *,
    measured: Any,
    baseline: Any = None,
    require: Require = "all",
    without_baseline: WithoutBaseline = "true",
) -> Decision:
    """Compare metrics with thresholds and a baseline.

    A metric that is NaN, None or not there fulfils no rule. A baseline that has none is nothing to beat.

    Args:
        rules: What to compare.
        measured: What was measured: see `read_metric`.
        baseline: The same of what there is so far; None if there is nothing yet.
        require: Whether all rules have to hold, or any.
        without_baseline: Whether a known metric fulfils a rule whose baseline has none.

    Raises:
        MetricError: What stands in place of a metric is no number.
    """
    comparisons = tuple(_compared(rule, measured, baseline, without_baseline) for rule in rules)
    outcome = (all if require == "all" else any)(comparison.holds for comparison in comparisons)
    return Decision(outcome=outcome, require=require, comparisons=comparisons)


def _compared(rule: MetricRule, measured: Any, baseline: Any, without_baseline: WithoutBaseline) -> Comparison:
    metric = read_metric(measured, rule.key)
    if rule.threshold is not None:
        other = Metric(key="threshold", number=rule.threshold)
        holds, reason = _reaches(metric, rule, rule.threshold)
        return Comparison(metric=metric, other=other, against="threshold", rule=rule, holds=holds, reason=reason)
    # A champion that is one number is what every metric is compared with; one that has several has its own.
    other = read_metric(baseline, rule.key if isinstance(baseline, Mapping) or not _is_number(baseline) else "")
    holds, reason = _beats(metric, rule, other, without_baseline)
    return Comparison(metric=metric, other=other, against="baseline", rule=rule, holds=holds, reason=reason)


def _reaches(metric: Metric, rule: MetricRule, threshold: float) -> tuple[bool, str]:
    name = metric.key or "the metric"
    if not metric.is_known:
        return False, f"{name} never counts as good enough: {metric.absence}"
    holds = metric.number >= threshold if rule.higher_is_better else metric.number <= threshold
    sign = (">=" if holds else "<") if rule.higher_is_better else ("<=" if holds else ">")
    return holds, f"{name} {metric.number} {sign} threshold {threshold}"


def _beats(metric: Metric, rule: MetricRule, other: Metric, without_baseline: WithoutBaseline) -> tuple[bool, str]:
    name = metric.key or "the metric"
    if not metric.is_known:
        return False, f"{name} never counts as better: {metric.absence}"
    if not other.is_known:
        outcome = "nothing to beat" if without_baseline == "true" else "nothing to compare with"
        return without_baseline == "true", f"{name} {metric.number}, and {outcome}: of the baseline, {other.absence}"
    gain = _difference(metric.number, other.number) * (1 if rule.higher_is_better else -1)
    holds = gain > 0 and gain >= Decimal(repr(rule.min_delta))
    needed = f" by at least {rule.min_delta}" if rule.min_delta else ""
    verdict = f"is better than baseline {other.number}" if holds else f"is not better than baseline {other.number}"
    return holds, f"{name} {metric.number} {verdict}{needed}"


def _difference(one: float, other: float) -> Decimal:
    """The difference of the decimal numbers that people read: 0.302 is 0.002 more than 0.3."""
    if one == other:
        return Decimal(0)
    return Decimal(repr(one)) - Decimal(repr(other))


def _is_number(value: Any) -> bool:
    try:
        number_of(value)
    except TypeError:
        return False
    return True


def _check(value: object, kind: type, message: str) -> None:
    if not isinstance(value, kind):
        raise SettingError(message)


def _checked_number(name: str, value: object) -> float:
    if is_number(value):
        return number_of(value)
    message = f"{name}={value!r}: give a number."
    raise SettingError(message)
