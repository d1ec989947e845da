"""The serialised DAG is the same in every process: no new DAG version without a change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

_PRINT_HASHES = """
import sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import LazyDeserializedDAG
for folder in sys.argv[1:]:
    bag = DagBag(folder, bundle_name="dags-folder")
    assert not bag.import_errors, bag.import_errors
    for dag_id, dag in sorted(bag.dags.items()):
        print("HASH", dag_id, LazyDeserializedDAG.from_dag(dag).hash)
"""

_TRICKY = """
from airflow.sdk import DAG
from airflow_linepipe import LinepipeCleanupOperator, LinepipeNodeOperator, LinepipeTaskGroup, Retention, linepipe_task
from linepipe.node import Node
from linepipe.pipeline import Pipeline

class Config:
    def __init__(self):
        self.deep = {"set": {"b", "a", "c"}, "object": object()}

class Engine: ...

class Odd(Retention): __repr__ = object.__repr__

def use(x, engine, deep): return x

with DAG("tricky", schedule=None) as dag:
    LinepipeTaskGroup("g", pipeline=Pipeline(
        [Node(lambda x, engine, deep: x, ["x", "engine", "config.deep"], ["y"])],
        config=Config(), engine=Engine(), x=1), retention=Odd(keep_runs=3))
    LinepipeTaskGroup("h", pipeline=Pipeline(
        [Node(lambda: 1, [], ["a", "b", "c"]), Node(use, ["a", "b", "c"], ["d"])]), temporary={"a", "b", "c"})
    LinepipeCleanupOperator(task_id="clean", temporary={"h.use": {"d", "e"}}).as_teardown()
    LinepipeNodeOperator.partial(
        task_id="mapped", node=Node(use, ["x", "engine", "config.deep"], ["y"]),
        config=Config(), constants={"engine": Engine()},
    ).expand(inputs=[{"x": 1}])
    linepipe_task(lambda x, e: x, task_id="decorated").partial(e=Engine).expand(x=[1, 2])
"""


def _hashes(seed: int, *folders: Path) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", _PRINT_HASHES, *map(str, folders)],
        env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT / "dags")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(line.split()[1:] for line in done.stdout.splitlines() if line.startswith("HASH"))


def test_every_dag_has_the_same_hash_in_two_processes(tmp_path):
    (tmp_path / "tricky_dag.py").write_text(_TRICKY)
    first, second = (_hashes(seed, ROOT / "dags", tmp_path) for seed in (1, 2))
    assert first == second
    assert {"dataops", "example_dag", "tricky"} <= first.keys()


def test_a_change_of_the_pipeline_changes_the_hash(tmp_path):
    hashes = []
    for outputs in ("['y']", "['y', 'z']"):
        (tmp_path / "tricky_dag.py").write_text(_TRICKY.replace('["y"])],', f"{outputs})],"))
        hashes.append(_hashes(1, tmp_path)["tricky"])
    assert hashes[0] != hashes[1]
