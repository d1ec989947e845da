"""Which of several policies holds: ordered rules over metrics, the first that fits."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from airflow_linepipe.decision.metric import Metric, MissingItemError, find_item, is_number, metric_of
from airflow_linepipe.errors import MetricError, SettingError

__all__ = ["PolicyDecision", "PolicyRule", "Statistic", "choose_policy"]

Statistic: TypeAlias = Literal["mean", "min", "max", "sum", "count"]
_STATISTICS: Final[Mapping[str, Callable[[Sequence[float]], float]]] = {
    # Python's own mean and exact sum refuse infinities of both signs, whose sum is NaN.
    "mean": lambda numbers: sum(numbers) / len(numbers),
    "min": min,
    "max": max,
    "sum": sum,
    "count": len,
}
_BOUNDS: Final[Mapping[str, tuple[str, Callable[[float, float], bool]]]] = {
    "below": ("<", operator.lt),
    "above": (">", operator.gt),
    "at_most": ("<=", operator.le),
    "at_least": (">=", operator.ge),
}


class PolicyRule:
    """A policy, and what a metric must be for it to hold.

    A metric is a number, or a list of them, the latest last. Of a list, the last ``window`` numbers count, and of these
    ``times`` have to be within the bounds; or one ``statistic`` of them has to be.

    Args:
        policy: The policy's name, such as "rollback".
        metric: Where the metric stands in what was measured: "auc", "drift.share", "alerts".
        below: It is less than this.
        above: It is more than this.
        at_most: It is this or less.
        at_least: It is this or more.
        window: How many of the latest numbers count, and there have to be as many; 0 for all. Left out, the latest
            one, and with a statistic all.
        times: How many of them have to be within the bounds; 0 for all of them.
        statistic: What of them has to be: "mean", "min", "max", "sum"; or "count", how many items the list has (they
            need not be numbers).
        missing: Whether it is this that the rule is about: that the metric is None, NaN or not there. Otherwise such a
            metric fits no rule.

    Raises:
        SettingError: An argument is no such thing, or there are no bounds.
    """

    def __init__(
        self,
        policy: str,
        *,
        metric: str,
        below: float | None = None,
        above: float | None = None,
        at_most: float | None = None,
        at_least: float | None = None,
        window: int | None = None,
        times: int = 0,
        statistic: Statistic | Literal[""] = "",
        missing: bool = False,
    ) -> None:
        bounds = {"below": below, "above": above, "at_most": at_most, "at_least": at_least}
        self.policy = policy
        self.metric = metric
        self.bounds = {name: bound for name, bound in bounds.items() if bound is not None}
        self.window = window if window is not None else 0 if statistic else 1
        self.times = times
        self.statistic = statistic
        self.missing = missing
        self._check()

    def __repr__(self) -> str:
        return f"PolicyRule({self.policy!r}, metric={self.metric!r}: {self.condition})"

    @property
    def condition(self) -> str:
        """What the rule asks, in a few words."""
        if self.missing:
            return f"{self.metric} is missing"
        bounds = " and ".join(f"{_BOUNDS[name][0]} {bound}" for name, bound in self.bounds.items())
        last = f" of the last {self.window}" if self.window > 1 else "" if self.window else " of all"
        if self.statistic == "count":
            return f"number of {self.metric} {bounds}"
        if self.statistic:
            return f"{self.statistic} of {self.metric}{last} {bounds}"
        times = f" in {self.times}{last}" if self.times else last and f" in all{last}"
        return f"{self.metric} {bounds}{times}"

    def _check(self) -> None:
        for name, text in (("policy", self.policy), ("metric", self.metric)):
            if not isinstance(text, str) or not text:
                self._refuse(f"{name}={text!r}: give a text")
        for name, bound in self.bounds.items():
            if not is_number(bound):
                self._refuse(f"{name}={bound!r}: give a number")
        for name, count in (("window", self.window), ("times", self.times)):
            if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                self._refuse(f"{name}={count!r}: give a whole number, 0 for all")
        if self.statistic and self.statistic not in _STATISTICS:
            self._refuse(f"statistic={self.statistic!r}: there are {', '.join(_STATISTICS)}")
        if bool(self.bounds) == bool(self.missing):
            self._refuse("give bounds (below=, above=, at_most=, at_least=), or missing=True")
        if self.times and (self.statistic or (self.window and self.times > self.window)):
            self._refuse(f"times={self.times} of a window of {self.window or 'all'}: give a window= of as many or more")

    def _refuse(self, problem: str) -> None:
        message = f"PolicyRule({self.policy!r}): {problem}."
        raise SettingError(message)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckedRule:
    """A rule that was looked at.

    Attributes:
        rule: The rule.
        fits: Whether it holds.
        found: What there was, in a few words.
    """

    rule: PolicyRule
    fits: bool
    found: str

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "policy": self.rule.policy,
            "rule": self.rule.condition,
            "found": self.found,
            "fits": self.fits,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyDecision:
    """The policy that holds, and why.

    Attributes:
        policy: The policy.
        checked: The rules that were looked at, in order; the last one fits, unless the default holds.
    """

    policy: str
    checked: tuple[CheckedRule, ...]

    @property
    def reason(self) -> str:
        """Why, in one line."""
        if self.checked and self.checked[-1].fits:
            fitting = self.checked[-1]
            return f"{fitting.rule.condition} (it is {fitting.found})"
        told = "; ".join(f"not {checked.rule.condition} (it is {checked.found})" for checked in self.checked)
        return f"no rule fits: {told}" if told else "there are no rules"

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "policy": self.policy,
            "reason": self.reason,
            "rules": [checked.to_dict() for checked in self.checked],
        }


def choose_policy(rules: Sequence[PolicyRule], *, measured: Any, default: str) -> PolicyDecision:
    """The policy of the first rule that fits.

    Args:
        rules: The rules, in order.
        measured: What was measured: dicts, lists and objects around numbers and lists of numbers.
        default: The policy that holds if none fits.

    Raises:
        MetricError: What stands in place of a metric is no number.
    """
    checked = []
    for rule in rules:
        checked.append(_checked(rule, measured))
        if checked[-1].fits:
            return PolicyDecision(policy=rule.policy, checked=tuple(checked))
    return PolicyDecision(policy=default, checked=tuple(checked))


def _checked(rule: PolicyRule, measured: Any) -> CheckedRule:
    try:
        item = find_item(measured, rule.metric)
    except MissingItemError as error:
        return CheckedRule(rule=rule, fits=rule.missing, found=f"missing: {error}")
    if rule.statistic == "count":
        return _counted(rule, item)
    series = _series(item, rule.metric)
    window = series[-rule.window :] if rule.window else series
    if absent := [metric.absence for metric in window if not metric.is_known] or ([] if window else ["it is empty"]):
        return CheckedRule(rule=rule, fits=rule.missing, found=f"missing: {absent[0]}")
    numbers = [metric.number for metric in window]
    if rule.missing:
        return CheckedRule(rule=rule, fits=False, found=_told(numbers))
    if rule.window and len(numbers) < rule.window:
        return CheckedRule(rule=rule, fits=False, found=f"only {_told(numbers)}")
    if rule.statistic:
        number = _STATISTICS[rule.statistic](numbers)
        return CheckedRule(rule=rule, fits=_is_within(number, rule), found=f"{number}")
    within = sum(_is_within(number, rule) for number in numbers)
    return CheckedRule(rule=rule, fits=within >= (rule.times or len(numbers)), found=_told(numbers))


def _counted(rule: PolicyRule, item: Any) -> CheckedRule:
    if item is None:
        return CheckedRule(rule=rule, fits=rule.missing, found="missing: it is None")
    if not hasattr(item, "__len__") or isinstance(item, str | bytes):
        message = f"The metric '{rule.metric}' is a {type(item).__name__}, whose items cannot be counted: give a list."
        raise MetricError(message)
    return CheckedRule(rule=rule, fits=not rule.missing and _is_within(len(item), rule), found=str(len(item)))


def _series(item: Any, key: str) -> list[Metric]:
    """A metric's numbers, the latest last."""
    items = item.tolist() if getattr(item, "ndim", 0) == 1 and hasattr(item, "tolist") else item
    if isinstance(items, Sequence) and not isinstance(items, str | bytes):
        return [metric_of(one, key) for one in items]
    return [metric_of(items, key)]


def _is_within(number: float, rule: PolicyRule) -> bool:
    return all(_BOUNDS[name][1](number, bound) for name, bound in rule.bounds.items())


def _told(numbers: Sequence[float]) -> str:
    return ", ".join(str(number) for number in numbers)
