"""Entries go with the runs that have written them: the cache never leads to what is gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

from airflow_linepipe.cache.explanation import read_explanation
from airflow_linepipe.errors import ArtifactUnreadableError
from airflow_linepipe.handoff import EXPLANATIONS, Removal, Store, check_storage, references_in, split_sealed

__all__ = ["evict"]


def evict(removal: Removal, storage: str, *, open_store: Callable[[str], Store]) -> None:
    """Remove the entries that lead to artifacts of a run that are about to be removed.

    An entry that somebody has written anew since leads elsewhere, and stays.

    Args:
        removal: What goes of the run.
        storage: The storage's URL.
        open_store: Gives the store of a URI.
    """
    storage = check_storage(storage)
    store = open_store(storage)
    going = {artifact.uri for artifact in removal.artifacts}
    for record in removal.records:
        if f"/{EXPLANATIONS}/" in record.uri.removeprefix(removal.run.url):
            for path in _entries(record.uri, store):
                uri = f"{storage}/{path}"
                if going & _artifacts(uri, store):
                    store.remove(uri)


def _entries(record: str, store: Store) -> list[str]:
    damage = (FileNotFoundError, ArtifactUnreadableError, KeyError, TypeError)
    with suppress(*damage):  # one that is damaged leads to nothing
        return list(read_explanation(record, store).entries)
    return []


def _artifacts(entry: str, store: Store) -> set[str]:
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):  # whoever cannot read it does not believe it
        _, content = split_sealed(bytes(store.read(entry)))
        return {reference.uri for reference in references_in(json.loads(content)["outputs"])}
    return set()
