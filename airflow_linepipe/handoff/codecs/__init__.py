"""Wire formats: one module each. A codec knows no store."""

from __future__ import annotations

from airflow_linepipe.handoff.codecs.arrow import Compression
from airflow_linepipe.handoff.codecs.codec import TABLE_TYPES, Codec, Encoding, Payload, type_name
from airflow_linepipe.handoff.codecs.registry import ENTRY_POINT_GROUP, OPEN_FORMATS, CodecRegistry

__all__ = [
    "ENTRY_POINT_GROUP",
    "OPEN_FORMATS",
    "TABLE_TYPES",
    "Codec",
    "CodecRegistry",
    "Compression",
    "Encoding",
    "Payload",
    "type_name",
]
