"""Plain values: JSON that keeps Python's types, text, and bytes."""

from __future__ import annotations

import json
import math
from datetime import date, time
from typing import Any, BinaryIO, Final, Literal

from airflow_linepipe.handoff.codecs.codec import Encoding, Payload, type_name
from airflow_linepipe.handoff.codecs.tree import SAFE_INTEGER, NotPlainError, TreeReader, TreeWriter, is_numpy_scalar
from airflow_linepipe.handoff.reference import ABSENT, Absent, Json, json_size, printable

__all__ = ["BytesCodec", "JsonCodec", "TextCodec", "json_bytes", "json_tree"]

MAX_INLINE_BYTES: Final = 512


class JsonCodec:
    """None, booleans, numbers, dates and containers of them, as JSON that any reader can open.

    Exactly these types, not their subclasses: a ``defaultdict`` or an ``IntEnum`` would come back as
    something else.
    """

    name = "json"
    unpickles = False

    def encode(self, value: Any) -> Encoding | None:
        if isinstance(value, str | bytes | bytearray):
            return None
        try:
            tree = TreeWriter().write(value)
        except (NotPlainError, RecursionError):
            return None
        data = json_bytes(tree)

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
        return TreeReader().read(json_tree(payload.view))


class TextCodec:
    """A str, as UTF-8 text."""

    name = "text"
    unpickles = False

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
    unpickles = False

    def encode(self, value: Any) -> Encoding | None:
        if type(value) not in (bytes, bytearray):
            return None

        def write(file: BinaryIO) -> None:
            file.write(value)

        return Encoding(type=type_name(value), extension=".bin", write=write, summary={"length": len(value)})

    def decode(self, payload: Payload) -> Any:
        return bytearray(payload.view) if payload.reference.type == "bytearray" else bytes(payload.view)


def json_bytes(tree: Json) -> bytes:
    """A tree as compact JSON text; a lone surrogate of a str stays what it is."""
    return json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(errors="surrogatepass")


def json_tree(text: memoryview) -> Json:
    """The tree of a text that `json_bytes` made."""
    tree: Json = json.loads(bytes(text).decode(errors="surrogatepass"))
    return tree


def _inline(value: Any) -> Json | Literal[Absent.ABSENT]:
    """The value as a person, a template or a branch reads it; ABSENT when that would be too long."""
    try:
        shown = _shown(value)
    except RecursionError:  # a list that holds itself
        return ABSENT
    return shown if json_size(shown) <= MAX_INLINE_BYTES else ABSENT


def _shown(value: Any) -> Json:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return printable(value)
    if is_numpy_scalar(value) and value.dtype.kind in "biuf":
        # A long double's item() is a long double again.
        return _shown(float(value) if value.dtype.kind == "f" else value.item())
    if isinstance(value, int):
        return value if abs(value) <= SAFE_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {str(_shown(key)): _shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(item) for item in value]
    return value.isoformat() if isinstance(value, date | time) else str(value)
