"""A plain Python value as a typed JSON parameter, as forms and command lines have it, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from pathlib import PurePath
from types import NoneType
from typing import Any, Final

__all__ = ["Parameter", "describe", "is_plain"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """How a value is shown, restricted and read again.

    Attributes:
        default: The value as JSON.
        schema: What may take its place, as JSON Schema.
        parse: From JSON to a value of the same type; TypeError or ValueError for anything else.
    """

    default: Any
    schema: Mapping[str, Any]
    parse: Callable[[Any], Any] = field(repr=False, compare=False)


def is_plain(value: Any) -> bool:
    """Whether a value can be a parameter: a bool, number, text, date, path, enum, None, or a list or tuple of these."""
    kind = type(value)
    if kind is float:
        return math.isfinite(value)
    if kind in (list, tuple):
        return all(is_plain(item) for item in value)
    if isinstance(value, Enum):
        return type(value.value) in (bool, int, float, str)
    return kind in (bool, int, str, NoneType, date, datetime) or isinstance(value, PurePath)


def describe(value: Any) -> Parameter:
    """The parameter that a plain value is the default of.

    Args:
        value: A value that `is_plain`.
    """
    kind = type(value)
    if isinstance(value, Enum):
        return Parameter(default=value.value, schema={"enum": [member.value for member in kind]}, parse=kind)
    if isinstance(value, list | tuple):
        return _array(value)
    if isinstance(value, date):
        schema = {"type": "string", "format": "date-time" if kind is datetime else "date"}
        return Parameter(default=value.isoformat(), schema=schema, parse=kind.fromisoformat)
    if isinstance(value, PurePath):
        return Parameter(default=str(value), schema={"type": "string"}, parse=lambda given: kind(_text(given)))
    types, parse = _SCALARS[kind]
    return Parameter(default=value, schema={"type": types}, parse=parse)


def _array(value: list[Any] | tuple[Any, ...]) -> Parameter:
    items = [describe(item) for item in value]
    schemas = [item.schema for item in items]
    alike = bool(items) and all(schema == schemas[0] for schema in schemas)
    parse_item = items[0].parse if alike else _same
    return Parameter(
        default=[item.default for item in items],
        schema={"type": "array", "items": schemas[0]} if alike else {"type": "array"},
        parse=lambda given: type(value)(parse_item(item) for item in _typed(given, list)),
    )


def _same(given: Any) -> Any:
    return given


def _flag(given: Any) -> bool:
    return bool(_typed(given, bool))


def _text(given: Any) -> str:
    return str(_typed(given, str))


def _number(given: Any) -> float:
    return float(_typed(given, int, float))


def _integer(given: Any) -> int:
    if int(_typed(given, int, float)) != given:
        message = f"{given} is no whole number"
        raise ValueError(message)
    return int(given)


def _typed(given: Any, *kinds: type) -> Any:
    # Exactly: True is no number here.
    if type(given) not in kinds:
        message = f"a {type(given).__name__} is no {kinds[0].__name__}"
        raise TypeError(message)
    return given


_SCALARS: Final[Mapping[type, tuple[str | list[str], Callable[[Any], Any]]]] = {
    bool: ("boolean", _flag),
    int: ("integer", _integer),
    float: ("number", _number),
    str: ("string", _text),
    NoneType: (["null", "boolean", "integer", "number", "string", "array", "object"], _same),
}
