"""Settings of a single node's task, and the sorting of keyword arguments."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, Final

from airflow.sdk import BaseOperator

from airflow_linepipe.errors import SettingError, UnknownArgumentError

__all__ = ["NodeOptions", "split_arguments"]

_OURS: Final = {"dag", "multiple_outputs", "task_group", "task_id"}


class NodeOptions:
    """What one node's task has of its own.

    Args:
        **operator_arguments: Everything that BaseOperator takes, such as ``retries``, ``pool`` or
            ``execution_timeout``, except what the pipeline itself decides (ids, group, DAG).

    Raises:
        UnknownArgumentError: BaseOperator takes no such argument.
        SettingError: The pipeline decides it.
    """

    def __init__(self, **operator_arguments: Any) -> None:
        for name in operator_arguments:
            if name in _OURS:
                message = f"NodeOptions cannot set '{name}': the pipeline decides it."
                raise SettingError(message)
            if name not in operator_parameters():
                raise unknown_argument(name, owner="NodeOptions", known=operator_parameters())
        self.operator_arguments: Mapping[str, Any] = operator_arguments

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.operator_arguments.items())
        return f"NodeOptions({arguments})"


def split_arguments(owner: type, arguments: Mapping[str, Any], *, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Which keyword arguments a DAG or group takes itself, and which go to every task.

    Args:
        owner: Airflow's class, ``DAG`` or ``TaskGroup``.
        arguments: The keyword arguments.
        name: Our class's name, for messages.

    Returns:
        The owner's and the operators' arguments.

    Raises:
        UnknownArgumentError: Neither takes it.
    """
    own = set(inspect.signature(owner).parameters)
    for argument in arguments:
        if argument not in own and (argument in _OURS or argument not in operator_parameters()):
            raise unknown_argument(argument, owner=name, known=own | operator_parameters() - _OURS)
    return (
        {key: value for key, value in arguments.items() if key in own},
        {key: value for key, value in arguments.items() if key not in own},
    )


@cache
def operator_parameters() -> frozenset[str]:
    """The names of BaseOperator's arguments."""
    return frozenset(inspect.signature(BaseOperator.__init__).parameters) - {"self", "kwargs"}


def unknown_argument(name: str, *, owner: str, known: Collection[str]) -> UnknownArgumentError:
    """The error for an argument that nothing takes, with the closest that something does."""
    close = get_close_matches(name, sorted(known), n=1)
    hint = f": did you mean '{close[0]}'?" if close else "."
    return UnknownArgumentError(f"{owner} takes no argument '{name}'{hint}")
