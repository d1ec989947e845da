"""Plain values as JSON, with a tag for what JSON has no word for."""

from __future__ import annotations

import base64
import math
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from airflow_linepipe.handoff.codecs.codec import type_name
from airflow_linepipe.handoff.reference import Json

__all__ = ["SAFE_INTEGER", "NotPlainError", "TreeReader", "TreeWriter", "is_numpy_scalar"]

# JSON has no tuple, no date, no NaN: such a value is written as {_TAG: its type, "value": …}.
_TAG: Final = "$type"
# What stands in a file of its own: {_TAG: its type, _FILE: the file's name}.
_FILE: Final = "file"
# A container that has been written before: {_TAG: _SAME, "value": how many lists, dicts and sets began before it}.
_SAME: Final = "same"
_MUTABLE: Final = (list, dict, set, bytearray)
SAFE_INTEGER: Final = 2**53
# Deeper than that a reader may have no room for: it takes more of the stack than a writer does.
_MAX_DEPTH: Final = 100


class NotPlainError(Exception):
    """Somewhere in a value stands something that JSON cannot give back unchanged."""


def _no_file(value: Any) -> tuple[str, str]:
    raise NotPlainError(type_name(value))


class TreeWriter:
    """Makes the JSON that a `TreeReader` turns back into an equal value of the same types.

    Args:
        file_of: Gives the names of the type and the file of a value which is not plain, or raises `NotPlainError`.
    """

    def __init__(self, file_of: Callable[[Any], tuple[str, str]] = _no_file) -> None:
        self._file_of = file_of
        self._begun: dict[int, int] = {}
        self._depth = 0

    def write(self, value: Any) -> Json:
        """The JSON of a value.

        Raises:
            NotPlainError: There is none.
        """
        if _is_json(value):
            plain: Json = value
            return plain
        if self._depth == _MAX_DEPTH:
            message = "it is nested too deep"
            raise NotPlainError(message)
        self._depth += 1
        tree = self._write(value)
        self._depth -= 1
        return tree

    def _write(self, value: Any) -> Json:
        kind = type(value)
        if kind in _MUTABLE:
            if id(value) in self._begun:
                return {_TAG: _SAME, "value": self._begun[id(value)]}
            self._begun[id(value)] = len(self._begun)
        if kind is list:
            return [self.write(item) for item in value]
        if kind is dict and all(type(key) is str for key in value) and _TAG not in value:
            return {key: self.write(item) for key, item in value.items()}
        return self._tagged(value)

    def _tagged(self, value: Any) -> Json:
        python = type(value)
        if python is dict:
            return {_TAG: "dict", "value": [[self.write(key), self.write(item)] for key, item in value.items()]}
        if python in (tuple, set, frozenset):
            return {_TAG: python.__name__, "value": [self.write(item) for item in value]}
        if is_numpy_scalar(value):
            return {_TAG: "numpy", "value": [value.dtype.str, base64.b64encode(value.tobytes()).decode()]}
        if python in _WRITERS and not (python in (datetime, time) and _has_own_zone(value)):
            return {_TAG: type_name(value), "value": _WRITERS[python](value)}
        kind, name = self._file_of(value)
        return {_TAG: kind, _FILE: name}


class TreeReader:
    """Turns the JSON of a `TreeWriter` back into the value.

    Args:
        load: Gives what stands in a file, by the type's and the file's name.
    """

    def __init__(self, load: Callable[[str, str], Any] | None = None) -> None:
        self._load = load
        self._begun: list[Any] = []

    def read(self, tree: Json) -> Any:
        """The value of a tree."""
        if isinstance(tree, list):
            return self._fill([], tree)
        if not isinstance(tree, dict):
            return tree
        if _TAG not in tree:
            plain = self._begin({})
            plain.update((key, self.read(item)) for key, item in tree.items())
            return plain
        kind = str(tree[_TAG])
        if _FILE in tree and self._load is not None:
            return self._load(kind, str(tree[_FILE]))
        return self._untagged(kind, tree["value"])

    def _untagged(self, kind: str, value: Any) -> Any:
        match kind:
            case "same":
                return self._begun[value]
            case "dict":
                pairs = self._begin({})
                pairs.update((self.read(key), self.read(item)) for key, item in value)
                return pairs
            case "set":
                return self._fill(set(), value)
            case "tuple":
                return tuple(self.read(item) for item in value)
            case "frozenset":
                return frozenset(self.read(item) for item in value)
            case "bytearray":
                return self._begin(bytearray(base64.b64decode(value)))
            case _:
                return _READERS[kind](value)

    def _fill(self, container: Any, items: list[Json]) -> Any:
        add = self._begin(container).append if isinstance(container, list) else self._begin(container).add
        for item in items:
            add(self.read(item))
        return container

    def _begin(self, container: Any) -> Any:
        self._begun.append(container)
        return container


def _is_json(value: Any) -> bool:
    """Whether every reader of JSON reads the value as what it is."""
    kind = type(value)
    return (
        value is None
        or kind is bool
        or kind is str
        or (kind is int and abs(value) <= SAFE_INTEGER)
        or (kind is float and math.isfinite(value))
    )


# Each of these texts is read back exactly; `int` and `float` only come here when JSON readers would round them.
_WRITERS: Final[Mapping[type, Callable[[Any], Json]]] = {
    int: hex,
    float: repr,
    complex: lambda value: [repr(value.real), repr(value.imag)],
    date: date.isoformat,
    datetime: lambda value: [value.isoformat(), value.fold],
    time: lambda value: [value.isoformat(), value.fold],
    timedelta: lambda value: [value.days, value.seconds, value.microseconds],
    Decimal: str,
    UUID: str,
    bytes: lambda value: base64.b64encode(value).decode(),
    bytearray: lambda value: base64.b64encode(value).decode(),
}

_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "int": lambda text: int(text, 16),
    "float": float,
    "complex": lambda parts: complex(float(parts[0]), float(parts[1])),
    "datetime.date": date.fromisoformat,
    "datetime.datetime": lambda parts: datetime.fromisoformat(parts[0]).replace(fold=parts[1]),
    "datetime.time": lambda parts: time.fromisoformat(parts[0]).replace(fold=parts[1]),
    "datetime.timedelta": lambda parts: timedelta(days=parts[0], seconds=parts[1], microseconds=parts[2]),
    "decimal.Decimal": Decimal,
    "uuid.UUID": UUID,
    "bytes": base64.b64decode,
    "numpy": lambda parts: _numpy_scalar(*parts),
}


def _has_own_zone(value: datetime | time) -> bool:
    """Whether the time zone is more than an offset in ISO 8601: a name, rules or a split second would be lost."""
    if value.tzinfo is None or type(value.tzinfo) is not timezone:
        return value.tzinfo is not None
    back = type(value).fromisoformat(value.isoformat())
    return (back.utcoffset(), back.tzname()) != (value.utcoffset(), value.tzname())


def is_numpy_scalar(value: Any) -> bool:
    """Whether a value is a number, a time or a text of NumPy's that is not an array."""
    numpy = sys.modules.get("numpy")
    return (
        numpy is not None
        and isinstance(value, numpy.generic)
        and type(value) is value.dtype.type
        and value.dtype.kind in "biufcMmSU"
        and value.dtype.itemsize > 0
    )


def _numpy_scalar(dtype: str, data: str) -> Any:
    import numpy as np

    return np.frombuffer(base64.b64decode(data), dtype=np.dtype(dtype))[0]
