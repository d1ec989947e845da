"""References → values, wherever they stand in what a task was handed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_linepipe.handoff import Exchange, replace_references

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
    return replace_references(value, lambda reference: exchange.get(reference, columns=columns))
