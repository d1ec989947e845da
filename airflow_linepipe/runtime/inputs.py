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
    Plan,
    ResourceBinding,
    Step,
)
from airflow_linepipe.runtime.copying import private_copy

__all__ = ["bind_inputs"]


def bind_inputs(
    plan: Plan, step: Step, *, values: MutableMapping[Binding, Any], last_reader: MutableMapping[Binding, str]
) -> list[Any]:
    """The step's arguments, in order.

    Config, constants and values that another step reads later are copied. The last reader of a value gets the
    value itself, which leaves ``values`` with it, unless somebody else holds it, such as the cache of the
    function that returned it. Outputs of one step may share memory (a list and a part of it, views of one
    array): while another of them is still to be read, a deep copy is handed out.

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
        elif last_reader[binding] != step.id or _is_held_elsewhere(values, binding):
            bound[binding] = private_copy(values[binding], name)
        else:
            bound[binding] = values[binding]
        if last_reader[binding] == step.id:
            values.pop(binding, None)
    return [bound[binding] for binding in step.bindings]


def _has_twin(binding: Binding, values: Collection[Binding]) -> bool:
    """Whether another output of the same step is still to be read."""
    return isinstance(binding, ArtifactBinding) and any(
        isinstance(other, ArtifactBinding) and other.producer == binding.producer and other != binding
        for other in values
    )


def _is_held_elsewhere(values: Mapping[Any, Any], binding: Any) -> bool:
    """Whether anything but ``values`` refers to the value, or to the array that it is a view of."""
    base = getattr(values[binding], "base", None)
    return _references(values, binding) > _REFERENCES_OF_ONE_HOLDER or type(base) is type(values[binding])


def _references(values: Mapping[Any, Any], binding: Any) -> int:
    return sys.getrefcount(values[binding])


# Measured and not known: how many of its own Python counts differs between versions.
_REFERENCES_OF_ONE_HOLDER: Final = _references({None: object()}, None)
