"""Records in a storage that artifacts must stay: what was published, and what a run reads of another."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from airflow_linepipe.errors import DamagedRecordError
from airflow_linepipe.handoff.layout import Producer, escape, own_url, path_below, run_url
from airflow_linepipe.handoff.reference import Json, is_reference
from airflow_linepipe.handoff.seal import Seal, split_sealed
from airflow_linepipe.handoff.stores import Store

__all__ = [
    "PUBLISHED",
    "RECORD_TIME",
    "USES",
    "Publication",
    "claim_publication",
    "claim_use",
    "publications_url",
    "read_publication",
    "read_use",
]

PUBLISHED: Final = "published"
USES: Final = ".uses"
RECORD_TIME: Final = "%Y%m%dT%H%M%S.%f"


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
    seal: Seal | None = None,
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
        seal: Signs the record; without it the artifacts stay all the same, and nobody who waits for them believes it.
    """
    name = f"{now:{RECORD_TIME}}-{secrets.token_hex(4)}.json"
    record = {
        # A signed record that somebody copies to another name or asset tells no news there.
        "record": name,
        "asset": {"name": asset, "uri": asset_uri},
        "producer": {"dag_id": producer.dag_id, "run_id": producer.run_id, "task_id": producer.task_id},
        "time": now.isoformat(),
        "published": published,
        "artifacts": [path for uri in _uris(published) if (path := path_below(storage, uri))],
    }
    _write(f"{publications_url(storage, asset)}/{name}", record, open_store, seal)


def publications_url(storage: str, asset: str) -> str:
    """The folder of an asset's records; the name of each begins with its time in UTC, as `RECORD_TIME`."""
    return f"{own_url(storage)}/{PUBLISHED}/{escape(asset)}"


def claim_use(storage: str, uris: Iterable[str], *, reader: Producer, open_store: Callable[[str], Store]) -> None:
    """Record that a run reads artifacts of other runs, before it does; nothing to do for artifacts of its own.

    Args:
        storage: The URL below which the run's own artifacts lie. What lies elsewhere is not recorded.
        uris: The artifacts.
        reader: A task of the run.
        open_store: Gives the store of a URI.
    """
    folder = run_url(storage, reader.dag_id, reader.run_id)
    paths = [path_below(storage, uri) for uri in dict.fromkeys(uris) if path_below(folder, uri) is None]
    artifacts = sorted(path for path in paths if path is not None)
    if artifacts:
        # One record for the same artifacts, however many tasks read them.
        name = f"{sha256(json.dumps(artifacts).encode()).hexdigest()[:32]}.json"
        _write(f"{folder}/{USES}/{name}", {"artifacts": artifacts}, open_store)


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


def read_use(record: str, storage: str, store: Store) -> frozenset[str]:
    """The URIs of the artifacts in a record of `claim_use`.

    Args:
        record: As in `read_publication`.
        storage: As in `read_publication`.
        store: As in `read_publication`.

    Raises:
        FileNotFoundError: It has been removed.
        DamagedRecordError: It is none.
    """
    match _read(record, store):
        case {"artifacts": list(paths)} if all(isinstance(path, str) for path in paths):
            return frozenset(f"{storage}/{path}" for path in paths)
    raise _damaged(record, "it names no artifacts")


def _write(uri: str, record: Mapping[str, Any], open_store: Callable[[str], Store], seal: Seal | None = None) -> None:
    with open_store(uri).write(uri) as file:
        file.write(seal.close(record) if seal else json.dumps(record).encode())


def _read(record: str, store: Store) -> Any:
    text = bytes(store.read(record))
    # Whether it may be removed needs no secret: who could forge a record could remove the artifact itself.
    content = text if text.startswith(b"{") else split_sealed(text)[1]
    try:
        return json.loads(content)
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
