"""A node for each item of a list that it reads, one after the other, as a mapped task would run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from airflow_linepipe.errors import OutputTypeError, SettingError
from airflow_linepipe.plan import Plan, Step, did_you_mean
from airflow_linepipe.runtime.copying import private_copy
from airflow_linepipe.runtime.outputs import name_outputs

__all__ = ["map_steps"]


def map_steps(plan: Plan, map_over: Mapping[str, str]) -> Plan:
    """The plan with some functions called for each item of an input, their outputs being lists of what they return.

    Args:
        plan: The plan.
        map_over: The name of the input, by step id.

    Raises:
        SettingError: There is no such step, or it has no such input.
    """
    steps = {step.id: step for step in plan.steps}
    for step_id, name in map_over.items():
        if step_id not in steps:
            hint = did_you_mean(step_id, steps, otherwise=f"there are {', '.join(steps)}.")
            message = f"map_over['{step_id}']: there is no such node: {hint}"
            raise SettingError(message)
        if name not in steps[step_id].inputs:
            inputs = steps[step_id].inputs
            hint = did_you_mean(name, inputs, otherwise=f"it reads {', '.join(inputs) or 'nothing'}.")
            message = f"map_over['{step_id}']={name!r}: node '{step_id}' has no such input: {hint}"
            raise SettingError(message)
        steps[step_id] = _mapped(steps[step_id], name)
    return replace(plan, steps=tuple(steps.values()))


def _mapped(step: Step, name: str) -> Step:
    position = step.inputs.index(name)
    return replace(step, function=partial(_for_each, step.function, position, step.label, step.outputs))


def _for_each(
    function: Callable[..., Any], position: int, label: str, outputs: Sequence[str], /, *arguments: Any
) -> Any:
    items = arguments[position]
    if not isinstance(items, list | tuple):
        message = f"Node '{label}' is mapped over a {type(items).__name__}: let it be given a list."
        raise OutputTypeError(message)
    results = []
    for item in items:
        own = [item if number == position else private_copy(one, label) for number, one in enumerate(arguments)]
        results.append(name_outputs(function(*own), label=label, outputs=outputs))
    gathered = [[result[name] for result in results] for name in outputs]
    return tuple(gathered) if len(outputs) > 1 else gathered[0] if gathered else None
