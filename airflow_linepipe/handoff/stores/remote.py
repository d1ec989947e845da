"""Objects on any file system that fsspec knows."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from airflow_linepipe.handoff.stores.local import map_privately

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["FsspecStore", "OpenFileSystem"]

OpenFileSystem = Callable[[str], "tuple[AbstractFileSystem, str]"]

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

    def read(self, uri: str) -> memoryview:
        """See `Store.read`."""
        file_system, path = self._open(uri)
        with tempfile.TemporaryDirectory(prefix="linepipe-") as folder:
            local = Path(folder, "download")
            file_system.get_file(path, str(local))
            # The mapping outlives the file's name.
            return map_privately(local)


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
