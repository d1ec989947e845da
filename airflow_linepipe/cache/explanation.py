"""Why the tasks of a run were called or were not, written beside their artifacts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_linepipe.errors import ArtifactUnreadableError, RunNotFoundError
from airflow_linepipe.handoff import EXPLANATIONS, Producer, Store, explanation_uri, record_uri, run_url

__all__ = ["Explanation", "read_explanation", "read_explanations", "write_explanation"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why a task was called or was not.

    Attributes:
        task_id: The task.
        map_index: Its index, or -1 if it is not mapped.
        steps: The ids of the steps that it consists of.
        reason: Why, in one line.
        entries: The paths below the storage of the entries of the cache that it may have written.
    """

    task_id: str
    map_index: int
    steps: tuple[str, ...]
    reason: str
    entries: tuple[str, ...] = ()


def write_explanation(
    storage: str,
    producer: Producer,
    *,
    steps: Sequence[str],
    reason: str,
    entries: Sequence[str],
    open_store: Callable[[str], Store],
) -> None:
    """Write an explanation; that of an earlier try is replaced.

    Args:
        storage: The storage's URL.
        producer: The task.
        steps: As in `Explanation`.
        reason: As in `Explanation`.
        entries: As in `Explanation`.
        open_store: Gives the store of a URI.
    """
    record = {
        "task_id": producer.task_id,
        "map_index": producer.map_index,
        "steps": list(steps),
        "reason": reason,
        "entries": list(entries),
    }
    uri = explanation_uri(storage, producer)
    with open_store(uri).write(uri) as file:
        file.write(json.dumps(record).encode())


def read_explanations(
    storage: str, dag_id: str, run_id: str, node: str, *, open_store: Callable[[str], Store]
) -> list[Explanation]:
    """Why a node was called in a run, or was not.

    Args:
        storage: The storage's URL.
        dag_id: The DAG's id, or the name of a pipeline that `run` has run.
        run_id: The run's id.
        node: The id of a task or of a step.
        open_store: Gives the store of a URI.

    Returns:
        One explanation; of a mapped task one for each index.

    Raises:
        RunNotFoundError: Nothing is known of such a run, or of such a node in it.
        ArtifactUnreadableError: A record of the run is damaged.
    """
    folder = f"{run_url(storage, dag_id, run_id)}/{EXPLANATIONS}"
    store = open_store(folder)
    # The record of a local run has all of it.
    every = list(_of_local_run(storage, dag_id, run_id, store)) or [
        read_explanation(stored.uri, store) for stored in store.walk(folder)
    ]
    named = [one for one in every if node == one.task_id] or [one for one in every if node in one.steps]
    if named:
        return sorted(named, key=lambda one: one.map_index)
    nodes = sorted({step for one in every for step in one.steps})
    known = (
        f"it knows {', '.join(nodes)}"
        if nodes
        else "its tasks had no cache, or the run's or the storage's name is another"
    )
    message = f"Nothing is known of node '{node}' in run '{run_id}' of '{dag_id}' in {storage}: {known}."
    raise RunNotFoundError(message)


def _of_local_run(storage: str, dag_id: str, run_id: str, store: Store) -> Iterator[Explanation]:
    uri = record_uri(storage, dag_id, run_id)
    try:
        text = bytes(store.read(uri))
    except FileNotFoundError:
        return
    for step in _parsed(uri, text).get("steps", ()):
        reason = str(step.get("why") or "cache off")
        yield Explanation(task_id=step["id"], map_index=-1, steps=(step["id"],), reason=reason)


def read_explanation(uri: str, store: Store) -> Explanation:
    """A record of `write_explanation`.

    Raises:
        ArtifactUnreadableError: It is damaged.
    """
    record = _parsed(uri, bytes(store.read(uri)))
    return Explanation(
        task_id=record["task_id"],
        map_index=record["map_index"],
        steps=tuple(record["steps"]),
        reason=record["reason"],
        entries=tuple(record["entries"]),
    )


def _parsed(uri: str, text: bytes) -> Mapping[str, Any]:
    try:
        record: Mapping[str, Any] = json.loads(text)
    except ValueError as error:
        message = f"The record {uri} is damaged: {error}."
        raise ArtifactUnreadableError(message) from error
    return record
