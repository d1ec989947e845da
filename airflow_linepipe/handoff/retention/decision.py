"""Which runs and artifacts go, and why each other one stays. Nothing is read or removed here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from airflow_linepipe.handoff.layout import NOT_MAPPED, escape, is_name, producer_of, run_url
from airflow_linepipe.handoff.retention.claims import USES, Publication
from airflow_linepipe.handoff.retention.policy import Retention, shown
from airflow_linepipe.handoff.retention.survey import StoredRun, Survey
from airflow_linepipe.handoff.stores import StoredObject

__all__ = ["Decision", "Removal", "Temporaries", "decide"]

# No write takes longer: what a younger temporary file belongs to may still be at work.
_LONGEST_WRITE: Final = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Temporaries:
    """The artifacts of one run that are of use to this run only.

    Attributes:
        dag_id: The DAG's id.
        run_id: The run's id.
        map_index: Only those of this index, or `NOT_MAPPED` for all.
        names: The outputs, by task id.
        results: The tasks' other outputs, by task id: a file's name may be that of two outputs.
    """

    dag_id: str
    run_id: str
    map_index: int = NOT_MAPPED
    names: Mapping[str, Collection[str]]
    results: Mapping[str, Collection[str]] = field(default_factory=dict)

    def among(self, storage: str, artifacts: Collection[StoredObject]) -> Iterator[StoredObject]:
        """Those of a run's artifacts that these are."""
        by_task = {escape(task_id): (names, self.results.get(task_id, ())) for task_id, names in self.names.items()}
        folder = f"{run_url(storage, self.dag_id, self.run_id)}/"
        for artifact in artifacts:
            if not artifact.uri.startswith(folder):
                continue
            task, *_, name = artifact.uri.removeprefix(folder).split("/")
            names, results = by_task.get(task, ((), ()))
            lengths = [len(one) for one in names if is_name(name, one)]
            longest = max((len(one) for one in results if is_name(name, one)), default=-1)
            producer = producer_of(storage, artifact.uri)
            index = producer.map_index if producer else NOT_MAPPED
            if max(lengths, default=-1) > longest and self.map_index in (NOT_MAPPED, index):
                yield artifact


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """What goes of one run.

    Attributes:
        run: The run.
        why: In a few words.
        artifacts: The artifacts that go.
        kept: Why each other one of those that the policy would let go stays, by URI.
        is_whole: Whether the run itself is beyond the policy, and not only some of its artifacts temporary.
    """

    run: StoredRun
    why: str
    artifacts: tuple[StoredObject, ...]
    kept: Mapping[str, str]
    is_whole: bool

    @property
    def records(self) -> tuple[StoredObject, ...]:
        """What goes beside the artifacts, after them: all of it, or only what the run claims of others.

        What tells of the artifacts goes with the last of them.
        """
        if not self.is_whole:
            return ()
        keeps_some = bool(self.kept or self.run.temporary or self.run.strays)
        return tuple(record for record in self.run.records if not keeps_some or f"/{USES}/" in record.uri)


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What goes.

    Attributes:
        removals: Of runs, oldest first.
        publications: Records of publications beyond ``keep_published``.
        temporary: What killed writes have left.
        unknown: The folders that look like runs and that nothing else says to be ours.
    """

    removals: tuple[Removal, ...]
    publications: tuple[Publication, ...]
    temporary: tuple[StoredObject, ...]
    unknown: tuple[str, ...]


def decide(
    survey: Survey,
    *,
    storage: str,
    now: datetime,
    retention: Retention | None,
    temporaries: Temporaries | None = None,
    dag_ids: Collection[str] = (),
    is_live: Callable[[StoredRun], bool] = lambda _: False,
) -> Decision:
    """Decide what goes.

    Args:
        survey: What lies in the storage.
        storage: Its URL.
        now: The time, with a zone.
        retention: The policy, or None if no runs go.
        temporaries: What goes of one run in any case.
        dag_ids: The DAGs it is about; none for all that are known for some.
        is_live: Whether a run is queued or running.
    """
    folders = {f"{storage}/{escape(dag_id)}" for dag_id in dag_ids}
    known = {url for url, runs in survey.runs.items() if url in folders or any(run.is_marked for run in runs)}
    chosen = known.intersection(folders) if dag_ids else known
    going: dict[str, str] = {}
    if retention is not None:
        for url in chosen & survey.runs.keys():
            going.update(_beyond(survey.runs[url], retention, now, is_live))
    outdated = _outdated(survey.publications, retention, chosen)
    kept = protected(survey, going=going, outdated=outdated)
    removals = [
        _removal(run, going[run.url], run.artifacts, kept, is_whole=True)
        for url in chosen
        for run in survey.runs[url]
        if run.url in going
    ]
    if temporaries is not None:
        removals += _temporary(survey, storage, temporaries, kept)
    return Decision(
        removals=tuple(sorted(removals, key=lambda removal: (removal.run.modified, removal.run.url))),
        publications=outdated,
        temporary=tuple(_stale(survey, chosen, now)),
        unknown=tuple(sorted(survey.runs.keys() - known)) if not dag_ids else (),
    )


def protected(survey: Survey, *, going: Collection[str], outdated: Collection[Publication]) -> dict[str, str]:
    """Every artifact that stays whatever a policy says, with the reason: whatever else protects some adds itself here.

    Args:
        survey: What lies in the storage.
        going: The URLs of the runs that go, and hold nothing any more.
        outdated: The publications that go, and hold nothing any more.
    """
    reasons: dict[str, str] = {}
    for runs in survey.runs.values():
        for run in runs:
            if run.url not in going:
                reasons.update(dict.fromkeys(run.uses, f"read by run '{run.run_id}' of '{run.dag_id}'"))
    for publication in survey.publications:
        if publication not in outdated:
            reasons.update(dict.fromkeys(publication.uris, f"published as '{publication.asset}'"))
    return reasons


def _beyond(
    runs: Collection[StoredRun], retention: Retention, now: datetime, is_live: Callable[[StoredRun], bool]
) -> Iterator[tuple[str, str]]:
    """The URLs of the runs that are beyond every limit, and why."""
    newest_first = sorted(runs, key=lambda run: (run.modified, run.url), reverse=True)
    for run in newest_first[retention.keep_runs or 0 :]:
        age = now - run.modified
        if (retention.keep_for is None or age > retention.keep_for) and not is_live(run):
            beyond = [] if retention.keep_runs is None else [f"not of the {retention.keep_runs} newest"]
            yield run.url, ", ".join([*beyond, f"written {shown(age)} ago"])


def _outdated(
    publications: Collection[Publication], retention: Retention | None, chosen: Collection[str]
) -> tuple[Publication, ...]:
    """The publications beyond ``keep_published`` whose artifacts are all of DAGs that this is about."""
    if retention is None or retention.keep_published is None:
        return ()
    by_asset: dict[str, list[Publication]] = {}
    for publication in sorted(publications, key=lambda publication: publication.record):
        by_asset.setdefault(publication.asset, []).append(publication)
    folders = tuple(f"{url}/" for url in chosen)
    return tuple(
        publication
        for of_asset in by_asset.values()
        for publication in of_asset[: -retention.keep_published]
        if all(uri.startswith(folders) for uri in publication.uris)
    )


def _temporary(survey: Survey, storage: str, temporaries: Temporaries, kept: Mapping[str, str]) -> Iterator[Removal]:
    for run in survey.runs.get(f"{storage}/{escape(temporaries.dag_id)}", ()):
        if artifacts := tuple(temporaries.among(storage, run.artifacts)):
            yield _removal(run, "temporary", artifacts, kept, is_whole=False)


def _removal(
    run: StoredRun, why: str, artifacts: Collection[StoredObject], kept: Mapping[str, str], *, is_whole: bool
) -> Removal:
    return Removal(
        run=run,
        why=why,
        artifacts=tuple(artifact for artifact in artifacts if artifact.uri not in kept),
        kept={artifact.uri: kept[artifact.uri] for artifact in artifacts if artifact.uri in kept},
        is_whole=is_whole,
    )


def _stale(survey: Survey, chosen: Collection[str], now: datetime) -> Iterator[StoredObject]:
    runs = (run for url in chosen for run in survey.runs[url])
    for temporary in (*survey.temporary, *(stored for run in runs for stored in run.temporary)):
        if now - temporary.modified > _LONGEST_WRITE:
            yield temporary
