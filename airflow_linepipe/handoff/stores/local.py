"""Objects as files on a disk that all workers see."""

from __future__ import annotations

import io
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from airflow_linepipe.handoff.stores.memory import map_privately, read_whole
from airflow_linepipe.handoff.stores.store import StoredObject

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["LocalStore"]

_SCHEME: Final = "file://"
_ATTEMPTS: Final = 100
_LARGE: Final = 1 << 20


class LocalStore:
    """``file://`` URIs: a temporary name and a rename; memory-mapped reads."""

    @contextmanager
    def write(self, uri: str) -> Iterator[BinaryIO]:
        """See `Store.write`."""
        path = _path(uri)
        temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
        try:
            with _open_new(temporary) as file:
                yield file
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def read(self, uri: str, *, mapped: bool = False, nbytes: int = 0) -> memoryview:  # noqa: ARG002  (as in Store)
        """See `Store.read`."""
        return map_privately(_path(uri)) if mapped else read_whole(uri.removeprefix(_SCHEME))

    def find(self, uri: str) -> StoredObject:
        """See `Store.find`."""
        status = os.stat(uri.removeprefix(_SCHEME))  # noqa: PTH116  (a text, and no path made of it)
        if stat.S_ISDIR(status.st_mode):
            raise FileNotFoundError(uri)
        return _stored(uri, status)

    def walk(self, url: str) -> Iterator[StoredObject]:
        """See `Store.walk`; a link is an object, whatever it leads to."""
        return _walk(_path(url).as_posix())

    def remove(self, uri: str) -> None:
        """See `Store.remove`."""
        _path(uri).unlink(missing_ok=True)

    def prune(self, url: str) -> None:
        """See `Store.prune`."""
        for folder, _, _ in os.walk(_path(url), topdown=False):
            # Not empty, or gone: that is what this is about.
            with suppress(OSError):
                os.rmdir(folder)  # noqa: PTH106  (a text, as os.walk gives it)


class _ReservingFile(io.FileIO):
    """A file that asks its disk for the room of a large write before it: ext4 takes three quarters of the time then.

    Only if the disk is this machine's: a file system of the network would have to ask another one.
    """

    def write(self, data: ReadableBuffer) -> int:
        nbytes = memoryview(data).nbytes
        if nbytes >= _LARGE and os.major(os.fstat(self.fileno()).st_dev) and hasattr(os, "posix_fallocate"):
            # Where it cannot be reserved, the write itself finds that out.
            with suppress(OSError):
                os.posix_fallocate(self.fileno(), self.tell(), nbytes)
        return super().write(data)


def _open_new(path: Path) -> BinaryIO:
    """Open a file that does not exist, in a folder that need not."""
    for attempt in range(_ATTEMPTS):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return io.BufferedWriter(_ReservingFile(path, "x"))
        except (FileNotFoundError, FileExistsError):  # pruned in between, as an empty one
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError


def _walk(folder: str) -> Iterator[StoredObject]:
    try:
        with os.scandir(folder) as scanned:
            entries = list(scanned)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
            continue
        with suppress(FileNotFoundError):
            yield _stored(f"{_SCHEME}{entry.path}", entry.stat(follow_symlinks=False))


def _stored(uri: str, status: os.stat_result) -> StoredObject:
    return StoredObject(uri=uri, nbytes=status.st_size, modified=datetime.fromtimestamp(status.st_mtime, UTC))


def _path(uri: str) -> Path:
    return Path(uri.removeprefix(_SCHEME))
