"""Where a run keeps the values that leave their task: in memory, or in a storage with what earlier runs have left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_linepipe.cache import Cache, Ingredient, Ledger, TaskCache, identify
from airflow_linepipe.errors import UnsupportedValueError
from airflow_linepipe.handoff import ArtifactRef, Exchange, Json, Producer, claim_use, open_store, type_name
from airflow_linepipe.plan import ArtifactBinding, Part, Source
from airflow_linepipe.runtime.copying import private_copy
from airflow_linepipe.runtime.history import write_run
from airflow_linepipe.runtime.outputs import with_ways_out
from airflow_linepipe.runtime.result import RunResult

__all__ = ["MemoryShelf", "StorageShelf"]


@dataclass(kw_only=True, slots=True)
class MemoryShelf:
    """Values that leave their task stay in memory."""

    values: dict[ArtifactBinding, Any] = field(default_factory=dict)

    def put(self, part: Part, name: str, value: Any) -> Json:
        """Keep an output of a part, and give what is told of it."""
        artifact = part.outputs[name]
        # Outputs of one step may share memory, and a later step of the part may change one of them in place.
        shared = len(part.plan.steps) > 1 and len(part.plan.step(artifact.producer).outputs) > 1
        self.values[artifact] = private_copy(value, name, deep=True) if shared else value
        return {"type": type_name(value)}

    def get(self, artifact: ArtifactBinding) -> Any:
        """A value, its reader's own to change."""
        return private_copy(self.values[artifact], artifact.name)

    def keep(self, result: Callable[[], RunResult]) -> None:
        """Nothing outlives the process, so nothing is asked for."""

    def take(self, part: Part, references: Mapping[str, Json]) -> None:
        """Nothing comes from elsewhere."""

    def cache_of(self, part: Part, given: Mapping[str, Any]) -> TaskCache | None:  # noqa: ARG002  (as in StorageShelf)
        """Nothing was before the process."""
        return None


@dataclass(kw_only=True, slots=True)
class StorageShelf:
    """Values that leave their task are stored, and read again by whoever needs them."""

    exchange: Exchange
    name: str
    run_id: str
    ledger: Ledger
    caches: Mapping[str, Cache]
    references: dict[ArtifactBinding, ArtifactRef] = field(default_factory=dict)
    _written: dict[str, str] = field(default_factory=dict)
    _read: dict[str, None] = field(default_factory=dict)
    _given: dict[str, Ingredient] = field(default_factory=dict)

    def put(self, part: Part, name: str, value: Any) -> Json:
        """Keep an output of a part, and give what is told of it."""
        producer = self._producer(part)
        try:
            reference = self.exchange.put(value, name=name, producer=producer)
        except UnsupportedValueError as error:
            raise with_ways_out(error, name) from error
        self.references[part.outputs[name]] = reference
        return reference.to_wire()

    def get(self, artifact: ArtifactBinding) -> Any:
        """A value, its reader's own to change."""
        return self.exchange.get(self.references[artifact])

    def take(self, part: Part, references: Mapping[str, Json]) -> None:
        """Have references on the wire as the part's outputs, by its names."""
        for name, reference in references.items():
            self.references[part.outputs[name]] = ArtifactRef.from_wire(reference)

    def keep(self, result: Callable[[], RunResult]) -> None:
        """Write down what is known of the run, and what it has taken of others."""
        write_run(result(), self.exchange.storage)
        reader = Producer(dag_id=self.name, run_id=self.run_id, task_id="")
        claim_use(self.exchange.storage, self._read, reader=reader, open_store=open_store)
        self._read.clear()

    def cache_of(self, part: Part, given: Mapping[str, Any]) -> TaskCache | None:
        """What the cache knows of a part; None if it is not asked."""
        cache = self.caches[part.id]
        if cache.mode == "off":
            return None
        found = TaskCache.of_task(
            part,
            given={name: self._ingredient(source, given) for name, source in part.sources.items()},
            written=self._written,
            cache=cache,
            ledger=self.ledger,
            producer=self._producer(part),
            claim=lambda uris: self._read.update(dict.fromkeys(uris)),
        )
        self._written.update(found.writers)
        return found

    def _ingredient(self, source: Source, given: Mapping[str, Any]) -> Ingredient:
        if isinstance(source, ArtifactBinding):
            return identify(self.references[source], source.name)
        if source.name not in self._given:
            self._given[source.name] = identify(given[source.name], source.name)
        return self._given[source.name]

    def _producer(self, part: Part) -> Producer:
        return Producer(dag_id=self.name, run_id=self.run_id, task_id=part.id)
