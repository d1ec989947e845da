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
from airflow_linepipe.handoff.condition import Condition, parse_condition
from airflow_linepipe.handoff.exchange import COMPRESSIONS, Exchange, storage_error
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
    task_name,
)
from airflow_linepipe.handoff.publications import Publications, PublishedArtifact
from airflow_linepipe.handoff.reference import (
    ABSENT,
    ArtifactRef,
    Json,
    is_reference,
    references_in,
    replace_references,
)
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
from airflow_linepipe.handoff.seal import Seal, split_sealed
from airflow_linepipe.handoff.stores import (
    OpenFileSystem,
    Patience,
    Store,
    StoredObject,
    check_storage,
    find_files,
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
    "Condition",
    "Encoding",
    "Exchange",
    "Json",
    "OpenFileSystem",
    "Patience",
    "Payload",
    "Producer",
    "Publications",
    "PublishedArtifact",
    "Removal",
    "Retention",
    "Seal",
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
    "find_files",
    "is_reference",
    "open_file_system",
    "open_store",
    "own_url",
    "parse_condition",
    "path_below",
    "record_uri",
    "references_in",
    "replace_references",
    "run_url",
    "split_sealed",
    "storage_error",
    "task_name",
    "type_name",
]
