"""Which codec takes a value, and which one a reference names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from airflow_linepipe.errors import BrokenCodecError
from airflow_linepipe.handoff.codecs.array import ArrayCodec
from airflow_linepipe.handoff.codecs.arrow import ArrowCodec, Compression
from airflow_linepipe.handoff.codecs.bundle import BundleCodec
from airflow_linepipe.handoff.codecs.codec import Codec, Encoding
from airflow_linepipe.handoff.codecs.file import FileCodec
from airflow_linepipe.handoff.codecs.pickled import PickleCodec
from airflow_linepipe.handoff.codecs.plain import BytesCodec, JsonCodec, TextCodec

__all__ = ["ENTRY_POINT_GROUP", "OPEN_FORMATS", "CodecRegistry"]

ENTRY_POINT_GROUP: Final = "airflow_linepipe.codecs"
# The names of those of our own codecs that hold values and no objects: the same bytes are the same value for ever.
OPEN_FORMATS: Final = frozenset({"arrow", "bundle", "bytes", "file", "json", "npy", "text"})


class CodecRegistry:
    """The codecs of this process, in the order in which they are asked.

    The built-in open formats first, then those that other packages register under the entry-point
    group ``airflow_linepipe.codecs``, and pickle last.

    Args:
        extra: Codecs asked before all others.
        compression: How tables are compressed.
    """

    def __init__(self, extra: Sequence[Codec] = (), *, compression: Compression = "none") -> None:
        arrow = ArrowCodec(compression)
        self._first: tuple[Codec, ...] = (
            *extra,
            JsonCodec(),
            TextCodec(),
            BytesCodec(),
            FileCodec(),
            ArrayCodec(),
            arrow,
            BundleCodec(arrow),
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
            KeyError: None is installed.
            BrokenCodecError: A registered one cannot be loaded.
        """
        for codec in (*self._first, self._last):
            if codec.name == name:
                return codec
        for codec in self._registered():
            if codec.name == name:
                return codec
        raise KeyError(name)

    def __iter__(self) -> Iterator[Codec]:
        yield from self._first
        yield from self._registered()
        yield self._last

    def _registered(self) -> tuple[Codec, ...]:
        if self._installed is None:
            # Looking through every installed distribution takes time: only when nothing else fits.
            self._installed = tuple(_loaded(point) for point in entry_points(group=ENTRY_POINT_GROUP))
        return self._installed


def _loaded(point: EntryPoint) -> Codec:
    try:
        codec: Codec = point.load()()
    except Exception as error:  # importing another package runs whatever it holds
        package = point.dist.name if point.dist else point.value
        message = (
            f"The codec '{point.name}' that '{package}' registers cannot be loaded "
            f"({type(error).__name__}: {error}): mend that package or uninstall it."
        )
        raise BrokenCodecError(message) from error
    return codec
