"""The values that a step's function is called with, each its own to change as in linepipe."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, MutableMapping
from copy import deepcopy
from typing import Any, Final

from airflow_linepipe.errors import MissingInputError
from airflow_linepipe.plan import (
    ArtifactBinding,
    Binding,
    ConfigBinding,
    ConstantBinding,
    GivenBinding,
    Plan,
    ResourceBinding,
    Step,
)
from airflow_linepipe.runtime.copying import private_copy

__all__ = ["bind_inputs", "drop_read"]


def bind_inputs(
    plan: Plan, step: Step, *, values: Mapping[Binding, Any], last_reader: Mapping[Binding, str]
) -> list[Any]:
    """The step's arguments, in order.

    Everything is copied as in linepipe, and no dearer than it must be, with two exceptions: the last reader of an array
    that nobody else holds gets the array itself, and the last reader of a given value that value. Outputs of one
    step may share memory (a list and a part of it, views of one array): while another of them is still to be
    read, a deep copy is handed out.

    Args:
        plan: The plan with its config and constants.
        step: The step about to run.
        values: What was given from outside and made by earlier steps, and is still to be read.
        last_reader: The id of the last step that reads each of them.

    Returns:
        One value for each input; a name that is read twice is one value, as in linepipe.

    Raises:
        MissingInputError: A value was neither given nor made.
    """
    bound: dict[Binding, Any] = {}
    for name, binding in zip(step.inputs, step.bindings, strict=True):
        if binding in bound:
            continue
        if isinstance(binding, ConfigBinding):
            bound[binding] = deepcopy(plan.config_value(binding))
        elif isinstance(binding, ConstantBinding):
            bound[binding] = private_copy(plan.constants[binding.name], name)
        elif isinstance(binding, ResourceBinding):
            bound[binding] = values[binding]
        elif binding not in values:
            message = f"Node '{step.label}' reads '{name}', which was not given to this run."
            raise MissingInputError(message)
        elif _has_twin(binding, values):
            bound[binding] = private_copy(values[binding], name, deep=True)
        elif last_reader[binding] == step.id and (
            isinstance(binding, GivenBinding) or _is_held_here_only(values, binding)
        ):
            bound[binding] = values[binding]
        else:
            bound[binding] = private_copy(values[binding], name)
    return [bound[binding] for binding in step.bindings]


def drop_read(step: Step, values: MutableMapping[Binding, Any], last_reader: Mapping[Binding, str]) -> None:
    """Let go of what nobody reads any more.

    After the step has run, and not before: what a frame is copied from must live while its copy is written to, or
    pandas takes the copy for the only one and writes to memory that a function may have kept.
    """
    for binding in set(step.bindings):
        if last_reader[binding] == step.id:
            values.pop(binding, None)


def _has_twin(binding: Binding, values: Collection[Binding]) -> bool:
    """Whether another output of the same step is still to be read."""
    return isinstance(binding, ArtifactBinding) and any(
        isinstance(other, ArtifactBinding) and other.producer == binding.producer and other != binding
        for other in values
    )


def _is_held_here_only(values: Mapping[Any, Any], binding: Any) -> bool:
    """Whether nothing but ``values`` can see the value change: an array of plain numbers that nobody else refers to.

    Of anything that holds other objects that cannot be known: a list that a function returns may hold its cache.
    """
    value = values[binding]
    if type(value).__module__ != "numpy" or type(value).__name__ != "ndarray":
        return False
    owned = value.flags.owndata and value.flags.writeable and not value.dtype.hasobject
    del value
    return owned and _references(values, binding) <= _REFERENCES_OF_ONE_HOLDER


def _references(values: Mapping[Any, Any], binding: Any) -> int:
    return sys.getrefcount(values[binding])


# Measured and not known: how many of its own Python counts differs between versions.
_REFERENCES_OF_ONE_HOLDER: Final = _references({None: object()}, None)
