"""Go one way if a metric is good enough or better than what there is, and another way if not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, get_args

from airflow_linepipe import settings
from airflow_linepipe.decision import MetricRule, Require, WithoutBaseline, decide
from airflow_linepipe.errors import MetricError, SettingError
from airflow_linepipe.handoff import check_storage
from airflow_linepipe.hooks.handoff import open_exchange, producer_of_task
from airflow_linepipe.hooks.metrics import load_metrics
from airflow_linepipe.operators.arguments import check_outputs_read
from airflow_linepipe.operators.failing import final_failure
from airflow_linepipe.operators.forking import ForkingOperator
from airflow_linepipe.plan import checked_choice, checked_names

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["LinepipeBranchOnMetricOperator"]


class LinepipeBranchOnMetricOperator(ForkingOperator):
    """Compare metrics with a threshold or a baseline, and go on with one of two ways; the other is skipped.

    What was compared, and how that ended, stands in the XCom ``decision`` and in the log. A metric that is NaN, None or
    not there never counts as good enough or better. A baseline without a value is nothing to beat.

    Args:
        metric: What was measured: an output of another task (a number, or dicts and lists around numbers), or a number.
            (templated)
        key: Which number of it: "auc", "late.f1", "folds.0".
        threshold: What the metric must reach; a number, or a template that becomes one. (templated)
        baseline: What the metric must be better than: an output as for ``metric``, a number, or a template that becomes
            one; None, also as a template has it, is nothing yet. (templated)
        min_delta: By how much it must be better than the baseline.
        higher_is_better: Whether more is better; else less is.
        rules: In place of ``key``, ``threshold``, ``min_delta`` and ``higher_is_better``: several metrics, such as
            ``[MetricRule("auc", min_delta=0.002), MetricRule("seconds", threshold=5, higher_is_better=False)]``.
        require: Whether "all" of them have to hold (default), or "any".
        without_baseline: "true" (default): where the baseline has no value, a metric that has one is better; "false":
            it is not.
        if_true: The ids of the tasks and groups that run if it is.
        if_false: Those that run if it is not; none for nothing.
        storage: Replaces ``[linepipe] storage`` for this task.
        **kwargs: Everything that BaseOperator takes.

    Raises:
        SettingError: An argument cannot be used, or the DAG has no such task.
        UnknownOutputError: A task of ours has no such output.
    """

    template_fields: Sequence[str] = ("metric", "threshold", "baseline")
    template_fields_renderers: ClassVar[dict[str, str]] = {"metric": "json", "baseline": "json"}

    def __init__(
        self,
        *,
        metric: Any,
        key: str = "",
        threshold: float | str | None = None,
        baseline: Any = None,
        min_delta: float = 0.0,
        higher_is_better: bool = True,
        rules: Sequence[MetricRule] = (),
        require: Require = "all",
        without_baseline: WithoutBaseline = "true",
        if_true: str | Sequence[str],
        if_false: str | Sequence[str] = (),
        storage: str | None = None,
        **kwargs: Any,
    ) -> None:
        ways = {"true": checked_names("if_true", if_true), "false": checked_names("if_false", if_false)}
        super().__init__(ways=ways, **kwargs)
        checked_choice("require", require, get_args(Require))
        checked_choice("without_baseline", without_baseline, get_args(WithoutBaseline))
        if both := sorted(set(ways["true"]) & set(ways["false"])):
            message = f"Task '{self.task_id}': '{both[0]}' runs if_true and if_false: let it come after both."
            raise SettingError(message)
        check_outputs_read([metric, baseline], owner=self.task_id)
        settings.check_profile()
        self.metric = metric
        self.threshold = threshold
        self.baseline = baseline
        self.rules = _checked_rules(rules)
        self.require = require
        self.without_baseline = without_baseline
        self.storage = None if storage is None else check_storage(storage)
        # One metric by its own arguments, whose threshold may be a template yet.
        self._single = None if self.rules else MetricRule(key, min_delta=min_delta, higher_is_better=higher_is_better)
        self._check_asked(key=key, min_delta=min_delta, higher_is_better=higher_is_better)

    def execute(self, context: Context) -> Any:
        """Compare; see `BaseOperator.execute`."""
        reader = producer_of_task(context)
        with final_failure(MetricError, SettingError), open_exchange(self.storage) as exchange:
            rules = self._rules()
            keys = [rule.key for rule in rules]
            decision = decide(
                rules,
                measured=load_metrics(self.metric, exchange, reader, keys=keys),
                baseline=load_metrics(_baseline(self.baseline), exchange, reader, keys=keys),
                require=self.require,
                without_baseline=self.without_baseline,
            )
        return self.take("true" if decision.outcome else "false", decision.to_dict(), context)

    def _rules(self) -> Sequence[MetricRule]:
        if self._single is None:
            return self.rules
        return [
            MetricRule(
                self._single.key,
                threshold=_number(self.threshold),
                min_delta=self._single.min_delta,
                higher_is_better=self._single.higher_is_better,
            )
        ]

    def _check_asked(self, **single: Any) -> None:
        """Whether it is clear what is compared with what."""
        if self.rules:
            if self.threshold is not None or single != {"key": "", "min_delta": 0.0, "higher_is_better": True}:
                self._refuse(
                    "rules= stands in place of key=, threshold=, min_delta= and higher_is_better=: give either"
                )
            if self.baseline is None and any(rule.threshold is None for rule in self.rules):
                self._refuse("a rule has no threshold: give it one, or give baseline=")
        elif (self.threshold is None) == (self.baseline is None):
            self._refuse("give threshold= or baseline=, one of the two")
        elif not isinstance(self.threshold, str):
            self._rules()

    def _refuse(self, problem: str) -> None:
        message = f"Task '{self.task_id}': {problem}."
        raise SettingError(message)


def _checked_rules(rules: object) -> tuple[MetricRule, ...]:
    if isinstance(rules, Sequence) and all(isinstance(rule, MetricRule) for rule in rules):
        return tuple(rules)
    message = f"rules={rules!r}: give a list such as [MetricRule('auc', min_delta=0.002)]."
    raise SettingError(message)


def _number(threshold: Any) -> Any:
    """A threshold; what a template has left is a text."""
    if not isinstance(threshold, str):
        return threshold
    try:
        return float(threshold)
    except ValueError as error:
        message = f"threshold={threshold!r}: give a number, or a template that becomes one."
        raise SettingError(message) from error


def _baseline(baseline: Any) -> Any:
    """A baseline; a template's text is a number, or None where there is none yet."""
    if not isinstance(baseline, str):
        return baseline
    if baseline.strip() in ("", "None"):
        return None
    try:
        return float(baseline)
    except ValueError:
        return baseline
