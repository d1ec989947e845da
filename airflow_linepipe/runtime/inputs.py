"""The values that a step's function is called with, each its own to change as in linepipe."""

from __future__ import annotations

import logging
from collections.abc import Collection, MutableMapping
from copy import deepcopy
from typing import Any

from airflow_linepipe.errors import MissingInputError
from airflow_linepipe.plan import ArtifactBinding, Binding, ConfigBinding, ConstantBinding, Plan, Step, lookup

__all__ = ["bind_inputs"]

logger = logging.getLogger(__name__)


def bind_inputs(
    plan: Plan, step: Step, *, values: MutableMapping[Binding, Any], last_reader: MutableMapping[Binding, str]
) -> list[Any]:
    """The step's arguments, in order.

    Config, constants and values that another step reads later are copied; the last reader of a value gets
    the value itself, which leaves ``values`` with it. Outputs of one step may share memory (a list and a
    part of it, views of one array): while another of them is still to be read, a copy is handed out.

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
            bound[binding] = deepcopy(lookup(plan.config, binding.path))
        elif isinstance(binding, ConstantBinding):
            bound[binding] = _copy(plan.constants[binding.name], name)
        elif binding not in values:
            message = f"Node '{step.label}' reads '{name}', which was not given to this run."
            raise MissingInputError(message)
        elif last_reader[binding] == step.id:
            value = values.pop(binding)
            bound[binding] = _copy(value, name) if _has_twin(binding, values) else value
        else:
            bound[binding] = _copy(values[binding], name)
    return [bound[binding] for binding in step.bindings]


def _has_twin(binding: Binding, values: Collection[Binding]) -> bool:
    """Whether another output of the same step is still to be read."""
    return isinstance(binding, ArtifactBinding) and any(
        isinstance(other, ArtifactBinding) and other.producer == binding.producer for other in values
    )


def _copy(value: Any, name: str) -> Any:
    """A copy, or the value itself where it cannot be copied (an engine, a lock), as linepipe does."""
    try:
        return deepcopy(value)
    except Exception:  # noqa: BLE001  (any __deepcopy__ or __reduce__ may raise anything)
        logger.warning("Couldn't deepcopy '%s'; using shallow reference", name)
        return value
