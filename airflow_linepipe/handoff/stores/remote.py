"""Objects on any file system that fsspec knows."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from airflow_linepipe.handoff.stores.memory import map_privately, read_whole
from airflow_linepipe.handoff.stores.store import StoredObject

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["FsspecStore", "OpenFileSystem"]

OpenFileSystem = Callable[[str], "tuple[AbstractFileSystem, str]"]

# What file systems call the time of the last write.
_MODIFIED: Final = ("LastModified", "last_modified", "mtime")
# There an object appears with its finished upload; elsewhere a temporary name and a move make it so.
_OBJECT_STORES: Final = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss"}


class FsspecStore:
    """URIs of any scheme that fsspec opens, through a local temporary file on either way.

    Args:
        open_file_system: Gives the file system of a URI and the path in it.
    """

    def __init__(self, open_file_system: OpenFileSystem) -> None:
        self._open = open_file_system

    @contextmanager
    def write(self, uri: str) -> Iterator[BinaryIO]:
        """See `Store.write`."""
        file_system, path = self._open(uri)
        with tempfile.TemporaryDirectory(prefix="linepipe-") as folder:
            local = Path(folder, "upload")
            with local.open("xb") as file:
                yield file
            _upload(file_system, local, path)

    def read(self, uri: str, *, mapped: bool = False) -> memoryview:
        """See `Store.read`."""
        file_system, path = self._open(uri)
        with tempfile.TemporaryDirectory(prefix="linepipe-") as folder:
            local = Path(folder, "download")
            file_system.get_file(path, str(local))
            # The mapping outlives the file's name.
            return map_privately(local) if mapped else read_whole(local)

    def walk(self, url: str) -> Iterator[StoredObject]:
        """See `Store.walk`."""
        url = url.rstrip("/")
        file_system, path = self._open(url)
        root = f"{path.rstrip('/')}/"
        # What another process has written is not in this one's cache.
        file_system.invalidate_cache()
        try:
            found = file_system.find(path, detail=True)
        except FileNotFoundError:
            return
        for name, info in found.items():
            if name.startswith(root) and info.get("type") != "directory":
                uri = f"{url}/{name.removeprefix(root)}"
                with suppress(FileNotFoundError):  # gone in between
                    modified = _modified(file_system, name, info)
                    yield StoredObject(uri=uri, nbytes=info["size"] or 0, modified=modified)

    def remove(self, uri: str) -> None:
        """See `Store.remove`."""
        file_system, path = self._open(uri)
        with suppress(FileNotFoundError):
            file_system.rm_file(path)

    def prune(self, url: str) -> None:
        """See `Store.prune`: folders stay, because here a writer could not make them again in time."""


def _upload(file_system: AbstractFileSystem, local: Path, path: str) -> None:
    parent = path.rpartition("/")[0]
    if not _OBJECT_STORES.isdisjoint(
        [file_system.protocol] if isinstance(file_system.protocol, str) else file_system.protocol
    ):
        file_system.put_file(str(local), path)
        return
    file_system.makedirs(parent, exist_ok=True)
    temporary = f"{parent}/.{uuid.uuid4().hex}.tmp"
    try:
        file_system.put_file(str(local), temporary)
        file_system.mv(temporary, path)
    finally:
        if file_system.exists(temporary):
            file_system.rm_file(temporary)


def _modified(file_system: AbstractFileSystem, path: str, info: Mapping[str, Any]) -> datetime:
    told = next((info[name] for name in _MODIFIED if info.get(name) is not None), None)
    if isinstance(told, int | float):
        return datetime.fromtimestamp(told, UTC)
    modified = told if isinstance(told, datetime) else file_system.modified(path)
    return modified if modified.tzinfo else modified.replace(tzinfo=UTC)
