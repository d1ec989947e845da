"""What can be wrong with a pipeline only because it is to become tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from airflow_linepipe.authoring.options import NodeOptions
from airflow_linepipe.errors import PlanError, Problem, SettingError, UnknownArgumentError
from airflow_linepipe.plan import MAX_ID_LENGTH, Part, did_you_mean

__all__ = ["check_ids", "check_options"]


def check_ids(parts: Sequence[Part], full_id: Callable[[str], str]) -> None:
    """Make sure that every task id fits, with the groups around it.

    Args:
        parts: The parts.
        full_id: From a part's id to the task's.

    Raises:
        PlanError: Some are longer than Airflow takes.
    """
    problems = [
        Problem(node=part.id, value=full_id(part.id), message=_too_long(part, full_id(part.id)))
        for part in parts
        if len(full_id(part.id)) > MAX_ID_LENGTH
    ]
    if problems:
        raise PlanError(problems)


def check_options(options: Mapping[str, object], parts: Sequence[Part]) -> None:
    """Make sure that each entry of ``node_options`` is for a task that there is.

    Args:
        options: What the author wrote, by the part's id.
        parts: The parts.

    Raises:
        UnknownArgumentError: There is no such part.
        SettingError: The entry cannot be used.
    """
    # What authors write is not always what the annotation asks for.
    ids = [part.id for part in parts]
    homes = {step.id: part.id for part in parts for step in part.plan.steps}
    for name, option in options.items():
        if name not in ids and name in homes:
            message = f"node_options['{name}']: node '{name}' runs in the task '{homes[name]}': give them to that one."
            raise SettingError(message)
        if name not in ids:
            hint = did_you_mean(name, ids, otherwise=f"there are {', '.join(ids)}.")
            message = f"node_options['{name}']: there is no such task: {hint}"
            raise UnknownArgumentError(message)
        if not isinstance(option, NodeOptions):
            message = f"node_options['{name}'] is a {type(option).__name__}: write NodeOptions(retries=2)."
            raise SettingError(message)


def _too_long(part: Part, task_id: str) -> str:
    return (
        f"Node '{part.id}': with its groups its task id has {len(task_id)} characters and Airflow takes "
        f"{MAX_ID_LENGTH}: shorten the function's or the group's name."
    )
