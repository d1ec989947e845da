"""A task that decides which of the ways behind it is taken."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BranchMixIn, TaskGroup, TriggerRule

from airflow_linepipe.errors import JoinWarning, SettingError
from airflow_linepipe.operators.failing import final_failure
from airflow_linepipe.operators.templating import ReferenceTemplating
from airflow_linepipe.plan import did_you_mean

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.definitions._internal.node import DAGNode

__all__ = ["DECISION_KEY", "ForkingOperator"]

logger = logging.getLogger(__name__)

# The XCom in which it stands what was decided, and why.
DECISION_KEY: Final = "decision"
# With these, one skipped task before a join is enough to skip it.
_SKIPPED_RULES: Final = {TriggerRule.ALL_SUCCESS, TriggerRule.NONE_SKIPPED}


class ForkingOperator(ReferenceTemplating, BranchMixIn):
    """A task behind which some tasks run and all others are skipped, as with Airflow's branch operators.

    When the DAG is whole, it looks whether the tasks and groups that it may choose are there, goes before those that
    are not behind it yet, and warns of tasks that any choice would skip.

    Args:
        ways: The ids of the tasks and groups that run, by outcome.
        **kwargs: Everything that BaseOperator takes.
    """

    inherits_from_skipmixin = True
    ui_color = "#e8e2f7"

    def __init__(self, *, ways: Mapping[str, tuple[str, ...]], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._ways = ways

    def prepare_template(self) -> None:
        """See Airflow's `Templater.prepare_template`: the DAG is whole, and about to be serialised."""
        super().prepare_template()
        if not self.has_dag():  # type: ignore[no-untyped-call]
            return
        nodes = {outcome: [self._node(name) for name in names] for outcome, names in self._ways.items()}
        for node in (node for chosen in nodes.values() for node in chosen):
            if not {task.node_id for task in node.roots} <= self.downstream_task_ids:
                self.set_downstream(node)
        self.dag.check_cycle()
        self._warn_of_joins(nodes)

    def take(self, outcome: str, record: Mapping[str, Any], context: Context) -> Any:
        """Go the way of an outcome, and tell why.

        Args:
            outcome: One of the outcomes.
            record: What was decided, as plain JSON.
            context: The running task's.
        """
        with final_failure(SettingError):
            for name in (name for names in self._ways.values() for name in names):
                self._check_behind(name)
        chosen = [self._id_of(name) for name in self._ways[outcome]]
        self.tell({**record, "next": chosen}, context)
        return self.do_branch(context, chosen)

    def tell(self, record: Mapping[str, Any], context: Context) -> None:
        """Leave in XCom and in the log what was decided."""
        context["ti"].xcom_push(DECISION_KEY, record)
        logger.info("Decided: %s", record["reason"])

    def _check_behind(self, name: str) -> None:
        """Make sure that it waits for this task: `prepare_template` sees no mapped task, and no DAG run by hand."""
        if not {task.node_id for task in self._node(name).roots} <= self.downstream_task_ids:
            message = (
                f"Task '{self.task_id}' leads to '{name}', which is not behind it: write {self.task_id} >> {name}."
            )
            raise SettingError(message)

    def _id_of(self, name: str) -> str:
        node = self._node(name)
        return str(node.group_id if isinstance(node, TaskGroup) else node.node_id)

    def _node(self, name: str) -> DAGNode:
        """The task or group of this id, which may be that inside the operator's own groups."""
        known: dict[str, DAGNode] = {**self.dag.task_group_dict, **self.dag.task_dict}
        group = self.task_group
        names = [name]
        while group is not None and group.group_id:
            names.append(str(group.child_id(name)))  # type: ignore[no-untyped-call]
            group = group.parent_group
        for one in names:
            if one in known and known[one] is not self:
                return known[one]
        others = [other for other in known if other and other != self.task_id]
        hint = did_you_mean(name, others, otherwise=f"it has {', '.join(others) or 'no other'}.")
        message = f"Task '{self.task_id}' leads to '{name}', and the DAG has no such task or group: {hint}"
        raise SettingError(message)

    def _warn_of_joins(self, nodes: Mapping[str, Sequence[DAGNode]]) -> None:
        ways = [chosen for chosen in nodes.values() if chosen]
        reached = [_reached(chosen) for chosen in ways]
        for task_id in sorted(set().union(*reached)):
            task = self.dag.get_task(task_id)
            # Behind which ways each task before it lies.
            sides = [
                found
                for upstream in task.upstream_task_ids
                if (found := {number for number, ids in enumerate(reached) if upstream in ids})
            ]
            begun = {
                number
                for number, chosen in enumerate(ways)
                if any(first.node_id == task_id for node in chosen for first in node.roots)
            }
            apart = any(not one & other for one in sides for other in sides) or any(begun - side for side in sides)
            if apart and task.trigger_rule in _SKIPPED_RULES:
                message = (
                    f"Task '{task_id}' joins several ways behind '{self.task_id}', of which only one is taken, and its "
                    f"trigger rule '{TriggerRule(task.trigger_rule).value}' skips it then: give it "
                    f"trigger_rule='{TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS.value}'."
                )
                warnings.warn(message, JoinWarning, stacklevel=2)


def _reached(nodes: Collection[DAGNode]) -> frozenset[str]:
    """The ids of these tasks and all behind them."""
    found: set[str] = set()
    for node in nodes:
        tasks: Iterable[Any] = node.iter_tasks() if isinstance(node, TaskGroup) else [node]
        for task in tasks:
            found.update((task.task_id, *task.get_flat_relative_ids(upstream=False)))
    return frozenset(found)
