"""Ways to hand a value from one task to the next, each as a pair of functions."""

from __future__ import annotations

import itertools
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import joblib
import numpy as np
import pandas as pd
from pyarrow import feather

from airflow_linepipe.handoff import ArtifactRef, Exchange, Producer

__all__ = ["ARRAY", "BACKEND", "FEATHER", "JOBLIB", "OURS", "PARQUET", "PICKLE", "Contender"]

_numbers = itertools.count()


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """One way.

    Attributes:
        name: What the tables call it.
        write: Takes the value and a folder of its own, and gives what goes through XCom.
        read: Takes that and gives the value.
    """

    name: str
    write: Callable[[Any, Path], Any]
    read: Callable[[Any], Any]


def _write_ours(value: Any, folder: Path) -> Any:
    # Each task writes to a folder of its own.
    producer = Producer(dag_id="bench", run_id=str(next(_numbers)), task_id="write")
    return Exchange(f"file://{folder}").put(value, name="value", producer=producer).to_wire()


def _read_ours(wire: Any) -> Any:
    return Exchange("file:///nowhere").get(ArtifactRef.from_wire(wire))


def _write_backend(value: Any, folder: Path) -> Any:
    from airflow.providers.common.io.xcom.backend import XComObjectStorageBackend

    # The provider reads its settings once.
    assert folder.is_relative_to(os.environ["AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH"].removeprefix("file://"))
    return XComObjectStorageBackend.serialize_value(value, key="x", task_id="t", dag_id="bench", run_id=folder.name)


def _read_backend(text: Any) -> Any:
    from airflow.providers.common.io.xcom.backend import XComObjectStorageBackend

    return XComObjectStorageBackend.deserialize_value(SimpleNamespace(value=text))


def _dump_pickle(value: Any, path: Path) -> None:
    with path.open("wb") as file:
        pickle.dump(value, file, protocol=5)


def _load_pickle(path: Path) -> Any:
    with path.open("rb") as file:
        return pickle.load(file)


def _by_path(name: str, dump: Callable[[Any, Path], Any], load: Callable[[Path], Any]) -> Contender:
    def write(value: Any, folder: Path) -> Path:
        path = folder / "value.npy"
        dump(value, path)
        return path

    return Contender(name=name, write=write, read=load)


OURS = Contender(name="airflow-linepipe", write=_write_ours, read=_read_ours)
BACKEND = Contender(name="XComObjectStorageBackend", write=_write_backend, read=_read_backend)
FEATHER = _by_path(
    "feather, memory-mapped",
    lambda value, path: feather.write_feather(value, path, compression="uncompressed"),
    lambda path: feather.read_feather(path, memory_map=True),
)
PICKLE = _by_path("pickle protocol 5", _dump_pickle, _load_pickle)
PARQUET = _by_path("Parquet", lambda value, path: value.to_parquet(path), pd.read_parquet)
JOBLIB = _by_path("joblib", joblib.dump, joblib.load)
ARRAY = _by_path("numpy.save", lambda value, path: np.save(path, value), np.load)
