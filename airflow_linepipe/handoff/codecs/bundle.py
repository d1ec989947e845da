"""Containers that hold tables and arrays: one ZIP archive, each of them in its own open format."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any, BinaryIO, Final, cast

from airflow_linepipe.handoff.codecs.array import ArrayCodec
from airflow_linepipe.handoff.codecs.arrow import ArrowCodec
from airflow_linepipe.handoff.codecs.codec import Codec, Encoding, Payload, type_name
from airflow_linepipe.handoff.codecs.plain import json_bytes, json_tree
from airflow_linepipe.handoff.codecs.summary import first_that_fit
from airflow_linepipe.handoff.codecs.tree import NotPlainError, TreeReader, TreeWriter
from airflow_linepipe.handoff.reference import Json

__all__ = ["BundleCodec"]

_TREE: Final = "value.json"
# A member's data begins where its reader can use it without a copy; the padding has the id of Android's zipalign.
_ALIGNMENT: Final = 64
_PADDING_ID: Final = 0xD935
_PADDING_HEADER: Final = struct.Struct("<HH")
_LOCAL_HEADER_BYTES: Final = 30
_ZIP64_BYTES: Final = 20


class BundleCodec:
    """A dict, list, tuple or other plain container with tables and arrays in it, at any depth.

    ``value.json`` is what `JsonCodec` would write, with a file's name for each table and array; ``0.arrow``, ``1.npy``
    and so on are these, uncompressed. One that stands in several places is written once, and is one again when it is
    read.

    Args:
        arrow: Writes the tables.
    """

    name = "bundle"
    unpickles = False

    def __init__(self, arrow: ArrowCodec) -> None:
        self._codecs: tuple[Codec, ...] = (ArrayCodec(), arrow)

    def encode(self, value: Any) -> Encoding | None:
        if type(value) not in (dict, list, tuple):
            return None
        parts: dict[int, tuple[str, Encoding]] = {}

        def file_of(item: Any) -> tuple[str, str]:
            if id(item) not in parts:
                encoding = self._encode_part(item)
                parts[id(item)] = f"{len(parts)}{encoding.extension}", encoding
            name, encoding = parts[id(item)]
            return encoding.type, name

        try:
            tree = json_bytes(TreeWriter(file_of).write(value))
        except (NotPlainError, RecursionError):
            return None

        def write(file: BinaryIO) -> None:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                _add(archive, _TREE, lambda member: member.write(tree), file.tell())
                for name, encoding in parts.values():
                    _add(archive, name, encoding.write, file.tell())

        return Encoding(type=type_name(value), extension=".zip", write=write, summary=_summary(value))

    def decode(self, payload: Payload) -> Any:
        members = _members(payload.view)
        loaded: dict[str, Any] = {}

        def load(kind: str, name: str) -> Any:
            if name not in loaded:
                reference = replace(payload.reference, type=kind)
                part = Payload(view=members[name], reference=reference, scratch=payload.scratch)
                loaded[name] = self._codec_of(name).decode(part)
            return loaded[name]

        return TreeReader(load).read(json_tree(members[_TREE]))

    def _encode_part(self, item: Any) -> Encoding:
        for codec in self._codecs:
            encoding = codec.encode(item)
            if encoding is not None:
                return encoding
        raise NotPlainError(type_name(item))

    def _codec_of(self, name: str) -> Codec:
        array, arrow = self._codecs
        return array if name.endswith(".npy") else arrow


def _add(archive: zipfile.ZipFile, name: str, write: Callable[[BinaryIO], object], position: int) -> None:
    """Add a member whose data begins at a multiple of `_ALIGNMENT`."""
    info = zipfile.ZipInfo(name)
    header = _LOCAL_HEADER_BYTES + len(name) + _PADDING_HEADER.size + _ZIP64_BYTES
    padding = bytes(-(position + header) % _ALIGNMENT)
    info.extra = _PADDING_HEADER.pack(_PADDING_ID, len(padding)) + padding
    with archive.open(info, "w", force_zip64=True) as member:
        write(cast("BinaryIO", member))


def _members(view: memoryview) -> dict[str, memoryview]:
    """The data of each file in an archive, uncopied."""
    members = {}
    with zipfile.ZipFile(cast("BinaryIO", _Window(view))) as archive:
        for info in archive.infolist():
            lengths = struct.unpack_from("<HH", view, info.header_offset + _LOCAL_HEADER_BYTES - 4)
            start = info.header_offset + _LOCAL_HEADER_BYTES + sum(lengths)
            members[info.filename] = view[start : start + info.file_size]
    return members


class _Window(io.RawIOBase):
    """A file to read whose bytes are in memory; `io.BytesIO` would copy them."""

    def __init__(self, view: memoryview) -> None:
        self._view = view
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._view)}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        data = self._view[self._position : self._position + len(buffer)]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _summary(value: Any) -> dict[str, Json]:
    """How many items there are, and of which types those of a dict with text keys are."""
    summary: dict[str, Json] = {"length": len(value)}
    if isinstance(value, dict):
        summary["items"] = first_that_fit((str(key), type_name(item)) for key, item in value.items())
    return summary
