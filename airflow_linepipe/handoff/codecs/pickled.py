"""Everything else: a pickle, opened only after its digest has been verified."""

from __future__ import annotations

import json
import pathlib
import pickle
from collections.abc import Sequence
from typing import Any, BinaryIO, Final

from airflow_linepipe.handoff.codecs.codec import Encoding, Payload, chosen_columns, type_name

__all__ = ["PickleCodec"]

# A buffer of this size or more stands after the pickle, where its reader uses it without a copy.
_LARGE: Final = 1 << 16
_ALIGNMENT: Final = 64
# A pickle without such buffers ends in its STOP instead.
_MARK: Final = b"linepipe\n"
_LENGTH_BYTES: Final = 8


class PickleCodec:
    """Any value that pickle takes, protocol 5.

    Large buffers, such as the arrays of a model, follow the pickle as they are. Where there are none the file is a
    plain pickle; else it ends in a list of their offsets and sizes, as JSON, with the list's length (8 bytes, little
    endian) and a mark after it. Either way ``pickle.load(file, buffers=…)`` reads it.
    """

    name = "pickle"
    unpickles = True

    def encode(self, value: Any) -> Encoding | None:
        # A path that is no file means nothing on another machine.
        if isinstance(value, pathlib.Path):
            return None

        def write(file: BinaryIO) -> None:
            buffers: list[memoryview] = []

            def is_small(buffer: pickle.PickleBuffer) -> bool:
                try:
                    raw = buffer.raw()
                except BufferError:  # it is not contiguous
                    return True
                if raw.nbytes >= _LARGE:
                    buffers.append(raw)
                return raw.nbytes < _LARGE

            pickle.dump(value, file, protocol=5, buffer_callback=is_small)
            if buffers:
                _append(buffers, file)

        return Encoding(type=type_name(value), extension=".pickle", write=write)

    def decode(self, payload: Payload) -> Any:
        value = pickle.loads(payload.view, buffers=_buffers(payload.view))  # noqa: S301  (see the module's docstring)
        return chosen_columns(value, payload) if payload.columns else value


def _append(buffers: Sequence[memoryview], file: BinaryIO) -> None:
    places = []
    for buffer in buffers:
        file.write(bytes(-file.tell() % _ALIGNMENT))
        places.append([file.tell(), buffer.nbytes])
        file.write(buffer)
    index = json.dumps(places).encode()
    file.write(index + len(index).to_bytes(_LENGTH_BYTES, "little") + _MARK)


def _buffers(view: memoryview) -> list[memoryview]:
    if bytes(view[-len(_MARK) :]) != _MARK:
        return []
    end = len(view) - len(_MARK) - _LENGTH_BYTES
    length = int.from_bytes(view[end : end + _LENGTH_BYTES], "little")
    return [view[start : start + nbytes] for start, nbytes in json.loads(bytes(view[end - length : end]))]
