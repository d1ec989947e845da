"""HOW values travel: references, codecs, stores, and the exchange that joins them."""

from __future__ import annotations

from airflow_linepipe.handoff.codecs import (
    OPEN_FORMATS,
    Codec,
    CodecRegistry,
    Compression,
    Encoding,
    Payload,
    type_name,
)
from airflow_linepipe.handoff.exchange import COMPRESSIONS, Exchange
from airflow_linepipe.handoff.layout import (
    EXPLANATIONS,
    NOT_MAPPED,
    Producer,
    escape,
    explanation_uri,
    own_url,
    path_below,
    record_uri,
    run_url,
)
from airflow_linepipe.handoff.reference import ABSENT, ArtifactRef, Json, is_reference, references_in
from airflow_linepipe.handoff.retention import (
    Collected,
    Removal,
    Retention,
    StoredRun,
    Temporaries,
    claim_publication,
    claim_use,
    collect,
)
from airflow_linepipe.handoff.stores import (
    OpenFileSystem,
    Patience,
    Store,
    StoredObject,
    check_storage,
    open_file_system,
    open_store,
)

__all__ = [
    "ABSENT",
    "COMPRESSIONS",
    "EXPLANATIONS",
    "NOT_MAPPED",
    "OPEN_FORMATS",
    "ArtifactRef",
    "Codec",
    "CodecRegistry",
    "Collected",
    "Compression",
    "Encoding",
    "Exchange",
    "Json",
    "OpenFileSystem",
    "Patience",
    "Payload",
    "Producer",
    "Removal",
    "Retention",
    "Store",
    "StoredObject",
    "StoredRun",
    "Temporaries",
    "check_storage",
    "claim_publication",
    "claim_use",
    "collect",
    "escape",
    "explanation_uri",
    "is_reference",
    "open_file_system",
    "open_store",
    "own_url",
    "path_below",
    "record_uri",
    "references_in",
    "run_url",
    "type_name",
]
