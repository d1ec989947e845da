"""HOW values travel: references, codecs, stores, and the exchange that joins them."""

from __future__ import annotations

from airflow_linepipe.handoff.codecs import Codec, CodecRegistry, Encoding, Payload, type_name
from airflow_linepipe.handoff.exchange import Exchange
from airflow_linepipe.handoff.layout import NOT_MAPPED, Producer, record_uri
from airflow_linepipe.handoff.reference import ABSENT, ArtifactRef, Json, is_reference
from airflow_linepipe.handoff.stores import OpenFileSystem, Store, check_storage, open_file_system, open_store

__all__ = [
    "ABSENT",
    "NOT_MAPPED",
    "ArtifactRef",
    "Codec",
    "CodecRegistry",
    "Encoding",
    "Exchange",
    "Json",
    "OpenFileSystem",
    "Payload",
    "Producer",
    "Store",
    "check_storage",
    "is_reference",
    "open_file_system",
    "open_store",
    "record_uri",
    "type_name",
]
