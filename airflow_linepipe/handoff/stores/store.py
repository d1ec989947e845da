"""The contract of a store: whole objects, addressed by URI."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

__all__ = ["Store"]


class Store(Protocol):
    """Keeps whole objects. It raises the builtin errors: FileNotFoundError, PermissionError, other OSErrors."""

    def write(self, uri: str) -> AbstractContextManager[BinaryIO]:
        """A binary file whose content appears at the URI, whole, when the ``with`` ends without an exception.

        Until then, and for ever after an exception, nothing is there; what was there before stays.
        """

    def read(self, uri: str) -> memoryview:
        """The whole object. Writing to the view changes nothing in the store."""
