"""Objects as files on a disk that all workers see."""

from __future__ import annotations

import mmap
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["LocalStore", "map_privately"]

_SCHEME = "file://"


class LocalStore:
    """``file://`` URIs: a temporary name and a rename; memory-mapped reads."""

    @contextmanager
    def write(self, uri: str) -> Iterator[BinaryIO]:
        """See `Store.write`."""
        path = _path(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
        try:
            with temporary.open("xb") as file:
                yield file
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def read(self, uri: str) -> memoryview:
        """See `Store.read`."""
        return map_privately(_path(uri))


def map_privately(path: Path) -> memoryview:
    """A file's bytes, paged in as they are touched; what is written to them stays in this process."""
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return memoryview(bytearray())
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))


def _path(uri: str) -> Path:
    return Path(uri.removeprefix(_SCHEME))
