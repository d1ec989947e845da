"""Records in a storage that artifacts must stay: what was published, and what a run reads of another."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from airflow_linepipe.errors import DamagedRecordError
from airflow_linepipe.handoff.layout import Producer, escape, own_url, path_below, run_url
from airflow_linepipe.handoff.reference import Json, is_reference
from airflow_linepipe.handoff.stores import Store

__all__ = ["PUBLISHED", "USES", "Publication", "claim_publication", "claim_use", "read_publication", "read_use"]

PUBLISHED: Final = "published"
USES: Final = ".uses"


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """One time that outputs were published as an asset.

    Attributes:
        record: Where the record lies; of one asset, the later one sorts after the earlier.
        asset: The asset's name.
        uris: The artifacts.
    """

    record: str
    asset: str
    uris: frozenset[str]


def claim_publication(
    storage: str,
    published: Json,
    *,
    asset: str,
    asset_uri: str,
    producer: Producer,
    now: datetime,
    open_store: Callable[[str], Store],
) -> None:
    """Record that an output is published, before anybody can hear of it.

    Args:
        storage: The URL below which it lies.
        published: Its reference on the wire, or lists and dicts of such.
        asset: The asset's name.
        asset_uri: The asset's URI.
        producer: The task that publishes it.
        now: The time, in UTC.
        open_store: Gives the store of a URI.
    """
    record = {
        "asset": {"name": asset, "uri": asset_uri},
        "producer": {"dag_id": producer.dag_id, "run_id": producer.run_id, "task_id": producer.task_id},
        "time": now.isoformat(),
        "published": published,
        "artifacts": [path for uri in _uris(published) if (path := path_below(storage, uri))],
    }
    name = f"{now:%Y%m%dT%H%M%S.%f}-{secrets.token_hex(4)}.json"
    _write(f"{own_url(storage)}/{PUBLISHED}/{escape(asset)}/{name}", record, open_store)


def claim_use(storage: str, uri: str, *, reader: Producer, open_store: Callable[[str], Store]) -> None:
    """Record that a run reads an artifact of another run, before it does; nothing to do for an artifact of its own.

    Args:
        storage: The URL below which the run's own artifacts lie. What lies elsewhere is not recorded.
        uri: The artifact.
        reader: A task of the run.
        open_store: Gives the store of a URI.
    """
    folder = run_url(storage, reader.dag_id, reader.run_id)
    path = path_below(storage, uri)
    if path is not None and path_below(folder, uri) is None:
        # One record for each artifact, however many tasks read it.
        name = f"{sha256(path.encode()).hexdigest()[:32]}.json"
        _write(f"{folder}/{USES}/{name}", {"uri": uri, "artifact": path}, open_store)


def read_publication(record: str, storage: str, store: Store) -> Publication:
    """A record of `claim_publication`.

    Args:
        record: Where it lies.
        storage: The storage's URL, as the artifacts' URIs shall begin: who wrote it may have reached it by another.
        store: The storage's store.

    Raises:
        FileNotFoundError: It has been removed.
        DamagedRecordError: It is none.
    """
    match _read(record, store):
        case {"asset": {"name": str(asset)}, "artifacts": list(paths)} if all(isinstance(path, str) for path in paths):
            return Publication(record=record, asset=asset, uris=frozenset(f"{storage}/{path}" for path in paths))
    raise _damaged(record, "it names no asset or no artifacts")


def read_use(record: str, storage: str, store: Store) -> str:
    """The URI of the artifact in a record of `claim_use`.

    Args:
        record: As in `read_publication`.
        storage: As in `read_publication`.
        store: As in `read_publication`.

    Raises:
        FileNotFoundError: It has been removed.
        DamagedRecordError: It is none.
    """
    match _read(record, store):
        case {"artifact": str(path)}:
            return f"{storage}/{path}"
    raise _damaged(record, "it names no artifact")


def _write(uri: str, record: Mapping[str, Any], open_store: Callable[[str], Store]) -> None:
    with open_store(uri).write(uri) as file:
        file.write(json.dumps(record).encode())


def _read(record: str, store: Store) -> Any:
    text = bytes(store.read(record))
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(record, str(error)) from error


def _uris(published: Any) -> Iterator[str]:
    if is_reference(published):
        yield published["uri"]
    elif isinstance(published, dict | list):
        for item in published.values() if isinstance(published, dict) else published:
            yield from _uris(item)


def _damaged(record: str, problem: str) -> DamagedRecordError:
    message = (
        f"The record {record} says which artifacts must be kept, and cannot be read ({problem}): nothing is removed "
        "until you have removed or restored it."
    )
    return DamagedRecordError(message)
