"""Order that no value carries: the list order, and writers that share something with other nodes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta
from numbers import Number
from typing import Any

from airflow_linepipe.plan.configuration import lookup
from airflow_linepipe.plan.step import Binding, ConfigBinding, ConstantBinding, Plan

__all__ = ["list_order", "shared_order"]

# A number or a date cannot lead two nodes to the same table or file; a text, a path or an object can.
_PLAIN = (Number, date, time, timedelta, type(None))


def list_order(plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """Every step after the one before it, as ``Pipeline.run()`` does."""
    steps = plan.steps
    return {step.id: (steps[position - 1].id,) if position else () for position, step in enumerate(steps)}


def shared_order(plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """Keep linepipe's order between a writer and every other node that shares a handle with it.

    A node without outputs is a writer. What two nodes share is a constant or a config value that
    can lead to the same place outside (an engine, a path, a URL, a table's name): then a node that
    reads stays after the writers before it, and a writer after all before it, as a
    read-write lock would have it.

    Args:
        plan: The plan, before any order of this kind.

    Returns:
        For each step id the ids it must come after.
    """
    writer: dict[Binding, str] = {}
    readers: dict[Binding, list[str]] = {}
    after: dict[str, tuple[str, ...]] = {}
    for step in plan.steps:
        handles = [binding for binding in dict.fromkeys(step.bindings) if _is_handle(plan, binding)]
        before: list[str] = []
        for handle in handles:
            if handle in writer:
                before.append(writer[handle])
            if step.outputs:
                readers.setdefault(handle, []).append(step.id)
            else:
                before.extend(readers.pop(handle, ()))
                writer[handle] = step.id
        after[step.id] = tuple(dict.fromkeys(before))
    return after


def _is_handle(plan: Plan, binding: Binding) -> bool:
    match binding:
        case ConfigBinding(path=path):
            value: Any = lookup(plan.config, path)
        case ConstantBinding(name=name):
            value = plan.constants[name]
        case _:
            return False
    return not isinstance(value, _PLAIN)
