"""References → values, wherever they stand in what a task was handed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_linepipe.handoff import ArtifactRef, Exchange, is_reference

__all__ = ["load_references"]


def load_references(value: Any, exchange: Exchange, *, columns: Sequence[Any] = ()) -> Any:
    """Replace every reference in lists, tuples and dicts by the value it stands for.

    Args:
        value: Anything; what holds no reference is returned equal.
        exchange: Where the values are read.
        columns: The labels of the columns to read of the tables; all if left out.

    Returns:
        The value, in new containers.

    Raises:
        HandoffError: One of the values cannot be read.
    """
    if is_reference(value):
        return exchange.get(ArtifactRef.from_wire(value), columns=columns)
    if type(value) is dict:
        return {key: load_references(item, exchange, columns=columns) for key, item in value.items()}
    if type(value) is list:
        return [load_references(item, exchange, columns=columns) for item in value]
    if type(value) is tuple:
        return tuple(load_references(item, exchange, columns=columns) for item in value)
    return value
