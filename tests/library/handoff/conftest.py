"""The handoff as two tasks use it, and the storages it runs on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from airflow_linepipe.handoff import ArtifactRef, Exchange, Producer


class Trip(NamedTuple):
    """A value that has been handed over: the reference that travelled, and what was read through it."""

    reference: ArtifactRef
    value: Any


@pytest.fixture(scope="session")
def travel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Any], Trip]]:
    """Hand a value over as two tasks do: one writes, the reference goes through JSON, another reads."""
    storage = f"file://{tmp_path_factory.mktemp('storage')}"
    producer = Producer(dag_id="flights", run_id="r", task_id="t")
    with Exchange(storage) as reader:

        def go(value: Any) -> Trip:
            wire = Exchange(storage).put(value, name="x", producer=producer).to_wire()
            reference = ArtifactRef.from_wire(json.loads(json.dumps(wire, allow_nan=False)))
            return Trip(reference, reader.get(reference))

        yield go


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[], list[str]]:
    """Everything that lies in the storage of `exchange`, hidden files included."""
    return lambda: sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir())
