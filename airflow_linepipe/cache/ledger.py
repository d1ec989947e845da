"""What the cache knows, in the storage itself: which recipe has led to which artifacts, and what a step was made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from airflow_linepipe.cache.flight import alone
from airflow_linepipe.cache.recipe import Recipe
from airflow_linepipe.errors import StorageFaultError, UntrustedEntryError
from airflow_linepipe.handoff import (
    ABSENT,
    ArtifactRef,
    Json,
    Producer,
    Seal,
    Store,
    escape,
    own_url,
    path_below,
    references_in,
    replace_references,
    task_name,
)
from airflow_linepipe.plan import looks_secret

__all__ = ["Entry", "Ledger", "Remembered"]

CACHE: Final = "cache"
_LAST: Final = "last"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What a recipe has led to.

    Attributes:
        key: The recipe's key.
        producer: The task that made it.
        made: When, in UTC.
        outputs: The step's outputs on the wire, in order; None for one that stayed inside the task.
        written: When the storage says that each artifact was written, by its path below the storage.
    """

    key: str
    producer: Producer
    made: datetime
    outputs: tuple[Json, ...]
    written: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Remembered:
    """What a step was made of when it was called last.

    Attributes:
        run_id: The run in which it was.
        ingredients: The blinded digest of each ingredient, and what may be shown of it, by name.
    """

    run_id: str
    ingredients: Mapping[str, tuple[str, str]]


class Ledger:
    """The records of the cache in one storage.

    An entry is written after the artifacts that it names, whole or not at all; of several writers the last one stays.

    Args:
        storage: The storage's URL.
        seal: Signs them.
        open_store: Gives the store of a URI.
    """

    def __init__(self, storage: str, seal: Seal, open_store: Callable[[str], Store]) -> None:
        self.storage = storage
        self.seal = seal
        self.open_store = open_store
        self._folder = f"{own_url(storage)}/{CACHE}/{seal.name}"

    def find(self, key: str) -> Entry:
        """The entry of a recipe.

        Raises:
            KeyError: There is none.
            UntrustedEntryError: It is not to be believed.
        """
        record = self._read(self._entry_uri(key))
        if record.get("key") != key:
            message = f"it is that of another recipe ({record.get('key')})"
            raise UntrustedEntryError(message)
        try:
            return self._entry(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"another version of airflow-linepipe has written it ({type(error).__name__}: {error})"
            raise UntrustedEntryError(message) from error

    def _entry(self, record: Mapping[str, Any]) -> Entry:
        outputs = record["outputs"]
        if record["storage"] != self.storage:
            outputs = replace_references(outputs, self._moved)
        return Entry(
            key=record["key"],
            producer=Producer(**record["producer"]),
            made=datetime.fromisoformat(record["made"]),
            outputs=tuple(outputs),
            written=dict(record["written"]),
        )

    def enter(self, key: str, producer: Producer, outputs: Sequence[Json]) -> None:
        """Write an entry.

        Args:
            key: The recipe's key.
            producer: The task.
            outputs: As in `Entry`; the artifacts are whole by now.
        """
        references = [reference for output in outputs for reference in references_in(output)]
        record = {
            "key": key,
            "storage": self.storage,
            "producer": {name: getattr(producer, name) for name in Producer.__slots__},
            "made": datetime.now(UTC).isoformat(),
            "outputs": replace_references(list(outputs), _without_secret),
            "written": {self._path(reference): self._written(reference) for reference in references},
        }
        self._write(self._entry_uri(key), record)

    def has(self, reference: ArtifactRef, entry: Entry) -> bool:
        """Whether an artifact is still the one that was there when an entry was written; it is not read."""
        return entry.written.get(self._path(reference), "") == self._written(reference) != ""

    def _moved(self, reference: ArtifactRef) -> Json:
        """As this storage is reached here: who wrote it may have named another connection, or none."""
        path = path_below(self.storage, reference.uri)
        return (reference if path is None else replace(reference, uri=f"{self.storage}/{path}")).to_wire()

    def _path(self, reference: ArtifactRef) -> str:
        return path_below(self.storage, reference.uri) or reference.uri

    def _written(self, reference: ArtifactRef) -> str:
        """When an artifact was written, as the storage has it; "" if it is not there in its size."""
        try:
            stored = self.open_store(reference.uri).find(reference.uri)
        except FileNotFoundError:
            return ""
        return stored.modified.isoformat() if stored.nbytes == reference.nbytes else ""

    def remember(self, producer: Producer, step_id: str, recipe: Recipe) -> None:
        """Write down what a step was made of: what will have changed can be said."""
        ingredients = {
            name: [self.seal.blind(ingredient.digest), ingredient.shown]
            for name, ingredient in recipe.ingredients.items()
        }
        record = {"run_id": producer.run_id, "ingredients": ingredients}
        self._write(self._last_uri(producer, step_id), record)

    def last(self, producer: Producer, step_id: str) -> Remembered:
        """What a step of this task was made of when it was called last, in whichever run.

        Raises:
            KeyError: It was never called, or nobody knows.
        """
        try:
            record = self._read(self._last_uri(producer, step_id))
        except UntrustedEntryError as error:
            raise KeyError(step_id) from error
        ingredients = {name: (digest, shown) for name, (digest, shown) in record["ingredients"].items()}
        return Remembered(run_id=record["run_id"], ingredients=ingredients)

    def alone(self, keys: Sequence[str]) -> AbstractContextManager[bool]:
        """Keep others from cooking the same recipes meanwhile, where the storage allows that: see `alone`."""
        return alone(f"{self._folder}/{self.seal.blind(' '.join(keys))}.lock")

    def path_of(self, key: str) -> str:
        """Where the entry of a recipe lies, below the storage."""
        return self._entry_uri(key).removeprefix(f"{self.storage}/")

    def _entry_uri(self, key: str) -> str:
        return f"{self._folder}/{key[:2]}/{key[2:]}.json"

    def _last_uri(self, producer: Producer, step_id: str) -> str:
        folder = f"{self._folder}/{_LAST}/{escape(producer.dag_id)}/{task_name(producer)}"
        return f"{folder}/{escape(step_id, reserve=len('.json'))}.json"

    def _read(self, uri: str) -> dict[str, Any]:
        try:
            return self.seal.open(bytes(self.open_store(uri).read(uri)))
        except FileNotFoundError as error:
            raise KeyError(uri) from error
        except IsADirectoryError as error:
            message = "a folder stands in its place"
            raise UntrustedEntryError(message) from error
        except OSError as error:
            message = f"The cache cannot be read at {uri}: {type(error).__name__}: {error}."
            raise StorageFaultError(message) from error

    def _write(self, uri: str, record: Mapping[str, Any]) -> None:
        try:
            with self.open_store(uri).write(uri) as file:
                file.write(self.seal.close(record))
        except OSError as error:
            message = f"The cache cannot write to {uri}: {type(error).__name__}: {error}."
            raise StorageFaultError(message) from error


def _without_secret(reference: ArtifactRef) -> Json:
    """Without an inline value that must not be shown; it lies in the artifact alone."""
    is_secret = looks_secret(reference.name, reference.value)
    return (replace(reference, value=ABSENT) if is_secret else reference).to_wire()
