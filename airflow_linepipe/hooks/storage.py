"""File systems by Airflow connection: ``s3://connection@bucket/prefix``."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_linepipe import handoff, settings
from airflow_linepipe.errors import StorageUnavailableError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["open_file_system", "open_store"]


def open_file_system(uri: str) -> tuple[AbstractFileSystem, str]:
    """The file system of a URI, opened with the connection it names.

    Args:
        uri: A URI, with an Airflow connection id before the ``@`` of its authority or without one.

    Returns:
        The file system and the path in it.

    Raises:
        StorageUnavailableError: No installed provider opens this scheme with a connection.
    """
    from airflow.sdk.io import attach, has_fs

    parts = urlsplit(uri)
    connection, _, bucket = parts.netloc.rpartition("@")
    plain = uri.replace(f"{parts.scheme}://{parts.netloc}", f"{parts.scheme}://{bucket}", 1)
    if not has_fs(parts.scheme):
        if connection:
            message = (
                f"The storage '{uri}' names the connection '{connection}', and no installed provider opens "
                f"{parts.scheme}:// with a connection: install one that registers this file system."
            )
            raise StorageUnavailableError(message)
        return handoff.open_file_system(plain)
    file_system = attach(parts.scheme, connection or None).fs
    return file_system, file_system._strip_protocol(plain)  # noqa: SLF001  (fsspec's own way from URL to path)


def open_store(uri: str) -> handoff.Store:
    """The store of a URI, its file system opened the Airflow way, as patient as ``[linepipe]`` says."""
    return handoff.open_store(uri, open_file_system, settings.patience())
