"""Order that no value carries: the list order, and writers that share something with other nodes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta
from numbers import Number
from typing import Any

from airflow_linepipe.plan.step import (
    ArtifactBinding,
    Binding,
    ConfigBinding,
    ConstantBinding,
    GivenBinding,
    Plan,
    ResourceBinding,
)

__all__ = ["list_order", "shared_order"]

# A number or a date cannot lead two nodes to the same table or file; a text, a path or an object can.
_PLAIN = (Number, date, time, timedelta, type(None))


def list_order(plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """Every step after the one before it, as ``Pipeline.run()`` does."""
    steps = plan.steps
    return {step.id: (steps[position - 1].id,) if position else () for position, step in enumerate(steps)}


def shared_order(plan: Plan, replaced: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """Keep linepipe's order between a writer and every other node that shares a handle with it.

    A node without outputs is a writer. What two nodes share is a resource, an ephemeral input, or a constant or config
    value that can lead to the same place outside (an engine, a path, a URL, a table's name): then a node that
    reads stays after the writers before it, and a writer after all before it, as a
    read-write lock would have it. A part of the config leads where the whole leads.

    Args:
        plan: The plan, before any order of this kind.
        replaced: The constants whose place a value from outside takes: they tell what kind it is.

    Returns:
        For each step id the ids it must come after.
    """
    writer: dict[Binding, str] = {}
    readers: dict[Binding, list[str]] = {}
    after: dict[str, tuple[str, ...]] = {}
    position = {step.id: number for number, step in enumerate(plan.steps)}
    for step in plan.steps:
        handles = [binding for binding in dict.fromkeys(step.bindings) if _is_handle(plan, replaced, binding)]
        before: set[str] = set()
        for handle in handles:
            before.update(writer[other] for other in writer if _overlap(handle, other))
            if not step.outputs:
                before.update(*(readers[other] for other in readers if _overlap(handle, other)))
        for handle in handles:
            if step.outputs:
                readers.setdefault(handle, []).append(step.id)
            else:
                # Who comes after this writer comes after all that stood below its handle.
                readers = {other: ids for other, ids in readers.items() if not _holds(handle, other)}
                writer = {other: step_id for other, step_id in writer.items() if not _holds(handle, other)}
                writer[handle] = step.id
        after[step.id] = tuple(sorted(before, key=position.__getitem__))
    return after


def _overlap(one: Binding, other: Binding) -> bool:
    return _holds(one, other) or _holds(other, one)


def _holds(whole: Binding, part: Binding) -> bool:
    """Whether the first is the second, or a config value that the second is a part of."""
    if isinstance(whole, ConfigBinding) and isinstance(part, ConfigBinding):
        return part.path[: len(whole.path)] == whole.path
    return whole == part


def _is_handle(plan: Plan, replaced: Mapping[str, Any], binding: Binding) -> bool:
    match binding:
        case ConfigBinding():
            value: Any = plan.config_value(binding)
        case ConstantBinding(name=name):
            value = plan.constants[name]
        case GivenBinding(name=name) if name in replaced:
            value = replaced[name]
        case ResourceBinding():
            return True
        case ArtifactBinding() if binding in plan.ephemeral:
            return True
        case _:
            return False
    return not isinstance(value, _PLAIN)
