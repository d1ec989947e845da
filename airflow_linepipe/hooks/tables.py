"""From a running Airflow task to the table that it is handed: an artifact, or a file on any storage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow_linepipe.errors import UnsupportedTableError, ValidationError
from airflow_linepipe.handoff import Exchange, Producer, storage_error
from airflow_linepipe.hooks.handoff import load_values
from airflow_linepipe.hooks.storage import open_file_system
from airflow_linepipe.validation import FileKind, kind_of, read_table

__all__ = ["load_table"]


def load_table(data: Any, exchange: Exchange, reader: Producer, *, kind: FileKind | str = "") -> Any:
    """The table that a task is handed.

    Args:
        data: A reference, a table, or the path or URL of a file, which may name an Airflow connection.
        exchange: Where artifacts are read.
        reader: The task.
        kind: What a file is; left out, its name says so.

    Raises:
        ValidationError: There is no such file.
        UnsupportedTableError: The file is not what it is said to be, or its name does not say so.
        StorageDeniedError: The storage does not allow it to be read.
        StorageFaultError: The storage failed.
    """
    if not isinstance(data, str):
        return load_values(data, exchange, reader)
    if not data:
        message = "There is no data to validate: the path is empty."
        raise UnsupportedTableError(message)
    chosen: Any = kind or kind_of(data)
    file_system, path = open_file_system(data if "://" in data else f"file://{Path(data).absolute()}")
    try:
        with file_system.open(path, "rb") as file:
            return read_table(file, kind=chosen)
    except FileNotFoundError as error:
        message = f"There is no file '{data}' to validate."
        raise ValidationError(message) from error
    except OSError as error:
        raise storage_error(error, f"The file '{data}' cannot be read") from error
