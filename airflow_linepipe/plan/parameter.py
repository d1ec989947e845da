"""A plain Python value as a typed JSON parameter, as forms and command lines have it, and back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum, Flag
from pathlib import PurePath
from types import NoneType
from typing import Any, Final

__all__ = ["Parameter", "describe", "is_plain"]

# A browser's numbers are floats: what is larger would change in a form.
_MAX_INTEGER: Final = 2**53
# More is data, not a setting.
_MAX_TEXT: Final = 4_000
_MAX_ITEMS: Final = 50
_ANY: Final = ["null", "boolean", "integer", "number", "string", "array", "object"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """How a value is shown, restricted and read again.

    Attributes:
        default: The value as JSON.
        schema: What may take its place, as JSON Schema.
        expected: What may take its place, in words.
        parse: From JSON to a value of the same type; TypeError, ValueError or ArithmeticError for anything else.
    """

    default: Any
    schema: Mapping[str, Any]
    expected: str
    parse: Callable[[Any], Any] = field(repr=False, compare=False)


def is_plain(value: Any) -> bool:
    """Whether a value can be a parameter: None, a bool, number, text, date, path, enum, or a short list of one kind."""
    if isinstance(value, list | tuple):
        return _is_plain_list(value)
    if isinstance(value, Enum):
        return not isinstance(value, Flag) and all(_is_native(member.value) for member in type(value))
    return _is_native(value) or type(value) in (date, datetime) or isinstance(value, PurePath)


def _is_native(value: Any) -> bool:
    """Whether JSON has it as it is, and can be trusted with it."""
    kind = type(value)
    if kind is int:
        return bool(abs(value) <= _MAX_INTEGER)
    if kind is float:
        return math.isfinite(value)
    if kind is str:
        # JSON in a file takes a lone surrogate, and what Airflow sends between its processes does not.
        return len(value) <= _MAX_TEXT and value == value.encode(errors="ignore").decode()
    return kind in (bool, NoneType)


def _is_plain_list(value: list[Any] | tuple[Any, ...]) -> bool:
    if type(value) not in (list, tuple) or len(value) > _MAX_ITEMS:
        return False
    kinds = {type(item) for item in value}
    if kinds in ({list}, {tuple}):
        items = [item for inner in value for item in inner]
        return len(items) <= _MAX_ITEMS and all(_is_native(item) for item in items)
    return all(_is_native(item) for item in value) or (len(kinds) == 1 and all(is_plain(item) for item in value))


def describe(value: Any) -> Parameter:
    """The parameter that a plain value is the default of.

    Args:
        value: A value that `is_plain`.
    """
    kind = type(value)
    if isinstance(value, Enum):
        return _choice(value)
    if isinstance(value, list | tuple):
        return _array(value)
    if isinstance(value, datetime):
        schema = {"type": "string", "format": "date-time"}
        return _shown(value.isoformat(), schema, "a date and time", _aware if value.tzinfo else _naive)
    if isinstance(value, date):
        return _shown(value.isoformat(), {"type": "string", "format": "date"}, "a date", date.fromisoformat)
    if isinstance(value, PurePath):
        return _shown(str(value), {"type": "string"}, "a path", lambda given: kind(_text(given)))
    if value == "" and kind is str:
        # Airflow's form wants something in a text that is not null, and sends null for one that was cleared.
        return _shown("", {"type": ["string", "null"]}, "a text", lambda given: _text("" if given is None else given))
    if kind is str and "\n" in value:
        return _shown(value, {"type": "string", "format": "multiline"}, "a text", _text)
    types, expected, parse = _NATIVE[kind]
    return _shown(value, {"type": types}, expected, parse)


def _shown(default: Any, schema: Mapping[str, Any], expected: str, parse: Callable[[Any], Any]) -> Parameter:
    return Parameter(default=default, schema=schema, expected=expected, parse=parse)


def _choice(value: Enum) -> Parameter:
    choices = [member.value for member in type(value)]
    types = _NATIVE[type(value.value)][0] if len({type(choice) for choice in choices}) == 1 else _ANY
    expected = f"one of {', '.join(map(repr, choices))}"
    return _shown(value.value, {"type": types, "enum": choices}, expected, type(value))


def _array(value: list[Any] | tuple[Any, ...]) -> Parameter:
    items, parse_item = _items(value)
    return _shown(
        [describe(item).default for item in value],
        {"type": "array", "items": items},
        "a list",
        lambda given: type(value)(parse_item(item) for item in _typed(given, list)),
    )


def _items(value: list[Any] | tuple[Any, ...]) -> tuple[Mapping[str, Any], Callable[[Any], Any]]:
    """What the items of a list may be, as JSON Schema, and how they are read."""
    kinds = {type(item) for item in value}
    if kinds == {int, float}:
        return {"type": "number"}, _finite
    if kinds & {list, tuple}:
        inner = type(value[0])
        return {"type": "array", "items": {"type": _ANY}}, lambda given: inner(_typed(given, list))
    if len(kinds) == 1:
        item = describe(value[0])
        return item.schema, item.parse
    # Without a type of their own Airflow's form would take all items for texts.
    return {"type": _ANY}, _same


def _same(given: Any) -> Any:
    return given


def _aware(given: Any) -> datetime:
    moment = datetime.fromisoformat(given)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _naive(given: Any) -> datetime:
    """Airflow's form sends a time zone, whatever the default has."""
    moment = datetime.fromisoformat(given)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _flag(given: Any) -> bool:
    return bool(_typed(given, bool))


def _text(given: Any) -> str:
    return str(_typed(given, str))


def _number(given: Any) -> float:
    return float(_finite(given))


def _integer(given: Any) -> int:
    if int(_finite(given)) != given:
        message = f"{given} is no whole number"
        raise ValueError(message)
    return int(given)


def _finite(given: Any) -> Any:
    if not math.isfinite(_typed(given, int, float)):
        message = f"{given} is no number"
        raise ValueError(message)
    return given


def _typed(given: Any, *kinds: type) -> Any:
    # Exactly: True is no number here.
    if type(given) not in kinds:
        message = f"a {type(given).__name__} is no {kinds[0].__name__}"
        raise TypeError(message)
    return given


_NATIVE: Final[Mapping[type, tuple[str | list[str], str, Callable[[Any], Any]]]] = {
    bool: ("boolean", "true or false", _flag),
    int: ("integer", "a whole number", _integer),
    float: ("number", "a number", _number),
    str: ("string", "a text", _text),
    NoneType: (_ANY, "anything", _same),
}
