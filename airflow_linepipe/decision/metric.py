"""One number out of what a node has measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from numbers import Integral, Real
from typing import Any, Final, TypeAlias

from airflow_linepipe.errors import MetricError

__all__ = ["Metric", "MissingItemError", "Number", "find_item", "has_texts", "metric_of", "number_of", "read_metric"]

Number: TypeAlias = int | float

_MAX_SHOWN: Final = 60
_MAX_KEYS: Final = 8


class MissingItemError(LookupError):
    """Nothing stands at a path; the message says how far it leads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A number, or why there is none.

    Attributes:
        key: Where it stands, such as "auc" or "late.f1"; "" if it is the whole.
        number: The number; NaN if there is none.
        absence: Why there is none, in a few words; "" if there is one.
    """

    key: str
    number: Number
    absence: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it is a number that can be compared with others."""
        return not self.absence

    @property
    def shown(self) -> Number | str:
        """For people and for JSON, which has neither NaN nor infinities."""
        return self.absence or (self.number if math.isfinite(self.number) else str(self.number))


def read_metric(values: Any, key: str = "") -> Metric:
    """A metric out of what a node has measured.

    Args:
        values: A number; or dicts, lists and objects around it.
        key: The path to it, with dots: "auc", "late.f1", "folds.0". A key that has dots itself is found first.

    Returns:
        The metric. One that is None, NaN or not there is known to be none.

    Raises:
        MetricError: What stands there is no number.
    """
    try:
        item = find_item(values, key)
    except MissingItemError as error:
        return Metric(key=key, number=math.nan, absence=str(error))
    return metric_of(item, key)


def metric_of(item: Any, key: str) -> Metric:
    """What stands in place of a metric, as one.

    Raises:
        MetricError: It is no number.
    """
    if item is None:
        return Metric(key=key, number=math.nan, absence="it is None")
    try:
        number = number_of(item)
    except TypeError as error:
        name = f"The metric '{key}'" if key else "The metric"
        message = f"{name} is {error}, and no number{_advice(item)}."
        raise MetricError(message) from error
    return Metric(key=key, number=number, absence="it is NaN" if math.isnan(number) else "")


def find_item(values: Any, key: str) -> Any:
    """What stands at a path of keys, positions and attributes.

    Raises:
        MissingItemError: Nothing does.
    """
    if not key:
        return values
    if isinstance(values, Mapping):
        # The longest key that fits: "f1.macro" may be one.
        names = {str(name): name for name in values}
        parts = key.split(".")
        for length in range(len(parts), 0, -1):
            if (head := ".".join(parts[:length])) in names:
                return find_item(values[names[head]], ".".join(parts[length:]))
        raise MissingItemError(_missing(parts[0], list(names)))
    head, _, rest = key.partition(".")
    if isinstance(values, Sequence) and head.removeprefix("-").isdecimal():
        if not -len(values) <= int(head) < len(values):
            reason = f"there is no item {head} in a list of {len(values)}"
            raise MissingItemError(reason)
        return find_item(values[int(head)], rest)
    if head.startswith("_") or not hasattr(values, head):
        raise MissingItemError(_missing(head, [name for name in vars(type(values)) if not name.startswith("_")]))
    return find_item(getattr(values, head), rest)


def has_texts(values: Any, key: str) -> bool:
    """Whether what stands at a path is a text, or has some in it."""
    try:
        found = find_item(values, key)
    except MissingItemError:
        return False
    if isinstance(found, Mapping | list):
        return any(has_texts(item, "") for item in (found.values() if isinstance(found, Mapping) else found))
    return isinstance(found, str)


def number_of(item: Any) -> Number:
    """Whatever is a number as Python's own int or float.

    Raises:
        TypeError: It is none; the message says what it is.
    """
    if getattr(item, "shape", None) == () and hasattr(item, "item"):
        # A scalar of NumPy, or an array around one.
        item = item.item()
    if isinstance(item, bool):
        raise TypeError(str(item))
    if isinstance(item, Integral):
        return int(item)
    if isinstance(item, Real | Decimal):
        return float(item)
    what = f"{repr(item)[:_MAX_SHOWN]} (a {type(item).__name__})"
    raise TypeError(what)


def _missing(head: str, names: Sequence[str]) -> str:
    if close := get_close_matches(head, names, n=1):
        return f"there is no '{head}': did you mean '{close[0]}'?"
    known = ", ".join(names[:_MAX_KEYS]) + (", …" if len(names) > _MAX_KEYS else "")
    return f"there is no '{head}'" + (f", only {known}" if names else "")


def _advice(item: Any) -> str:
    if isinstance(item, Mapping):
        return f": name one of its keys ({', '.join(str(name) for name in list(item)[:_MAX_KEYS])})"
    return ""
