"""Plain values: JSON that keeps Python's types, text, and bytes."""

from __future__ import annotations

import base64
import json
import math
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, BinaryIO, Final, Literal
from uuid import UUID

from airflow_linepipe.handoff.codecs.codec import Encoding, Payload, type_name
from airflow_linepipe.handoff.reference import ABSENT, Absent, Json, json_size, printable

__all__ = ["BytesCodec", "JsonCodec", "TextCodec"]

MAX_INLINE_BYTES: Final = 512

# JSON has no tuple, no date, no NaN: such a value is written as {_TAG: its type, "value": …}.
_TAG: Final = "$type"
_SAFE_INTEGER: Final = 2**53


class _NotPlain(Exception):  # noqa: N818
    """Somewhere in the value stands something that JSON cannot give back unchanged."""


class JsonCodec:
    """None, booleans, numbers, dates and containers of them, as JSON that any reader can open.

    Exactly these types, not their subclasses: a ``defaultdict`` or an ``IntEnum`` would come back as
    something else.
    """

    name = "json"

    def encode(self, value: Any) -> Encoding | None:
        if isinstance(value, str | bytes | bytearray):
            return None
        try:
            tree = _to_tree(value)
        except (_NotPlain, RecursionError):
            return None
        text = json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        data = text.encode(errors="surrogatepass")

        def write(file: BinaryIO) -> None:
            file.write(data)

        return Encoding(
            type="None" if value is None else type_name(value),
            extension=".json",
            write=write,
            summary={"length": len(value)} if isinstance(value, list | tuple | dict | set | frozenset) else {},
            value=_inline(value) if len(data) <= MAX_INLINE_BYTES else ABSENT,
        )

    def decode(self, payload: Payload) -> Any:
        return _from_tree(json.loads(bytes(payload.view).decode(errors="surrogatepass")))


class TextCodec:
    """A str, as UTF-8 text."""

    name = "text"

    def encode(self, value: Any) -> Encoding | None:
        if type(value) is not str:
            return None
        data = value.encode(errors="surrogatepass")

        def write(file: BinaryIO) -> None:
            file.write(data)

        return Encoding(
            type="str",
            extension=".txt",
            write=write,
            summary={"length": len(value)},
            value=value if json_size(value) <= MAX_INLINE_BYTES and printable(value) == value else ABSENT,
        )

    def decode(self, payload: Payload) -> Any:
        return str(payload.view, "utf-8", "surrogatepass")


class BytesCodec:
    """Bytes and bytearrays, as they are."""

    name = "bytes"

    def encode(self, value: Any) -> Encoding | None:
        if type(value) not in (bytes, bytearray):
            return None

        def write(file: BinaryIO) -> None:
            file.write(value)

        return Encoding(type=type_name(value), extension=".bin", write=write, summary={"length": len(value)})

    def decode(self, payload: Payload) -> Any:
        return bytearray(payload.view) if payload.reference.type == "bytearray" else bytes(payload.view)


def _to_tree(value: Any) -> Json:
    """The JSON that `_from_tree` turns back into an equal value of the same types."""
    kind = type(value)
    if _is_json(value):
        plain: Json = value
        return plain
    if kind is list:
        return [_to_tree(item) for item in value]
    if kind is dict and all(type(key) is str for key in value) and _TAG not in value:
        return {key: _to_tree(item) for key, item in value.items()}
    return {_TAG: _tag_of(value), "value": _tagged(value)}


def _is_json(value: Any) -> bool:
    """Whether every reader of JSON reads the value as what it is."""
    kind = type(value)
    return (
        value is None
        or kind is bool
        or kind is str
        or (kind is int and abs(value) <= _SAFE_INTEGER)
        or (kind is float and math.isfinite(value))
    )


def _tag_of(value: Any) -> str:
    return "numpy" if _is_numpy_scalar(value) else type_name(value)


def _tagged(value: Any) -> Json:
    kind = type(value)
    if kind is dict:
        return [[_to_tree(key), _to_tree(item)] for key, item in value.items()]
    if kind in (tuple, set, frozenset):
        return [_to_tree(item) for item in value]
    if kind is bytes or kind is bytearray:
        return base64.b64encode(value).decode()
    if _is_numpy_scalar(value):
        return [value.dtype.str, base64.b64encode(value.tobytes()).decode()]
    if kind in _WRITERS and not (kind in (datetime, time) and _has_own_zone(value)):
        return _WRITERS[kind](value)
    raise _NotPlain


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
    "bytearray": lambda text: bytearray(base64.b64decode(text)),
    "tuple": lambda items: tuple(_from_tree(item) for item in items),
    "set": lambda items: {_from_tree(item) for item in items},
    "frozenset": lambda items: frozenset(_from_tree(item) for item in items),
    "dict": lambda pairs: {_from_tree(key): _from_tree(item) for key, item in pairs},
    "numpy": lambda parts: _numpy_scalar(*parts),
}


def _from_tree(tree: Json) -> Any:
    if isinstance(tree, list):
        return [_from_tree(item) for item in tree]
    if isinstance(tree, dict):
        if _TAG in tree:
            return _READERS[str(tree[_TAG])](tree["value"])
        return {key: _from_tree(item) for key, item in tree.items()}
    return tree


def _has_own_zone(value: datetime | time) -> bool:
    """Whether the time zone is more than an offset in ISO 8601: a name, rules or a split second would be lost."""
    if value.tzinfo is None or type(value.tzinfo) is not timezone:
        return value.tzinfo is not None
    back = type(value).fromisoformat(value.isoformat())
    return (back.utcoffset(), back.tzname()) != (value.utcoffset(), value.tzname())


def _is_numpy_scalar(value: Any) -> bool:
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


def _inline(value: Any) -> Json | Literal[Absent.ABSENT]:
    """The value as a person, a template or a branch reads it; ABSENT when that would be too long."""
    shown = _shown(value)
    return shown if json_size(shown) <= MAX_INLINE_BYTES else ABSENT


def _shown(value: Any) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return printable(value)
    if _is_numpy_scalar(value) and value.dtype.kind in "biuf":
        # A long double's item() is a long double again.
        return _shown(float(value) if value.dtype.kind == "f" else value.item())
    if isinstance(value, int):
        return value if abs(value) <= _SAFE_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(_shown(key)): _shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(item) for item in value]
    return value.isoformat() if isinstance(value, date | time) else str(value)
