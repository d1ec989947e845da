"""What a run leaves to be read afterwards: named outputs, and each task's inputs and outputs, also of a failed run."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pendulum
import pipelines
import pytest
from airflow.sdk import DAG
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag, LinepipeTaskGroup, load_artifact

START = pendulum.datetime(2026, 1, 1)


def split_rows(rows):
    return rows[:3], rows[3:], None, None


def short(rows):
    return rows[:3], rows[3:]


def fail(table):
    raise ValueError(len(table))


@pytest.mark.parametrize("granularity", ["node", "pipeline"])
def test_four_outputs_come_by_name_and_none_is_a_value(run_dag, granularity):
    """R34."""
    names = ["train", "test", "train_labels", "test_labels"]
    nodes = [Node(np.arange, ["size"], ["rows"]), Node(split_rows, ["rows"], names), Node(repr, names[2:3], ["told"])]
    dag = LinepipeDag(
        "four", pipeline=Pipeline(nodes, size=5), granularity=granularity, schedule=None, start_date=START
    )
    tasks = {name: dag[name].operator.task_id for name in [*names, "told"]}
    keys = {name: dag[name].key for name in tasks}
    run = run_dag(dag)
    assert run.state == "success"
    values = {name: run.value(task_id, keys[name]) for name, task_id in tasks.items()}
    assert (values["train"].tolist(), values["test"].tolist(), values["told"]) == ([0, 1, 2], [3, 4], "None")
    assert (values["train_labels"], values["test_labels"]) == (None, None)


def test_too_few_values_fail_the_task_with_the_counts(run_dag):
    """R34."""
    seen = []
    nodes = [Node(np.arange, ["size"], ["rows"]), Node(short, ["rows"], ["a", "b", "c"])]
    callback = {"on_failure_callback": lambda context: seen.append(str(context["exception"]))}
    dag = LinepipeDag("short", pipeline=Pipeline(nodes, size=5), schedule=None, start_date=START, default_args=callback)
    assert run_dag(dag).state == "failed"
    assert seen == ["Node 'short' returned 2 values, but 3 outputs were declared (a, b, c)."]


def test_every_named_output_of_a_run_is_read_in_another_process(run_dag):
    """R05: the references stand in Airflow's database, and need nothing else."""
    with DAG("read_again", schedule=None, start_date=START) as dag:
        group = LinepipeTaskGroup("g", pipeline=pipelines.tables)
    run = run_dag(dag)
    references = {name: run.xcoms[output.operator.task_id, -1, output.key] for name, output in group.outputs.items()}
    program = (
        "import json, sys; from airflow_linepipe import load_artifact\n"
        "values = {name: load_artifact(wire) for name, wire in json.load(sys.stdin).items()}\n"
        "print(json.dumps({name: getattr(value, 'shape', value) for name, value in values.items()}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(references), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "table": [5, 2], "evens": [3, 2], "odds": [2, 2], "length": 5, "total": 10, "odd_total": 4,
    }  # fmt: skip


def test_inputs_and_outputs_of_each_task_can_be_seen_afterwards_also_of_a_failed_run(run_dag):
    """R18: what a task was handed are its rendered fields, what it left its XComs."""
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.utils.session import create_session
    from sqlalchemy import select

    nodes = [Node(pipelines.frame, ["rows"], ["table"]), Node(fail, ["table"], ["never"])]
    run = run_dag(LinepipeDag("failed_record", pipeline=Pipeline(nodes, rows=4), schedule=None, start_date=START))
    assert run.state == "failed"
    made = run.xcoms["frame", -1, "return_value"]
    assert made["summary"] == {"rows": 4, "columns": {"row": "int64", "even": "bool"}}
    with create_session() as session:
        query = select(RenderedTaskInstanceFields).where(RenderedTaskInstanceFields.run_id == run.run_id)
        handed = {row.task_id: row.rendered_fields["inputs"] for row in session.scalars(query)}
    assert handed == {"frame": {}, "fail": {"table": made}}


def test_a_run_leaves_its_results_and_nothing_else(run_dag, tmp_path):
    """R04: what was written on the way is gone, what the references lead to stays."""
    dag = LinepipeDag("left", pipeline=pipelines.tables, storage=f"file://{tmp_path}", schedule=None, start_date=START)
    run = run_dag(dag)
    references = [wire for wire in run.xcoms.values() if "uri" in wire]
    left = {f"file://{file}" for file in tmp_path.rglob("*") if file.is_file()}
    assert left == {wire["uri"] for wire in references}
    assert {type(load_artifact(wire)).__name__ for wire in references} == {"DataFrame", "int"}
