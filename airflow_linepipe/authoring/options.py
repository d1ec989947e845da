"""Settings of a single node's task, and the sorting of keyword arguments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

from airflow_linepipe.cache import as_cache
from airflow_linepipe.errors import SettingError
from airflow_linepipe.operators.arguments import operator_parameters, unknown_argument

__all__ = ["NodeOptions", "split_arguments"]

_NODE: Final = {"cache", "fallback", "map_over", "when"}
_OURS: Final = {"dag", "multiple_outputs", "task_group", "task_id"}


class NodeOptions:
    """What one node's task has of its own.

    Args:
        **operator_arguments: Everything that BaseOperator takes, such as ``retries``, ``pool`` or
            ``execution_timeout``, except what the pipeline itself decides (ids, group, DAG). And of ours: ``cache``, in
            place of that of the DAG or the group; ``when`` and ``fallback`` as in `LinepipeNodeOperator`, where a
            condition may also look at other values that earlier nodes make; and ``map_over``, the name of an input that
            is a list: the node becomes a mapped task that gets one item each time, and whoever reads its outputs gets
            the list of them.

    Raises:
        UnknownArgumentError: BaseOperator takes no such argument.
        SettingError: The pipeline decides it.
    """

    def __init__(self, **operator_arguments: Any) -> None:
        for name, value in operator_arguments.items():
            if name in _OURS:
                message = f"NodeOptions cannot set '{name}': the pipeline decides it."
                raise SettingError(message)
            if name == "cache":
                as_cache("cache", value)
            elif name not in operator_parameters() and name not in _NODE:
                raise unknown_argument(name, owner="NodeOptions", known={*_NODE, *operator_parameters()})
        self.operator_arguments: Mapping[str, Any] = operator_arguments

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.operator_arguments.items())
        return f"NodeOptions({arguments})"


def split_arguments(cls: type, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Which keyword arguments a DAG or group takes itself, and which go to every task.

    Args:
        cls: Our subclass of Airflow's ``DAG`` or ``TaskGroup``.
        arguments: The keyword arguments that it does not name itself.

    Returns:
        Airflow's class's and the operators' arguments.

    Raises:
        UnknownArgumentError: Neither takes it.
    """
    own = set(inspect.signature(cls.__mro__[1]).parameters)
    for argument in arguments:
        if argument not in own and (argument in _OURS or argument not in operator_parameters()):
            known = own.union(inspect.signature(cls).parameters, operator_parameters() - _OURS)
            raise unknown_argument(argument, owner=cls.__name__, known=known)
    return (
        {key: value for key, value in arguments.items() if key in own},
        {key: value for key, value in arguments.items() if key not in own},
    )
