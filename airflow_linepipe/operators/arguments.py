"""Which keyword arguments an operator takes."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

from airflow.sdk import BaseOperator, BaseXCom, XComArg
from airflow.sdk.definitions.mappedoperator import MappedOperator

from airflow_linepipe.errors import SettingError, UnknownArgumentError, UnknownOutputError
from airflow_linepipe.plan import did_you_mean

__all__ = ["check_outputs_read", "missing_param", "operator_parameters", "outputs_read", "unknown_argument"]


@cache
def operator_parameters(operator: type[BaseOperator] = BaseOperator) -> frozenset[str]:
    """The names of all arguments that an operator class takes, with those of its bases."""
    bases = [base for base in operator.__mro__ if issubclass(base, BaseOperator)]
    names = {name for base in bases for name in inspect.signature(base.__init__).parameters}
    return frozenset(names - {"self", "args", "kwargs"})


def missing_param(name: str, param: str) -> SettingError:
    """The error for an entry of ``overrides`` whose param the DAG does not have."""
    return SettingError(f"overrides['{name}']: the DAG has no param {param!r}: add it to the DAG's params.")


def unknown_argument(name: str, *, owner: str, known: Collection[str]) -> UnknownArgumentError:
    """The error for an argument that nothing takes, with the closest that something does."""
    hint = did_you_mean(name, sorted(known), otherwise="")
    return UnknownArgumentError(f"{owner} takes no argument '{name}'" + (f": {hint}" if hint else "."))


def outputs_read(task: Any) -> Iterator[tuple[Any, str]]:
    """The task and the key of each XCom that a task is handed."""
    handed = task
    if isinstance(task, MappedOperator):
        handed = [task.partial_kwargs, task._get_specified_expand_input()]  # noqa: SLF001  (as Airflow does)
    yield from XComArg.iter_xcom_references(handed)


def check_outputs_read(values: object, *, owner: str) -> None:
    """Make sure that the outputs of our tasks that a task is handed exist: Airflow would hand it None.

    Args:
        values: What the task is handed, with XComArgs in it.
        owner: The task, for messages.

    Raises:
        UnknownOutputError: A task of ours declares its outputs, and the one that is read is none of them.
    """
    for operator, key in XComArg.iter_xcom_references(values):
        names = tuple(getattr(operator, "output_names", ()))
        if names and key not in (*names, BaseXCom.XCOM_RETURN_KEY):
            hint = did_you_mean(key, names, otherwise=f"it has {', '.join(names)}.")
            message = f"Task '{owner}' reads '{key}' of task '{operator.task_id}', which has no such output: {hint}"
            raise UnknownOutputError(message)
