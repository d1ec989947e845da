"""Objects on any file system that fsspec knows."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

from airflow_linepipe.handoff.stores.memory import map_privately, new_memory, read_whole
from airflow_linepipe.handoff.stores.parts import PART_BYTES, PARTS_AT_ONCE, fill, part_bytes
from airflow_linepipe.handoff.stores.patience import Patience
from airflow_linepipe.handoff.stores.store import StoredObject

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["FsspecStore", "OpenFileSystem", "modified_time"]

OpenFileSystem = Callable[[str], "tuple[AbstractFileSystem, str]"]
Result = TypeVar("Result")

# A listing is many requests, as many as there are thousands of objects: time enough for millions.
_LISTING_BYTES: Final = 2**31
# What file systems call the time of the last write.
_MODIFIED: Final = ("LastModified", "last_modified", "mtime")
# There an object appears with its finished upload; elsewhere a temporary name and a move make it so.
_OBJECT_STORES: Final = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss"}


class FsspecStore:
    """URIs of any scheme that fsspec opens: object stores, memory, other machines.

    A value is written to a local temporary file and sent when it is whole. Object stores send and fetch large ones in
    parts, several at a time.

    Args:
        open_file_system: Gives the file system of a URI and the path in it.
        patience: How long to wait for an answer, and how often to ask again.
    """

    def __init__(self, open_file_system: OpenFileSystem, patience: Patience | None = None) -> None:
        self._open_file_system = open_file_system
        self._patience = patience or Patience()

    @contextmanager
    def write(self, uri: str) -> Iterator[BinaryIO]:
        """See `Store.write`."""
        file_system, path = self._open(uri)
        with tempfile.TemporaryDirectory(prefix="linepipe-") as folder:
            local = Path(folder, "upload")
            with local.open("xb") as file:
                yield file
            self._ask(lambda: self._upload(file_system, local, path))

    def read(self, uri: str, *, mapped: bool = False, nbytes: int = 0) -> memoryview:
        """See `Store.read`."""
        file_system, path = self._open(uri)
        if file_system.async_impl:
            return self._ask(lambda: self._fetch(file_system, path, nbytes))
        with tempfile.TemporaryDirectory(prefix="linepipe-") as folder:
            local = Path(folder, "download")
            self._ask(lambda: file_system.get_file(path, str(local)))
            # The mapping outlives the file's name.
            return map_privately(local) if mapped else read_whole(local)

    def find(self, uri: str) -> StoredObject:
        """See `Store.find`."""
        file_system, path = self._open(uri)
        file_system.invalidate_cache()
        info = self._ask(lambda: self._request(file_system, "info", path))
        if info.get("type") == "directory":
            raise FileNotFoundError(uri)
        return StoredObject(uri=uri, nbytes=info["size"] or 0, modified=modified_time(file_system, path, info))

    def walk(self, url: str) -> Iterator[StoredObject]:
        """See `Store.walk`."""
        url = url.rstrip("/")
        file_system, path = self._open(url)
        root = f"{path.rstrip('/')}/"
        # What another process has written is not in this one's cache.
        file_system.invalidate_cache()
        try:
            found = self._ask(lambda: self._request(file_system, "find", path, nbytes=_LISTING_BYTES, detail=True))
        except FileNotFoundError:
            return
        for name, info in found.items():
            if name.startswith(root) and info.get("type") != "directory":
                uri = f"{url}/{name.removeprefix(root)}"
                with suppress(FileNotFoundError):  # gone in between
                    modified = modified_time(file_system, name, info)
                    yield StoredObject(uri=uri, nbytes=info["size"] or 0, modified=modified)

    def remove(self, uri: str) -> None:
        """See `Store.remove`."""
        file_system, path = self._open(uri)
        with suppress(FileNotFoundError):
            self._ask(lambda: self._request(file_system, "rm_file", path))

    def prune(self, url: str) -> None:
        """See `Store.prune`: folders stay, because here a writer could not make them again in time."""

    def _open(self, uri: str) -> tuple[AbstractFileSystem, str]:
        return self._patience.call(lambda: self._open_file_system(uri))

    def _ask(self, request: Callable[[], Result]) -> Result:
        """Do a request, patiently; whatever a library raises becomes one of the builtin errors."""
        try:
            return self._patience.call(request)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # no credentials, a certificate, an answer that is none
            message = f"{type(error).__name__}: {error}"
            raise OSError(message) from error

    def _upload(self, file_system: AbstractFileSystem, local: Path, path: str) -> None:
        nbytes = local.stat().st_size
        if not _OBJECT_STORES.isdisjoint(_protocols(file_system)):
            options = _in_parts(nbytes) if "s3" in _protocols(file_system) else {}
            self._request(file_system, "put_file", str(local), path, nbytes=nbytes, **options)
            return
        parent = path.rpartition("/")[0]
        file_system.makedirs(parent, exist_ok=True)
        temporary = f"{parent}/.{uuid.uuid4().hex}.tmp"
        try:
            file_system.put_file(str(local), temporary)
            file_system.mv(temporary, path)
        finally:
            if file_system.exists(temporary):
                file_system.rm_file(temporary)

    def _fetch(self, file_system: AbstractFileSystem, path: str, nbytes: int) -> memoryview:
        if nbytes <= PART_BYTES:
            options = _in_one_request(file_system)
            return memoryview(bytearray(self._request(file_system, "cat_file", path, nbytes=nbytes, **options)))
        # What is there need not be what is expected.
        info = self._request(file_system, "info", path)
        if info.get("type") == "directory":
            raise FileNotFoundError(path)
        memory = new_memory(info["size"])
        self._wait(file_system, lambda: fill(memory, partial(file_system._cat_file, path)), nbytes=len(memory))
        return memory

    def _request(self, file_system: AbstractFileSystem, name: str, *args: Any, nbytes: int = 0, **options: Any) -> Any:
        """Call a method of the file system; wait for an asynchronous one, and not for ever."""
        if not file_system.async_impl:
            return getattr(file_system, name)(*args, **options)
        return self._wait(file_system, lambda: getattr(file_system, f"_{name}")(*args, **options), nbytes=nbytes)

    def _wait(
        self, file_system: AbstractFileSystem, request: Callable[[], Coroutine[Any, Any, Any]], *, nbytes: int
    ) -> Any:
        from fsspec.asyn import sync

        return sync(file_system.loop, request, timeout=self._patience.seconds(nbytes))


def _in_parts(nbytes: int) -> dict[str, int]:
    """How s3fs shall send a file."""
    return {"chunksize": part_bytes(nbytes), "max_concurrency": PARTS_AT_ONCE}


def _in_one_request(file_system: AbstractFileSystem) -> dict[str, int]:
    """How s3fs shall fetch a small object: otherwise it asks for the size first, to fetch a large one in parts."""
    if "s3" in _protocols(file_system) and "max_concurrency" in signature(file_system._cat_file).parameters:
        return {"max_concurrency": 1}
    return {}


def _protocols(file_system: AbstractFileSystem) -> set[str]:
    protocol = file_system.protocol
    return {protocol} if isinstance(protocol, str) else set(protocol)


def modified_time(file_system: AbstractFileSystem, path: str, info: Mapping[str, Any]) -> datetime:
    """When an object was written last, as its file system tells it."""
    told = next((info[name] for name in _MODIFIED if info.get(name) is not None), None)
    if isinstance(told, int | float):
        return datetime.fromtimestamp(told, UTC)
    modified = told if isinstance(told, datetime) else file_system.modified(path)
    return modified if modified.tzinfo else modified.replace(tzinfo=UTC)
