"""WHAT a result holds as plain JSON, whatever a column may hold; and the same cut short for people."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from datetime import date, time
from enum import Enum
from typing import Any, Final, TypeAlias

__all__ = ["Json", "as_plain", "as_text", "json_size", "printable", "shortened", "within"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

# What a JSON reader that has only doubles reads unchanged.
_SAFE_INTEGER: Final = 2**53
_DEEPEST: Final = 30
_MISSING: Final = frozenset({"NAType", "NaTType"})
_TIMES_OF_NUMPY: Final = frozenset({"datetime64", "timedelta64"})


def as_plain(value: Any, depth: int = 0) -> Json:
    """A value as JSON holds it: no NaN, no NumPy, no date; what JSON has no form for becomes text."""
    kind = type(value).__name__
    if value is None or kind in _MISSING:
        return None
    match value:
        case Enum():
            plain = as_plain(value.value, depth)
        case bool():
            plain = value
        case str():
            plain = printable(value)
        case int():
            plain = int(value) if abs(value) <= _SAFE_INTEGER else str(int(value))
        case float():
            plain = float(value) if math.isfinite(value) else str(float(value))
        case date() | time():
            plain = value.isoformat()
        case _ if depth >= _DEEPEST:
            plain = printable(str(value))
        case _:
            plain = _nested(value, kind, depth + 1)
    return plain


def _nested(value: Any, kind: str, depth: int) -> Json:
    """What holds other values, or is of a kind that only a package brings."""
    if kind in _TIMES_OF_NUMPY:
        return None if str(value) == "NaT" else str(value)
    if isinstance(value, Mapping):
        return {_key(key): as_plain(item, depth) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return [as_plain(item, depth) for item in sorted(value, key=repr)]
    if isinstance(value, list | tuple):
        return [as_plain(item, depth) for item in value]
    if kind == "DataFrame" and hasattr(value, "to_dict"):
        return as_plain(value.to_dict("records"), depth)
    if callable(listed := getattr(value, "tolist", None)):
        items = listed()
        # A long double's item is a long double again.
        return as_plain(items if type(items) is not type(value) else float(value), depth)
    if hasattr(value, "__fields__") and callable(fields := getattr(value, "dict", None)):
        return as_plain(fields(), depth)
    return printable(str(value))


def _key(key: Any) -> str:
    plain = as_plain(key)
    return plain if isinstance(plain, str) else str(plain)


def printable(text: str) -> str:
    """A text as every database and file takes it: NUL and lone surrogates become escapes to read."""
    return text.encode(errors="backslashreplace").decode().replace("\0", r"\x00")


def as_text(value: Json) -> str:
    """A plain value as a person reads it; a text stands in no quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def shortened(text: str, limit: int) -> str:
    """A text of at most so many characters, on one line."""
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def within(value: Json, limit: int) -> Json:
    """A plain value if it takes at most so many bytes as JSON; else as much of its text as does."""
    if json_size(value) <= limit:
        return value
    length = limit
    while json_size(text := shortened(as_text(value), length)) > limit:
        length = length * 3 // 4
    return text


def json_size(value: Json | Collection[Json]) -> int:
    """How many bytes a plain value takes at most, written as JSON."""
    return len(json.dumps(value))
