"""What the cache saves and costs: nodes not called, a cached task beside an empty one, a decision beside Hamilton's."""

from __future__ import annotations

import importlib
import json
import logging
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from linepipe.node import Node
from linepipe.pipeline import Pipeline

import airflow_linepipe
from airflow_linepipe.testing import StandaloneAirflow
from airflow_linepipe.testing.records import DagRunRecord
from benchmarks.report import Row
from benchmarks.turns import runs_in_turns

__all__ = ["measure"]

RERUNS = 3
BRANCHES = 7
LENGTH = 7
BESIDE = 10
DAGS = f"""
import os
import pendulum
from airflow.sdk import dag, task
from airflow_linepipe import LinepipeDag, LinepipeTaskGroup
from linepipe.node import Node
from linepipe.pipeline import Pipeline

START = pendulum.datetime(2026, 1, 1)
MARKS = os.path.join(os.environ["AIRFLOW_HOME"], "marks")

def mark():
    with open(MARKS, "a") as file:
        file.write("x")

def add_one(x):
    mark()
    return x + 1

def add_up(*numbers):
    mark()
    return sum(numbers)

def chain(name, length):
    return [Node(add_one, [f"{{name}}{{step}}"], [f"{{name}}{{step + 1}}"]) for step in range(length)]

branches = [f"branch{{number}}_" for number in range({BRANCHES})]
ends = [f"{{name}}{LENGTH}" for name in branches]
nodes = [node for name in branches for node in chain(name, {LENGTH})]
# Branches that began with the same number would be the same to the cache.
starts = {{f"{{name}}0": number + 0.5 for number, name in enumerate(branches)}}
fifty = Pipeline([*nodes, Node(add_up, ends, ["total"])], **starts)
LinepipeDag("fifty", pipeline=fifty, granularity="chain", cache=True, schedule=None, start_date=START)

@dag(schedule=None, start_date=START)
def beside():
    LinepipeTaskGroup("cached", pipeline=Pipeline(chain("x", {BESIDE}), x0=0), cache=True)
    @task
    def empty():
        pass
    last = empty()
    for _ in range({BESIDE - 1}):
        following = empty()
        last >> following
        last = following

beside()
"""
SLOW = 20
SLOW_SECONDS = 0.2
CHAIN = 200
ROUNDS = 9
FINGERPRINTS = """
import json, time
from flights.pipeline import NODES
from airflow_linepipe.fingerprint import fingerprint_function
taken = []
for _ in range(2):
    started = time.perf_counter()
    for node in NODES:
        fingerprint_function(node.func)
    taken.append((time.perf_counter() - started) / len(NODES))
print(json.dumps(taken))
"""


