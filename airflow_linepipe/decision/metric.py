"""One number out of what a node has measured."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from numbers import Integral, Number
from typing import Any, Final

from airflow_linepipe.errors import MetricError

__all__ = ["Metric", "MissingItemError", "find_item", "is_number", "is_told", "metric_of", "number_of", "read_metric"]

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
    number: int | float
    absence: str = ""

    @property
    def is_known(self) -> bool:
        """Whether it is a number that can be compared with others."""
        return not self.absence

    @property
    def shown(self) -> int | float | str:
        """For people and for JSON, which has neither NaN nor infinities."""
        return self.absence or (str(self.number) if self.number in (math.inf, -math.inf) else self.number)


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
    if item is None or item is _missing_of_pandas():
        return Metric(key=key, number=math.nan, absence="it is None")
    try:
        number = number_of(item)
    except TypeError as error:
        message = f"{_named(key)} is {error}, and no number{_advice(item)}."
        raise MetricError(message) from error
    return Metric(key=key, number=number, absence="it is NaN" if number != number else "")  # noqa: PLR0124  (only NaN is not itself)


def find_item(values: Any, key: str) -> Any:
    """What stands at a path of keys, positions and attributes.

    Raises:
        MissingItemError: Nothing does.
        MetricError: The path leads into what has no parts, such as a text or a table.
    """
    if not key:
        return values
    if values is None:
        raise MissingItemError(_missing(key, []))
    if isinstance(values, Mapping):
        return _find_in_mapping(values, key)
    head, _, rest = key.partition(".")
    if getattr(values, "ndim", 0) == 1 and hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, Sequence) and not isinstance(values, str | bytes) and head.removeprefix("-").isdecimal():
        if not -len(values) <= int(head) < len(values):
            reason = f"there is no item {head} in a list of {len(values)}"
            raise MissingItemError(reason)
        return find_item(values[int(head)], rest)
    if _has_no_parts(values):
        message = f"{_named(key)} is looked for in {_shown(values)}, which has no parts of a name{_advice(values)}."
        raise MetricError(message)
    if head.startswith("_") or not hasattr(values, head):
        raise MissingItemError(_missing(head, [name for name in vars(type(values)) if not name.startswith("_")]))
    return find_item(getattr(values, head), rest)


def _find_in_mapping(values: Mapping[Any, Any], key: str) -> Any:
    """The longest key that fits comes first: "f1.macro" may be one."""
    names = {str(name): name for name in values}
    parts = key.split(".")
    missing = MissingItemError(_missing(parts[0], list(names)))
    for length in range(len(parts), 0, -1):
        if (head := ".".join(parts[:length])) in names:
            try:
                return find_item(values[names[head]], ".".join(parts[length:]))
            except MissingItemError as error:
                missing = error
    raise missing


def _has_no_parts(values: Any) -> bool:
    """Whether it is a text, a number, a plain list or a table: a name leads nowhere in it, not even by mistake."""
    return (
        isinstance(values, str | bytes | Number | Decimal)
        or type(values) in (list, tuple, set, frozenset)
        or hasattr(values, "shape")
    )


def is_told(values: Any, key: str) -> bool:
    """Whether what stands at a path of an inline value is what it was: texts may stand for NaN, and lists for sets."""
    try:
        found = find_item(values, key)
    except MissingItemError:
        return True
    except MetricError:
        return False
    return found is None or isinstance(found, int | float)


def number_of(item: Any) -> int | float:
    """Whatever is a number as Python's own int or float.

    Raises:
        TypeError: It is none; the message says what it is.
    """
    what = _shown(item)
    if getattr(item, "shape", None) == () and hasattr(item, "item"):
        # A scalar of NumPy, or an array around one; as an item, a time may be an int.
        item = item.item() if item.dtype.kind in "iuf" else None
    if isinstance(item, bool) or not isinstance(item, Number | Decimal):
        raise TypeError(what)
    try:
        number = int(item) if isinstance(item, Integral) else float(item)  # type: ignore[arg-type]
    except (OverflowError, TypeError, ValueError) as error:
        raise TypeError(what) from error
    if isinstance(number, float) and math.isinf(number) and number != item:
        raise TypeError(what)
    return number


def is_number(value: object) -> bool:
    """Whether it is a number that others can be compared with."""
    try:
        return not math.isnan(number_of(value))
    except TypeError:
        return False
    except OverflowError:  # an int beyond all floats
        return True


def _missing_of_pandas() -> Any:
    pandas = sys.modules.get("pandas")
    return None if pandas is None else pandas.NA


def _named(key: str) -> str:
    return f"The metric '{key}'" if key else "The metric"


def _shown(item: Any) -> str:
    return f"{' '.join(repr(item).split())[:_MAX_SHOWN]} (a {type(item).__name__})"


def _missing(head: str, names: Sequence[str]) -> str:
    if close := get_close_matches(head, names, n=1):
        return f"there is no '{head}': did you mean '{close[0]}'?"
    known = ", ".join(names[:_MAX_KEYS]) + (", …" if len(names) > _MAX_KEYS else "")
    return f"there is no '{head}'" + (f", only {known}" if names else "")


def _advice(item: Any) -> str:
    if isinstance(item, Mapping):
        return f": name one of its keys ({', '.join(str(name) for name in list(item)[:_MAX_KEYS])})"
    return ""
