"""What a codec is watched with while it writes and reads."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

__all__ = ["ForwardFile", "LateFile", "watch_pickles"]

_FOUND: ContextVar[list[str] | None] = ContextVar("airflow_linepipe_found_by_pickle", default=None)


class ForwardFile(io.RawIOBase):
    """A binary file that can be written to, flushed and asked for its position, and nothing else.

    Attributes:
        content: What has been written so far.
    """

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, data: Any) -> int:
        """Take a piece, which may be any contiguous buffer; it may be used again afterwards."""
        view = memoryview(data).cast("B")
        self.content += view
        return view.nbytes

    def writable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """How many bytes have been written."""
        return len(self.content)


class LateFile(ForwardFile):
    """One that looks at everything a second time when the writing is over."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[memoryview] = []

    def write(self, data: Any) -> int:
        """Take a piece, and keep hold of it."""
        self._pieces.append(memoryview(data).cast("B"))
        return super().write(data)

    @property
    def later(self) -> bytes:
        """What the pieces hold now."""
        return b"".join(self._pieces)


@contextmanager
def watch_pickles() -> Iterator[list[str]]:
    """Give the list of what pickles look up by name while the block runs: classes and functions that they call."""
    _install_hook()
    found: list[str] = []
    token = _FOUND.set(found)
    try:
        yield found
    finally:
        _FOUND.reset(token)


@cache
def _install_hook() -> None:
    # An audit hook stays for as long as the process lives, so there must be only one.
    sys.addaudithook(_hear)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "pickle.find_class" and (found := _FOUND.get()) is not None:
        found.append(".".join(map(str, arguments)))
