"""Writes artifacts in forked children, each killed with SIGKILL at a given moment.

A process of its own (`Writers`) has imported everything and started no thread when it forks, so that a child takes
milliseconds. The values are here as well, for those who read them back.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import pandas as pd

from airflow_linepipe.handoff import ArtifactRef, Exchange, Producer, open_store


class Model:
    """What a trained model looks like to pickle: parameters, and large arrays that stand beside the pickle."""

    def __init__(self) -> None:
        self.parameters = {"alpha": 0.5, "classes": ["late", "in time"]}
        self.weights = np.random.default_rng(4).normal(size=(400, 400))


def _frame() -> pd.DataFrame:
    random = np.random.default_rng(1)
    columns = {f"c{number}": random.normal(size=40_000) for number in range(8)}
    return pd.DataFrame({**columns, "carrier": random.choice(["UA", "AA", "B6", "DL"], 40_000)})


def _array() -> np.ndarray:
    return np.random.default_rng(2).normal(size=(700, 700))


def _records() -> list[dict[str, Any]]:
    return [{"n": number, "late": number % 7 * 0.5, "carrier": "UA"} for number in range(8_000)]


VALUES: dict[str, Callable[[], Any]] = {
    "frame": _frame,
    "array": _array,
    "json": _records,
    "pickle": Model,
    "bundle": lambda: {"features": _frame().head(20_000), "weights": _array()[:300], "n": 1},
}
# More than s3fs sends in one request.
LARGE = {"large": lambda: np.random.default_rng(3).integers(0, 256, 33 * 2**20, dtype="u1")}


def equal(left: Any, right: Any) -> bool:
    """Whether two of these values are the same."""
    if type(left) is not type(right):
        return False
    match left:
        case pd.DataFrame():
            return left.equals(right) and left.dtypes.equals(right.dtypes)
        case np.ndarray():
            return left.dtype == right.dtype and np.array_equal(left, right)
        case dict():
            return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
        case Model():
            return equal(vars(left), vars(right))
    return left == right


@dataclass(frozen=True)
class Outcome:
    """What a child got done: how long its whole write took, and its reference, if it came to that."""

    seconds: float | None
    reference: ArtifactRef | None


class Writers:
    """The process that forks the writers.

    Args:
        storage: Where they write.
        folder: The folder of their temporary files.
        s3: How s3fs reaches the storage, if it is one on S3.
    """

    def __init__(self, storage: str, folder: Path, s3: dict[str, Any] | None = None) -> None:
        here = Path(__file__).parent
        code = "import sys, killed_writer; killed_writer.serve(*sys.argv[1:])"
        path = os.pathsep.join([str(here), str(here.parents[1])])
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, storage, json.dumps(s3)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(folder), "OPENBLAS_NUM_THREADS": "1"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def write(self, kind: str, producer: Producer, *, killed_after: float | None = None) -> Outcome:
        """Let a child write a value, and kill it so many seconds after it has begun, or when it has the reference."""
        job = {"kind": kind, "task_id": producer.task_id, "try_number": producer.try_number, "delay": killed_after}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert answer["signal"] == signal.SIGKILL
        wire = answer["wire"]
        return Outcome(answer["seconds"], wire and ArtifactRef.from_wire(wire))


def producer_of(task_id: str, try_number: int = 1) -> Producer:
    """Who writes here."""
    return Producer(dag_id="killed", run_id="r", task_id=task_id, try_number=try_number)


def serve(storage: str, s3: str) -> None:
    """Fork a writer for each job on the standard input."""
    _import_everything()
    values = {kind: make() for kind, make in {**VALUES, **LARGE}.items()}
    exchange = Exchange(storage, open_store=_opened(json.loads(s3)))
    # A fork loses every other thread; this one, pyarrow's allocator starts again.
    others = {task / "comm" for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid())}
    assert {name.read_text() for name in others} <= {"jemalloc_bg_thd\n"}
    for line in sys.stdin:
        print(json.dumps(_fork(json.loads(line), values, exchange)), flush=True)


def _fork(job: dict[str, Any], values: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            _write(job, values[job["kind"]], exchange, writing)
        except BaseException:  # noqa: BLE001  (nothing may get back to the loop above)
            traceback.print_exc()
        os._exit(1)
    os.close(writing)
    with open(reading, "rb", buffering=0) as pipe:  # noqa: PTH123  (a descriptor)
        begun = pipe.read(1)
        told = b""
        if begun and job["delay"] is None:
            told = pipe.readline()
        elif begun:
            time.sleep(job["delay"])  # the moment to be killed at
        os.kill(child, signal.SIGKILL)
        told += _rest(pipe)
    _, status = os.waitpid(child, 0)
    return {"signal": os.WTERMSIG(status), **(json.loads(told) if told else {"wire": None, "seconds": None})}


def _write(job: dict[str, Any], value: Any, exchange: Exchange, pipe: int) -> None:
    producer = producer_of(job["task_id"], job["try_number"])
    os.write(pipe, b".")
    started = time.perf_counter()
    reference = exchange.put(value, name="x", producer=producer)
    seconds = time.perf_counter() - started
    # Less than PIPE_BUF: it arrives as a whole or not at all.
    os.write(pipe, json.dumps({"wire": reference.to_wire(), "seconds": seconds}).encode() + b"\n")
    signal.pause()


def _rest(pipe: BinaryIO) -> bytes:
    return b"".join(iter(lambda: pipe.read(1 << 16), b""))


def _opened(s3: dict[str, Any] | None) -> Callable[[str], Any]:
    if s3 is None:
        return open_store

    def open_s3(uri: str) -> tuple[Any, str]:
        import s3fs

        return s3fs.S3FileSystem(**s3), uri.removeprefix("s3://")

    return lambda uri: open_store(uri, open_s3)


def _import_everything() -> None:
    """What the first write would import, which is not what is killed here."""
    import blake3  # noqa: F401
    import pyarrow.ipc  # noqa: F401
    import s3fs  # noqa: F401

    from airflow_linepipe.handoff import CodecRegistry

    for value in ({"a": 1}, np.arange(3), {"a": np.arange(3)}, pd.DataFrame({"a": [1], "b": ["x"]})):
        CodecRegistry().encode(value)
