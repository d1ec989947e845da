"""What lies in a storage, by DAG and run; what is not ours is told apart by the layout."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from airflow_linepipe.errors import DamagedRecordError
from airflow_linepipe.handoff.layout import EXPLANATIONS, is_cut, unescape
from airflow_linepipe.handoff.retention.claims import PUBLISHED, USES, Publication, read_publication, read_use
from airflow_linepipe.handoff.stores import Store, StoredObject

__all__ = ["StoredRun", "Survey", "survey_storage"]

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_+~-][A-Za-z0-9_.+~-]{0,239}")
_NUMBER: Final = re.compile(r"0|[1-9][0-9]*")
_TEMPORARY: Final = re.compile(r"\.[0-9a-f]{32}\.tmp")
# What Airflow and the local runner begin a run's id with, unless somebody chooses one.
_RUN_ID: Final = re.compile(
    r"(asset_materialization|asset_triggered|backfill|local|manual|operator_triggered|scheduled)__"
)
_RUN_RECORD: Final = ".run.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRun:
    """What lies in the folder of one run.

    Attributes:
        dag_id: The DAG's id.
        run_id: The run's id.
        url: The folder.
        artifacts: The artifacts.
        records: What we keep beside them, in the order in which it may go.
        temporary: What writes have left that are still going on or were killed.
        strays: What is not ours.
        uses: The artifacts of other runs that it reads.
    """

    dag_id: str
    run_id: str
    url: str
    artifacts: tuple[StoredObject, ...]
    records: tuple[StoredObject, ...] = ()
    temporary: tuple[StoredObject, ...] = ()
    strays: tuple[StoredObject, ...] = ()
    uses: frozenset[str] = frozenset()

    @property
    def modified(self) -> datetime:
        """When it was written to last."""
        return max(stored.modified for stored in (*self.artifacts, *self.records, *self.temporary))

    @property
    def has_whole_dag_id(self) -> bool:
        """Whether the DAG's id is its own: one too long for a folder's name is cut in it."""
        return not is_cut(self.url.split("/")[-2])

    @property
    def has_whole_run_id(self) -> bool:
        """Whether the run's id is its own."""
        return not is_cut(self.url.split("/")[-1])

    @property
    def is_marked(self) -> bool:
        """Whether more than the shape of its folder says that it is a run."""
        return bool(self.records or _RUN_ID.match(self.run_id))


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """What lies in a storage.

    Attributes:
        runs: The runs, by the URL of their DAG's folder.
        publications: What was published, each asset's latest last.
        temporary: What killed writes have left outside of runs.
        strays: What is not ours.
    """

    runs: Mapping[str, tuple[StoredRun, ...]]
    publications: tuple[Publication, ...] = ()
    temporary: tuple[StoredObject, ...] = ()
    strays: tuple[StoredObject, ...] = ()


def survey_storage(storage: str, *, open_store: Callable[[str], Store]) -> Survey:
    """Look at everything in a storage.

    Args:
        storage: Its URL, without a trailing slash.
        open_store: Gives the store of a URI.

    Raises:
        DamagedRecordError: A record of what must be kept cannot be read.
    """
    store = open_store(storage)
    kinds: dict[tuple[str, ...], dict[str, list[StoredObject]]] = defaultdict(lambda: defaultdict(list))
    prefix = f"{storage}/"
    for stored in sorted(store.walk(storage), key=lambda stored: stored.uri):
        segments = tuple(stored.uri.removeprefix(prefix).split("/"))
        kinds[segments[:2] if _is_in_run(segments) else ()][_kind(segments)].append(stored)
    runs: dict[str, list[StoredRun]] = defaultdict(list)
    outside = kinds.pop((), {})
    strays = list(outside.get("stray", ()))
    for found in kinds.values():
        strays += found["stray"]
    for stray in strays:
        if _hides_claims(tuple(stray.uri.removeprefix(prefix).split("/"))):
            message = f"{stray.uri} is no folder: what must be kept cannot be known, and nothing is removed."
            raise DamagedRecordError(message)
    for folder, found in kinds.items():
        if found["artifact"] or found["use"] or found["record"] or found["temporary"]:
            runs[f"{prefix}{folder[0]}"].append(_run(storage, folder, found, store))
    publications = []
    for stored in outside.get("publication", ()):
        with suppress(FileNotFoundError):  # removed by another collection
            publications.append(read_publication(stored.uri, storage, store))
    return Survey(
        runs={url: tuple(found) for url, found in runs.items()},
        publications=tuple(publications),
        temporary=tuple(outside.get("temporary", ())),
        strays=tuple(strays),
    )


def _run(
    storage: str, folder: tuple[str, ...], found: Mapping[str, Collection[StoredObject]], store: Store
) -> StoredRun:
    dag_id, run_id = (unescape(segment) for segment in folder)
    return StoredRun(
        dag_id=dag_id,
        run_id=run_id,
        url="/".join((storage, *folder)),
        artifacts=tuple(found["artifact"]),
        # Without the last of them the run would not be known for one any more.
        records=(*found["use"], *found["record"]),
        temporary=tuple(found["temporary"]),
        strays=tuple(found["stray"]),
        uses=frozenset(_uses(found["use"], storage, store)),
    )


def _uses(records: Iterable[StoredObject], storage: str, store: Store) -> Iterable[str]:
    for record in records:
        with suppress(FileNotFoundError):  # as above
            yield from read_use(record.uri, storage, store)


def _hides_claims(segments: tuple[str, ...]) -> bool:
    """Whether a link or a file stands where records of what must be kept may lie: links are not followed."""
    return segments in ((".linepipe",), (".linepipe", PUBLISHED)) or segments[2:] == (USES,)


def _is_in_run(segments: tuple[str, ...]) -> bool:
    return len(segments) > 2 and all(_SEGMENT.fullmatch(segment) for segment in segments[:2])  # noqa: PLR2004


def _kind(segments: tuple[str, ...]) -> str:
    """What an object is, by its path below the storage."""
    *folders, name = segments
    if folders[:1] == [".linepipe"]:
        kind = "publication" if folders[1:2] == [PUBLISHED] else "own"
    elif _is_in_run(segments):
        kind = _kind_in_run(folders[2:], name)
    else:
        kind = "stray"
    if kind == "stray" or _hides_claims(segments):
        return "stray"
    return "temporary" if _TEMPORARY.fullmatch(name) else kind


def _kind_in_run(folders: list[str], name: str) -> str:
    is_temporary = bool(_TEMPORARY.fullmatch(name))
    match folders:
        case []:
            return "record" if is_temporary or name == _RUN_RECORD else "stray"
        case [folder] if folder == USES:
            return "use"
        case [folder] if folder == EXPLANATIONS:
            return "record"
        case [task_id, *numbers] if (
            _SEGMENT.fullmatch(task_id)
            and len(numbers) in (1, 2)
            and all(_NUMBER.fullmatch(number) for number in numbers)
        ):
            return "artifact" if is_temporary or _SEGMENT.fullmatch(name) else "stray"
        case _:
            return "stray"