def measure() -> list[Row]:
    """Every promise about the cache."""
    for name in ("linepipe", "airflow_linepipe", "hamilton"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return [*_in_airflow(), _slow_nodes(), *_long_chain(), _fingerprints()]


def _in_airflow() -> list[Row]:
    """What runs again of unchanged DAGs on a real LocalExecutor, and how long its tasks take."""
    bodies: dict[str, list[int]] = {"fifty": [], "beside": []}
    seconds: dict[str, list[float]] = {"cached": [], "empty": []}
    for airflow, run in runs_in_turns(DAGS, [*bodies], rounds=1 + RERUNS):
        assert run.state == "success", f"{run.dag_id} ended as {run.state}"
        called = bodies[run.dag_id]
        called.append(_take_marks(airflow))
        if run.dag_id == "beside" and len(called) > 1:
            for kind, taken in _seconds_beside(airflow, run).items():
                seconds[kind] += taken
    nodes = BRANCHES * LENGTH + 1
    assert [called[0] for called in bodies.values()] == [nodes, BESIDE], f"first runs called {bodies}"
    assert sum(bodies["beside"][1:]) == 0, f"the cached tasks were none: {bodies}"
    cached, empty = (statistics.median(seconds[kind]) for kind in ("cached", "empty"))
    again = sum(bodies["fifty"][1:])
    return [
        Row(
            name=f"{nodes} unchanged nodes on a LocalExecutor, granularity 'chain', called in {RERUNS} more runs",
            ours=f"{again} called",
            theirs=f"{bodies['fifty'][0]} in the first run",
            ratio=again,
            bar=0,
            unit="calls",
        ),
        Row(
            name=f"run time of a cached task beside an empty one in the same run (median of {BESIDE * RERUNS})",
            ours=f"{1000 * cached:.0f} ms",
            theirs=f"{1000 * empty:.0f} ms with an empty @task",
            ratio=1000 * (cached - empty),
            bar=50,
            unit="ms more",
        ),
    ]


def _take_marks(airflow: StandaloneAirflow) -> int:
    """How many bodies have left a mark since this was asked last."""
    marks = Path(airflow.log_file.parent, "marks")
    count = marks.stat().st_size if marks.exists() else 0
    marks.write_text("")
    return count


def _seconds_beside(airflow: StandaloneAirflow, run: DagRunRecord) -> dict[str, list[float]]:
    """The run times of the group's tasks and of those beside it."""
    tasks = airflow.tasks(run.dag_id, run.run_id)
    taken = {
        kind: [task.seconds or 0.0 for task in tasks if task.task_id.startswith(kind)] for kind in ("cached", "empty")
    }
    assert {len(numbers) for numbers in taken.values()} == {BESIDE}, f"tasks {[task.task_id for task in tasks]}"
    return taken


def _slow_nodes() -> Row:
    def slow(x: float) -> float:
        time.sleep(SLOW_SECONDS)
        return x + 1

    nodes = [Node(slow, [f"x{number}"], [f"x{number + 1}"]) for number in range(SLOW)]
    with tempfile.TemporaryDirectory(prefix="linepipe-bench-") as folder:

        def run() -> airflow_linepipe.RunResult:
            return airflow_linepipe.run(Pipeline(nodes, x0=0.5), cache=True, storage=Path(folder).as_uri(), quiet=True)

        first = _seconds(run)
        again = statistics.median(_seconds(run) for _ in range(ROUNDS))
    return Row(
        name=f"{SLOW} unchanged nodes of {SLOW_SECONDS} s with the local runner, run again",
        ours=f"{1000 * again:.0f} ms",
        theirs=f"{first:.2f} s in the first run",
        ratio=100 * again / first,
        bar=3,
        unit="%",
    )


def _long_chain() -> list[Row]:
    """The same functions for both; what they have made before lies on disk, each in its own folder."""
    with tempfile.TemporaryDirectory(prefix="linepipe-bench-") as folder:
        module = _chain_module(Path(folder))
        storage = Path(folder, "ours").as_uri()
        theirs = Path(folder, "hamilton")
        contenders = (
            lambda: _run_ours(module, storage),
            lambda: _run_ours(module, f"{storage}-fused", granularity="chain"),
            lambda: _run_hamilton(module, theirs),
            lambda: _run_hamilton(module, theirs, in_memory=True),
        )
        ours, fused, default, in_memory = _medians(contenders)
    hamilton, setting = min((default, "as it comes"), (in_memory, "metadata in memory"))
    name = f"an unchanged chain of {CHAIN} nodes x + 1, decided by the local runner"
    return [
        Row(
            name=f"{name}{granularity}",
            ours=f"{1000 * taken:.0f} ms",
            theirs=f"{1000 * hamilton:.0f} ms with Hamilton's cache ({setting})",
            ratio=taken / hamilton,
            bar=bar,
        )
        for granularity, taken, bar in (("", ours, 1.0), (", granularity 'chain'", fused, math.inf))
    ]


def _chain_module(folder: Path) -> ModuleType:
    """A module of its own: Hamilton reads pipelines as modules, and code as source."""
    functions = ["def x0() -> int:\n    return 0\n"]
    functions += [
        f"def x{number}(x{number - 1}: int) -> int:\n    return x{number - 1} + 1\n" for number in range(1, CHAIN)
    ]
    Path(folder, "unchanged_chain.py").write_text("\n\n".join(functions))
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("unchanged_chain")
    finally:
        sys.path.remove(str(folder))


def _run_ours(module: ModuleType, storage: str, **options: Any) -> int:
    nodes = [Node(module.x0, [], ["x0"])]
    nodes += [Node(getattr(module, f"x{number}"), [f"x{number - 1}"], [f"x{number}"]) for number in range(1, CHAIN)]
    result = airflow_linepipe.run(Pipeline(nodes), cache=True, storage=storage, quiet=True, **options)
    return int(result[f"x{CHAIN - 1}"])


def _run_hamilton(module: ModuleType, folder: Path, *, in_memory: bool = False) -> int:
    """A new driver with what lies on disk; in memory, its metadata is read as a whole and not key by key."""
    from hamilton.caching.stores.memory import InMemoryMetadataStore
    from hamilton.caching.stores.sqlite import SQLiteMetadataStore
    from hamilton.driver import Builder

    store = InMemoryMetadataStore.load_from(SQLiteMetadataStore(path=str(folder))) if in_memory else None
    driver = Builder().with_modules(module).with_cache(path=str(folder), metadata_store=store).build()
    last = f"x{CHAIN - 1}"
    return int(driver.execute([last])[last])


def _medians(contenders: Sequence[Callable[[], int]]) -> list[float]:
    """The median time of each, measured in turns after a first run that fills its cache."""
    for run in contenders:
        assert run() == CHAIN - 1
    rounds = [[_seconds(run) for run in contenders] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def _seconds(function: Callable[[], Any]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def _fingerprints() -> Row:
    """In new processes, which know nothing of the code: the second time each function's bytecode has been read."""
    path = [str(Path(__file__).parents[1] / "dags"), str(Path(__file__).parents[1])]
    script = f"import sys; sys.path[:0] = {path!r}\n{FINGERPRINTS}"
    rounds = []
    for _ in range(ROUNDS):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        rounds.append(json.loads(done.stdout.splitlines()[-1]))
    cold, warm = (1000 * statistics.median(column) for column in zip(*rounds, strict=True))
    return Row(
        name="fingerprinting a node of the flights pipeline",
        ours=f"{cold:.2f} ms cold",
        theirs=f"{warm:.2f} ms warm",
        ratio=cold,
        bar=math.inf,
        unit="ms a node",
    )
