"""What handing a value over costs: written and read back on a local disk, in turns with the named others."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from flights.source import find_data_folder

from benchmarks.contenders import ARRAY, BACKEND, FEATHER, JOBLIB, OURS, PARQUET, PICKLE, Contender
from benchmarks.report import Row

__all__ = ["best_of", "local_storage", "measure", "numbers", "take_turns"]

ROUNDS = 3
# Of what takes a moment only.
MANY_ROUNDS = 31


def measure() -> list[Row]:
    """Every promise about one value on a local disk."""
    with local_storage():
        return [*_large_frame(), *_flights_frame(), *_small_values(), _array(), _forest(), _peak()]


def numbers(rows: int) -> pd.DataFrame:
    """16 columns of float64: 128 bytes a row."""
    return pd.DataFrame(np.random.default_rng(0).standard_normal((rows, 16)), columns=[f"c{i}" for i in range(16)])


def take_turns(
    value: Any, contenders: Sequence[Contender], *, rounds: int = ROUNDS
) -> Mapping[str, tuple[float, float]]:
    """The seconds of writing and of reading a value at each one's best, in turns: a slow moment meets all of them.

    The order of a round is drawn: what one leaves behind in memory makes it easier or harder for the next one.
    """
    draw = np.random.default_rng(0)
    taken: dict[str, list[tuple[float, float]]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for place in draw.permutation(len(contenders)):
            taken[contenders[place].name].append(_once(value, contenders[place]))
    return best_of(taken)


def best_of(taken: Mapping[str, Sequence[tuple[float, float]]]) -> Mapping[str, tuple[float, float]]:
    """The least seconds of writing and of reading, by contender; they need not be of one round."""
    return {name: (min(write for write, _ in pairs), min(read for _, read in pairs)) for name, pairs in taken.items()}


def _once(value: Any, contender: Contender) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(dir=os.environ["BENCH_STORAGE"]) as folder:
        # What the one before has left for the disk to write is not this one's.
        os.sync()
        gc.collect()
        started = perf_counter()
        token = contender.write(value, Path(folder))
        written = perf_counter()
        back = contender.read(token)
        read = perf_counter()
        del back
    return written - started, read - written


@contextmanager
def local_storage() -> Iterator[None]:
    """A folder on the local disk for the contenders, where Airflow's backend keeps its objects as well."""
    with tempfile.TemporaryDirectory(prefix="linepipe-bench-") as folder:
        os.environ["BENCH_STORAGE"] = folder
        os.environ["AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_PATH"] = f"file://{folder}"
        os.environ["AIRFLOW__COMMON_IO__XCOM_OBJECTSTORAGE_THRESHOLD"] = "0"
        yield


def _rows(what: str, seconds: Mapping[str, tuple[float, float]], bars: Mapping[str, float]) -> list[Row]:
    write, read = seconds[OURS.name]
    return [
        Row(
            name=f"{what}, written and read, against {name}",
            ours=f"{write:.2f} + {read:.2f} s",
            theirs=f"{theirs[0]:.2f} + {theirs[1]:.2f} s with {name}",
            ratio=(write + read) / sum(theirs),
            bar=bars.get(name, float("inf")),
        )
        for name, theirs in seconds.items()
        if name != OURS.name
    ]


def _large_frame() -> list[Row]:
    seconds = take_turns(numbers(4_000_000), [OURS, BACKEND, FEATHER, PICKLE, PARQUET])
    bars = {BACKEND.name: 1 / 30, FEATHER.name: 1.5, PICKLE.name: 1.25}
    return _rows("a frame of 4,000,000 by 16 float64 (512 MB)", seconds, bars)


def _flights_frame() -> list[Row]:
    flights = pd.read_csv(find_data_folder() / "flights.csv.zip")
    seconds = take_turns(flights, [OURS, BACKEND, FEATHER, PICKLE, PARQUET], rounds=MANY_ROUNDS)
    return _rows("the flights frame (336,776 rows, texts and numbers)", seconds, {BACKEND.name: 1 / 5})


def _small_values() -> list[Row]:
    def thousand(contender: Contender) -> Contender:
        return Contender(
            name=contender.name,
            write=lambda values, folder: [contender.write(value, folder) for value in values],
            read=lambda tokens: [contender.read(token) for token in tokens],
        )

    values = [{"key": "x" * 1000, "number": number} for number in range(1000)]
    seconds = take_turns(values, [thousand(OURS), thousand(BACKEND)], rounds=MANY_ROUNDS)
    return _rows("1,000 values of 1 KB", seconds, {BACKEND.name: 1.5})


def _array() -> Row:
    seconds = take_turns(np.random.default_rng(0).standard_normal(64_000_000), [OURS, ARRAY], rounds=5)
    return _rows("an array of 512 MB", seconds, {ARRAY.name: 1.3})[0]


def _forest() -> Row:
    from sklearn.ensemble import RandomForestRegressor

    draw = np.random.default_rng(0)
    features, target = draw.standard_normal((110_000, 4)), draw.standard_normal(110_000)
    forest = RandomForestRegressor(100, max_features=1, n_jobs=2, random_state=0).fit(features, target)
    return _rows("a scikit-learn forest of 1 GB", take_turns(forest, [OURS, JOBLIB], rounds=5), {JOBLIB.name: 1.3})[0]


# In a process of its own: the peak of a process never sinks, except by a word to the kernel.
_PEAK = """
import sys
from pathlib import Path
from benchmarks.handoff import numbers
from airflow_linepipe.handoff import Exchange, Producer

def field(name):
    return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if name in line)

exchange = Exchange(f"file://{sys.argv[1]}")
producer = Producer(dag_id="bench", run_id="r", task_id="t")
exchange.put(numbers(10), name="warm", producer=producer)
frame = numbers(4_000_000)
Path("/proc/self/clear_refs").write_text("5")
before = field("VmRSS")
exchange.put(frame, name="frame", producer=producer)
print((field("VmHWM") - before) / 1024)
"""


def _peak() -> Row:
    with tempfile.TemporaryDirectory(prefix="linepipe-bench-") as folder:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", _PEAK, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir()
    mebibytes = float(done.stdout)
    return Row(
        name="memory that writing the 512 MB frame takes besides it",
        ours=f"{mebibytes:.0f} MiB",
        theirs="nothing would be 0",
        ratio=mebibytes,
        bar=64,
        unit="MiB",
    )
