"""Which codec takes a value, and which one a reference names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from typing import Any, Final

from airflow_linepipe.errors import UnknownCodecError
from airflow_linepipe.handoff.codecs.array import ArrayCodec
from airflow_linepipe.handoff.codecs.arrow import ArrowCodec
from airflow_linepipe.handoff.codecs.codec import Codec, Encoding
from airflow_linepipe.handoff.codecs.file import FileCodec
from airflow_linepipe.handoff.codecs.pickled import PickleCodec
from airflow_linepipe.handoff.codecs.plain import BytesCodec, JsonCodec, TextCodec

__all__ = ["ENTRY_POINT_GROUP", "CodecRegistry"]

ENTRY_POINT_GROUP: Final = "airflow_linepipe.codecs"


class CodecRegistry:
    """The codecs of this process, in the order in which they are asked.

    The built-in open formats first, then those that other packages register under the entry-point
    group ``airflow_linepipe.codecs``, and pickle last.

    Args:
        extra: Codecs asked before all others.
    """

    def __init__(self, extra: Sequence[Codec] = ()) -> None:
        self._first: tuple[Codec, ...] = (
            *extra,
            JsonCodec(),
            TextCodec(),
            BytesCodec(),
            FileCodec(),
            ArrayCodec(),
            ArrowCodec(),
        )
        self._installed: tuple[Codec, ...] | None = None
        self._last: Codec = PickleCodec()

    def encode(self, value: Any) -> tuple[Codec, Encoding] | None:
        """The first codec that takes the value, with what it will write; None if there is none."""
        for codec in self:
            encoding = codec.encode(value)
            if encoding is not None:
                return codec, encoding
        return None

    def named(self, name: str) -> Codec:
        """The codec of this name.

        Raises:
            UnknownCodecError: None is installed.
        """
        for codec in self:
            if codec.name == name:
                return codec
        message = (
            f"No codec '{name}' is installed here: install the package that registers it "
            f"(entry-point group '{ENTRY_POINT_GROUP}') where the artifact is read."
        )
        raise UnknownCodecError(message)

    def __iter__(self) -> Iterator[Codec]:
        yield from self._first
        if self._installed is None:
            # Looking through every installed distribution takes time: only when nothing else fits.
            self._installed = tuple(point.load()() for point in entry_points(group=ENTRY_POINT_GROUP))
        yield from self._installed
        yield self._last
