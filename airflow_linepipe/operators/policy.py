"""Choose one of named policies by rules over metrics, and go its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_linepipe import settings
from airflow_linepipe.decision import PolicyRule, choose_policy
from airflow_linepipe.errors import MetricError, SettingError
from airflow_linepipe.handoff import check_storage
from airflow_linepipe.hooks.handoff import open_exchange, producer_of_task
from airflow_linepipe.hooks.metrics import load_metrics
from airflow_linepipe.operators.arguments import check_outputs_read
from airflow_linepipe.operators.failing import final_failure
from airflow_linepipe.operators.forking import ForkingOperator
from airflow_linepipe.plan import checked_mapping, checked_names

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["LinepipePolicyOperator"]


class LinepipePolicyOperator(ForkingOperator):
    """Choose a policy by ordered rules over metrics: the first rule that fits, or else the default.

    The policy, the rules that were looked at and what they found stand in the XCom ``decision`` and in the log. With
    targets, the tasks and groups of the policy run, and those of the others are skipped; a policy such as "inspect"
    waits for a person where its target is one of Airflow's human-in-the-loop operators. Without, everything behind the
    task runs, and reads the policy as its output.

    Args:
        metrics: What was measured: an output of another task, or a dict of such and of numbers. (templated)
        rules: The rules, in order: ``[PolicyRule("rollback", metric="auc", below=0.55), …]``.
        default: The policy that holds if no rule fits.
        targets: The ids of the tasks and groups of each policy; an empty list for nothing.
        storage: Replaces ``[linepipe] storage`` for this task.
        **kwargs: Everything that BaseOperator takes.

    Raises:
        SettingError: An argument cannot be used, or the DAG has no such task.
        UnknownOutputError: A task of ours has no such output.
    """

    template_fields: Sequence[str] = ("metrics",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"metrics": "json"}

    def __init__(
        self,
        *,
        metrics: Any,
        rules: Sequence[PolicyRule],
        default: str,
        targets: Mapping[str, str | Sequence[str]] | None = None,
        storage: str | None = None,
        **kwargs: Any,
    ) -> None:
        ways = {
            policy: checked_names(f"targets['{policy}']", target)
            for policy, target in checked_mapping("targets", targets).items()
        }
        super().__init__(ways=ways, **kwargs)
        check_outputs_read(metrics, owner=self.task_id)
        settings.check_profile()
        self.metrics = metrics
        self.rules = _checked_rules(rules)
        self.default = default
        self.storage = None if storage is None else check_storage(storage)
        if not isinstance(default, str) or not default:
            message = f"default={default!r}: name the policy that holds if no rule fits."
            raise SettingError(message)
        self._has_targets = targets is not None
        for policy in {default: None, **dict.fromkeys(rule.policy for rule in self.rules)} if self._has_targets else ():
            if policy not in ways:
                named = ", ".join(ways) or "none"
                message = f"Task '{self.task_id}': targets= has no entry for policy '{policy}', only for {named}."
                raise SettingError(message)

    def execute(self, context: Context) -> Any:
        """Choose; see `BaseOperator.execute`."""
        reader = producer_of_task(context)
        with final_failure(MetricError), open_exchange(self.storage) as exchange:
            measured = load_metrics(self.metrics, exchange, reader, keys=[rule.metric for rule in self.rules])
            decision = choose_policy(self.rules, measured=measured, default=self.default)
        # What skips others leaves no return value of its own.
        context["ti"].xcom_push("return_value", decision.policy)
        if self._has_targets:
            self.take(decision.policy, decision.to_dict(), context)
        else:
            self.tell(decision.to_dict(), context)
        return decision.policy


def _checked_rules(rules: object) -> tuple[PolicyRule, ...]:
    if isinstance(rules, Sequence) and all(isinstance(rule, PolicyRule) for rule in rules):
        return tuple(rules)
    message = f"rules={rules!r}: give a list such as [PolicyRule('rollback', metric='auc', below=0.55)]."
    raise SettingError(message)
