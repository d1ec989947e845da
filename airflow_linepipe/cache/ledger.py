"""What the cache knows, in the storage itself: which recipe has led to which artifacts, and what a step was made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from airflow_linepipe.cache.flight import alone
from airflow_linepipe.cache.recipe import Recipe
from airflow_linepipe.cache.seal import Seal
from airflow_linepipe.errors import UntrustedEntryError
from airflow_linepipe.handoff import NOT_MAPPED, ArtifactRef, Json, Producer, Store, escape, own_url

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
    """

    key: str
    producer: Producer
    made: datetime
    outputs: tuple[Json, ...]


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
        return Entry(
            key=key,
            producer=Producer(**record["producer"]),
            made=datetime.fromisoformat(record["made"]),
            outputs=tuple(record["outputs"]),
        )

    def enter(self, entry: Entry) -> None:
        """Write an entry; its artifacts are whole by now."""
        producer = entry.producer
        record = {
            "key": entry.key,
            "producer": {name: getattr(producer, name) for name in Producer.__slots__},
            "made": entry.made.isoformat(),
            "outputs": list(entry.outputs),
        }
        self._write(self._entry_uri(entry.key), record)

    def is_stored(self, reference: ArtifactRef) -> bool:
        """Whether an artifact still lies where it was written, in its size; it is not read."""
        folder = reference.uri.rpartition("/")[0]
        found = self.open_store(folder).walk(folder)
        return any(stored.uri == reference.uri and stored.nbytes == reference.nbytes for stored in found)

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
        index = "" if producer.map_index == NOT_MAPPED else f".{producer.map_index}"
        task = escape(producer.task_id, reserve=len(index)) + index
        return f"{self._folder}/{_LAST}/{escape(producer.dag_id)}/{task}/{escape(step_id, reserve=len('.json'))}.json"

    def _read(self, uri: str) -> dict[str, Any]:
        try:
            return self.seal.open(bytes(self.open_store(uri).read(uri)))
        except FileNotFoundError as error:
            raise KeyError(uri) from error

    def _write(self, uri: str, record: Mapping[str, Any]) -> None:
        with self.open_store(uri).write(uri) as file:
            file.write(self.seal.close(record))
