"""Files that a pattern matches, on any file system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_linepipe.handoff.stores.opening import open_file_system as open_by_scheme
from airflow_linepipe.handoff.stores.patience import Patience
from airflow_linepipe.handoff.stores.remote import OpenFileSystem, modified_time
from airflow_linepipe.handoff.stores.store import StoredObject

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["find_files"]


def find_files(
    pattern: str, open_file_system: OpenFileSystem = open_by_scheme, patience: Patience | None = None
) -> list[StoredObject]:
    """The files that a pattern matches, by their URLs.

    Args:
        pattern: A URL in which ``*``, ``?``, ``[…]`` and ``**`` stand for what they stand for in fsspec's ``glob``.
        open_file_system: How a file system is opened; the Airflow half passes one that knows connections.
        patience: How long to wait for an answer, and how often to ask again.

    Returns:
        The files, sorted; their URLs begin as the pattern does, with its connection. Folders are none.

    Raises:
        PermissionError: The file system does not allow it.
        OSError: It failed in another way.
    """
    patience = patience or Patience()
    try:
        file_system, path = patience.call(lambda: open_file_system(pattern))
        # What another process has written is not in this one's cache.
        file_system.invalidate_cache()
        found = patience.call(lambda: file_system.glob(path, detail=True))
    except (OSError, ImportError, MemoryError):
        raise
    except Exception as error:  # no credentials, a certificate, an answer that is none
        message = f"{type(error).__name__}: {error}"
        raise OSError(message) from error
    return sorted(_stored(file_system, pattern, path, found), key=lambda stored: stored.uri)


def _stored(file_system: AbstractFileSystem, pattern: str, path: str, found: dict[str, Any]) -> list[StoredObject]:
    prefix = pattern.removesuffix(path) if pattern.endswith(path) else None
    stored = []
    for name, info in found.items():
        if info.get("type") == "directory":
            continue
        try:
            modified = modified_time(file_system, name, info)
        except FileNotFoundError:  # gone in between
            continue
        uri = file_system.unstrip_protocol(name) if prefix is None else f"{prefix}{name}"
        stored.append(StoredObject(uri=uri, nbytes=info.get("size") or 0, modified=modified))
    return stored
