"""Removing what no policy and no claim keeps."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from airflow_linepipe.handoff.reference import Json
from airflow_linepipe.handoff.retention.decision import Removal, Temporaries, decide
from airflow_linepipe.handoff.retention.policy import Retention
from airflow_linepipe.handoff.retention.survey import StoredRun, survey_storage
from airflow_linepipe.handoff.stores import Store, StoredObject, check_storage, open_store

__all__ = ["Collected", "collect"]


# Somebody else's files may be any number.
_SHOWN: Final = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Collected:
    """What was removed from a storage, or would have been.

    Attributes:
        removals: What went of each run, oldest first.
        busy: The URLs of runs that were written to meanwhile, and stay.
        publications: How many publications are no longer recorded.
        temporary: How many files of killed writes were swept.
        unknown: The folders that look like a DAG's and that nothing else says to be ours; they stay.
        strays: What is not ours; it stays.
    """

    removals: tuple[Removal, ...]
    busy: tuple[str, ...]
    publications: int
    temporary: int
    unknown: tuple[str, ...]
    strays: tuple[str, ...]

    @property
    def artifacts(self) -> tuple[StoredObject, ...]:
        """Every artifact that went."""
        return tuple(artifact for removal in self.removals for artifact in removal.artifacts)

    @property
    def nbytes(self) -> int:
        """Their size."""
        return sum(artifact.nbytes for artifact in self.artifacts)

    def lines(self, *, dry_run: bool) -> list[str]:
        """For people: what went and why, what stays although the policy would let it go, and a total."""
        lines = []
        for removal in self.removals:
            if removal.artifacts or removal.records:
                amount = _amount(len(removal.artifacts), sum(artifact.nbytes for artifact in removal.artifacts))
                lines.append(f"{removal.run.dag_id}  {removal.run.run_id}  {amount}  {removal.why}")
            lines += [f"kept {uri}: {why}" for uri, why in removal.kept.items()]
        lines += [f"kept {url}: somebody writes to it" for url in self.busy]
        lines += [f"kept {url}: nothing in it says that it is a DAG's: name the DAG if it is" for url in self.unknown]
        lines += [f"kept {uri}: it is no artifact" for uri in self.strays[:_SHOWN]]
        if len(self.strays) > _SHOWN:
            lines.append(f"kept {len(self.strays) - _SHOWN} more that are no artifacts")
        runs = sum(1 for removal in self.removals if removal.artifacts or removal.records)
        verb = "Would remove" if dry_run else "Removed"
        return [*lines, f"{verb} {_amount(len(self.artifacts), self.nbytes)} of {_count(runs, 'run')}."]

    def to_dict(self) -> dict[str, Json]:
        """As JSON."""
        return {
            "runs": [
                {
                    "dag_id": removal.run.dag_id,
                    "run_id": removal.run.run_id,
                    "artifacts": len(removal.artifacts),
                    "nbytes": sum(artifact.nbytes for artifact in removal.artifacts),
                    "why": removal.why,
                    "kept": dict(removal.kept),
                }
                for removal in self.removals
            ],
            "artifacts": len(self.artifacts),
            "nbytes": self.nbytes,
            "busy": list(self.busy),
            "publications": self.publications,
            "temporary": self.temporary,
            "unknown": list(self.unknown),
            "strays": list(self.strays),
        }


def collect(
    storage: str,
    *,
    retention: Retention | None = None,
    temporaries: Temporaries | None = None,
    dag_ids: Collection[str] = (),
    now: datetime | None = None,
    is_live: Callable[[StoredRun], bool] = lambda _: False,
    dry_run: bool = False,
    before: Callable[[Removal], None] = lambda _: None,
    open_store: Callable[[str], Store] = open_store,
) -> Collected:
    """Remove from a storage what a policy lets go and nothing claims.

    Killed half-way, it leaves nothing that the next one does not finish; several at once do not disturb each other.

    Args:
        storage: Its URL.
        retention: The policy for whole runs; None to remove none.
        temporaries: What goes of one run in any case.
        dag_ids: The DAGs it is about. Left out, all those of which at least one run is known for one by more than
            the shape of its folder: by its record or by how Airflow names runs.
        now: The time; left out, the clock's.
        is_live: Whether a run is queued or running; it is asked of runs beyond the policy only.
        dry_run: Whether to remove nothing and only tell.
        before: Called with what goes of a run before any of it does.
        open_store: Gives the store of a URI.

    Raises:
        SettingError: The storage is no URL.
        DamagedRecordError: A record of what must be kept cannot be read: nothing is removed.
    """
    storage = check_storage(storage)
    store = open_store(storage)
    survey = survey_storage(storage, open_store=open_store)
    decision = decide(
        survey,
        storage=storage,
        now=now or datetime.now(UTC),
        retention=retention,
        temporaries=temporaries,
        dag_ids=dag_ids,
        is_live=is_live,
    )
    done, busy = [], []
    for removal in decision.removals:
        if removal.is_whole and not _is_as_surveyed(removal.run, store):
            busy.append(removal.run.url)
            continue
        done.append(removal)
        if not dry_run:
            before(removal)
            _remove(removal, store)
    if not dry_run:
        for stored in decision.temporary:
            store.remove(stored.uri)
        # Later than their artifacts: a record that outlives these does no harm.
        for publication in decision.publications:
            store.remove(publication.record)
        for folder in {removal.run.url.rpartition("/")[0] for removal in done if removal.is_whole}:
            store.prune(folder)
    return Collected(
        removals=tuple(done),
        busy=tuple(busy),
        publications=len(decision.publications),
        temporary=len(decision.temporary),
        unknown=decision.unknown,
        strays=tuple(stray.uri for stray in survey.strays),
    )


def _is_as_surveyed(run: StoredRun, store: Store) -> bool:
    """Whether nobody has written to a run since: somebody may have cleared its tasks."""
    known = {*run.artifacts, *run.records, *run.temporary, *run.strays}
    return known.issuperset(store.walk(run.url))


def _remove(removal: Removal, store: Store) -> None:
    for stored in (*removal.artifacts, *removal.records):
        store.remove(stored.uri)


def _amount(artifacts: int, nbytes: int) -> str:
    return f"{_count(artifacts, 'artifact')} ({nbytes / 1e6:.1f} MB)"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
