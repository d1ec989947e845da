"""What a user's own tests need.

`CodecContract` and `StoreContract` need pytest, and nothing else here does: they are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_linepipe.errors import StandaloneError
from airflow_linepipe.testing.records import DagRunRecord, TaskRecord, XComRecord
from airflow_linepipe.testing.standalone import StandaloneAirflow

if TYPE_CHECKING:
    from airflow_linepipe.testing.codecs import CodecContract
    from airflow_linepipe.testing.stores import StoreContract

__all__ = [
    "CodecContract",
    "DagRunRecord",
    "StandaloneAirflow",
    "StandaloneError",
    "StoreContract",
    "TaskRecord",
    "XComRecord",
]

_HOMES = {"CodecContract": "airflow_linepipe.testing.codecs", "StoreContract": "airflow_linepipe.testing.stores"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        message = f"module '{__name__}' has no attribute '{name}'"
        raise AttributeError(message)
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
