"""The task at the end of a pipeline that removes what only its run needed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain, count
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from airflow_linepipe.authoring.woven import WovenTask
from airflow_linepipe.errors import SettingError
from airflow_linepipe.handoff import Retention
from airflow_linepipe.operators.cleanup import LinepipeCleanupOperator
from airflow_linepipe.plan import ArtifactBinding, Plan, checked_names, did_you_mean

if TYPE_CHECKING:
    from airflow.sdk import TaskGroup

__all__ = ["Temporary", "add_cleanup", "check_temporary"]

Temporary: TypeAlias = Collection[str] | Literal["inner"]

_TASK_ID: Final = "clean_up"
# Of what every task gets, what a task that only removes files has use for.
_SHARED: Final = ("executor", "executor_config", "owner", "pool", "queue", "retries", "retry_delay", "run_as_user")


def check_temporary(temporary: object, plan: Plan, published: Collection[str]) -> frozenset[ArtifactBinding]:
    """What an author writes as ``temporary``.

    Args:
        temporary: Names of outputs; or "inner" for all that a node of the pipeline reads and that are not published.
        plan: The pipeline.
        published: The names of the outputs that stand for assets.

    Returns:
        The artifacts.

    Raises:
        SettingError: A name is no output, or one that is published or ephemeral.
    """
    made = {
        ArtifactBinding(producer=step.id, name=name) for step in plan.steps for name in step.outputs
    } - plan.ephemeral
    if temporary == "inner":
        read = {binding for step in plan.steps for binding in step.bindings}
        return frozenset(made & read - {plan.outputs[name] for name in published})
    names = checked_names("temporary", temporary)
    known = sorted({artifact.name for artifact in made})
    for name in names:
        if name in {artifact.name for artifact in plan.ephemeral} - set(known):
            message = f"temporary: the output '{name}' is ephemeral, and never stored: leave it out."
            raise SettingError(message)
        if name not in known:
            hint = did_you_mean(name, known, otherwise=f"there are {', '.join(known) or 'none'}.")
            message = f"temporary: there is no output '{name}': {hint}"
            raise SettingError(message)
        if name in published:
            message = f"temporary: the output '{name}' is published, and stays: take it out of one of the two."
            raise SettingError(message)
    return frozenset(artifact for artifact in made if artifact.name in names)


def add_cleanup(
    tasks: Sequence[WovenTask],
    temporary: Collection[ArtifactBinding],
    *,
    group: TaskGroup,
    retention: Retention | None,
    storage: Mapping[str, str],
    arguments: Mapping[str, Any],
) -> None:
    """Add the teardown in the DAG and group of the moment; nothing if it would have nothing to do.

    Args:
        tasks: The tasks of the pipeline.
        temporary: The artifacts that go.
        group: The group of the moment.
        retention: Which older runs of the DAG stay.
        storage: The operator's storage, or nothing.
        arguments: BaseOperator arguments of the pipeline's tasks.
    """
    names = {task.task_id: [name for name, made in task.part.outputs.items() if made in temporary] for task in tasks}
    if not (any(names.values()) or retention):
        return
    results = {
        task.task_id: [name for name, made in task.part.outputs.items() if made not in temporary] for task in tasks
    }
    cleanup = LinepipeCleanupOperator(
        task_id=_free_id(group),
        temporary={task_id: outputs for task_id, outputs in names.items() if outputs},
        results=results,
        inside=names,
        retention=retention,
        **storage,
        **{name: arguments[name] for name in _SHARED if name in arguments},
    )
    # After each of them: behind a failure the last one ends while others still run.
    cleanup.set_upstream([task.operator for task in tasks])
    cleanup.as_teardown()


def _free_id(group: TaskGroup) -> str:
    taken = set(group.children)
    ids = chain([_TASK_ID], (f"{_TASK_ID}__{number}" for number in count(2)))
    return next(task_id for task_id in ids if group.child_id(task_id) not in taken)  # type: ignore[no-untyped-call]
