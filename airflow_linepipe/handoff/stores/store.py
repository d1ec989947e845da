"""The contract of a store: whole objects, addressed by URI."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

__all__ = ["Store", "StoredObject"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredObject:
    """What a store knows of an object without reading it.

    Attributes:
        uri: Where it lies.
        nbytes: Its size.
        modified: When it was written last, with a time zone.
    """

    uri: str
    nbytes: int
    modified: datetime


class Store(Protocol):
    """Keeps whole objects. It raises the builtin errors: FileNotFoundError, PermissionError, other OSErrors."""

    def write(self, uri: str) -> AbstractContextManager[BinaryIO]:
        """A binary file whose content appears at the URI, whole, when the ``with`` ends without an exception.

        Until then, and for ever after an exception, nothing is there; what was there before stays.
        """

    def read(self, uri: str, *, mapped: bool = False, nbytes: int = 0) -> memoryview:
        """The whole object, in memory of the caller's own: writing to it changes nothing in the store.

        Args:
            uri: Where it lies.
            mapped: Whether the view may be a mapping of a file, which shows what somebody writes to the file itself.
            nbytes: The size it should have, for those who transfer large objects in another way; whatever is there is
                read as a whole.
        """

    def find(self, uri: str) -> StoredObject:
        """What is known of an object without reading it; its time is the same as long as nobody writes it again."""

    def walk(self, url: str) -> Iterator[StoredObject]:
        """Every object below a URL, at any depth and in no order, hidden ones included; nothing if nothing is there.

        What comes or goes meanwhile may be given or not.
        """

    def remove(self, uri: str) -> None:
        """Make sure that no object is there; folders stay."""

    def prune(self, url: str) -> None:
        """Remove a folder that holds nothing but empty folders, with these; a store without folders does nothing.

        A `write` at the same time succeeds all the same.
        """
