"""Writers that many processes run at once, and the values that they write."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from airflow_linepipe.handoff import ArtifactRef, Exchange, Json, Producer

OUTPUTS = 20


@contextmanager
def processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that begin to work when all of them are there."""
    context = multiprocessing.get_context("forkserver")
    # None of them waits for the imports of the others.
    context.set_forkserver_preload(["pytest.__main__", "pandas", "blake3", "airflow_linepipe.handoff.codecs.arrow"])
    everybody = context.Barrier(count)
    with ProcessPoolExecutor(count, context, initializer=_wait_for, initargs=(everybody,)) as pool:
        yield pool


def value_of(task: int, output: int, try_number: int = 1) -> Any:
    """What a try of a task writes as one of its outputs: one of many kinds, and no two the same."""
    random = np.random.default_rng((task, output, try_number))
    number = float(random.normal())
    match output % 8:
        case 0:
            return pd.DataFrame({"a": random.normal(size=200), "b": [f"{number} {row}" for row in range(200)]})
        case 1:
            return random.normal(size=(100, 100))
        case 2:
            return {"number": number, "nested": [[task, output], {"try": try_number}]}
        case 3:
            return f"text {number} " * 100
        case 4:
            return random.bytes(1_000_000)
        case 5:
            return {"features": pd.DataFrame({"a": random.normal(size=50)}), "weights": random.normal(size=30)}
        case 6:
            return np.datetime64("2013-01-01") + np.arange(task + 1), {number}, frozenset([output])
        case _:
            return number


def producer_of(task: int, try_number: int = 1) -> Producer:
    """Who writes here."""
    return Producer(dag_id="many", run_id="r", task_id=f"group.task_{task}", try_number=try_number)


def write_task(storage: str, task: int, try_number: int = 1, written_as: int | None = None) -> list[dict[str, Json]]:
    """Write all the outputs of a task's try; ``written_as`` puts them where another try's outputs lie."""
    exchange = Exchange(storage)
    producer = producer_of(task, written_as or try_number)
    return [
        exchange.put(value_of(task, output, try_number), name=f"output_{output}", producer=producer).to_wire()
        for output in range(OUTPUTS)
    ]


def write_and_read_again_and_again(storage: str, task: int, try_number: int, times: int) -> list[dict[str, Json]]:
    """Write a try's outputs several times, each time reading them back while others write theirs."""
    exchange = Exchange(storage)
    for _ in range(times):
        wires = write_task(storage, task, try_number)
        for wire in wires:
            exchange.get(ArtifactRef.from_wire(wire))
    return wires


def _wait_for(everybody: Any) -> None:
    everybody.wait(timeout=120)
