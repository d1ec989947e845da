"""File systems by Airflow connection: ``s3://connection@bucket/prefix``."""

from __future__ import annotations

import os
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
        StorageUnavailableError: No installed provider opens this scheme with a connection, or there is no such
            connection.
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
    if connection:
        _check_connection(connection, uri)
    file_system = attach(parts.scheme, connection or None).fs
    process = os.getpid()
    if getattr(file_system, "_pid", process) != process:
        # The process that this one was forked off has opened it, and its event loop stayed there.
        alias = f"{parts.scheme}-{connection}-{process}"
        file_system = attach(parts.scheme, connection or None, alias=alias).fs
    return file_system, file_system._strip_protocol(plain)  # noqa: SLF001  (fsspec's own way from URL to path)


def _check_connection(connection: str, uri: str) -> None:
    """Airflow's own file systems fall back to whatever credentials the machine has."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        BaseHook.get_connection(connection)
    except AirflowNotFoundException as error:
        message = (
            f"The storage '{uri}' names the connection '{connection}', and Airflow has none of this id: add it, for "
            f"example as AIRFLOW_CONN_{connection.upper()}, or correct [linepipe] storage."
        )
        raise StorageUnavailableError(message) from error


def open_store(uri: str) -> handoff.Store:
    """The store of a URI, its file system opened the Airflow way, as patient as ``[linepipe]`` says."""
    return handoff.open_store(uri, open_file_system, settings.patience())
