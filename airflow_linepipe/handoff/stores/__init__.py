"""Where bytes lie: one module a kind of storage. A store knows no codec."""

from __future__ import annotations

from airflow_linepipe.handoff.stores.matching import find_files
from airflow_linepipe.handoff.stores.opening import check_storage, open_file_system, open_store
from airflow_linepipe.handoff.stores.patience import Patience
from airflow_linepipe.handoff.stores.remote import OpenFileSystem
from airflow_linepipe.handoff.stores.store import Store, StoredObject

__all__ = [
    "OpenFileSystem",
    "Patience",
    "Store",
    "StoredObject",
    "check_storage",
    "find_files",
    "open_file_system",
    "open_store",
]
