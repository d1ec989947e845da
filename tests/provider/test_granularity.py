"""Several nodes in one task of a DAG: same values, less storage."""

from __future__ import annotations

from datetime import UTC, datetime

import pipelines
import pytest
from airflow.sdk import DAG
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag, LinepipeTaskGroup, NodeOptions, linepipe_task
from airflow_linepipe.errors import PlanError, SettingError

START = datetime(2026, 1, 1, tzinfo=UTC)
CHAIN = [
    Node(pipelines.frame, ["rows"], ["table"]),
    Node(pipelines.split, ["table"], ["evens", "odds"]),
    Node(len, ["evens"], ["even_count"]),
    Node(len, ["odds"], ["odd_count"]),
]


def chain(dag_id, **arguments):
    return LinepipeDag(dag_id, pipeline=Pipeline(CHAIN, rows=5), schedule=None, start_date=START, **arguments)


def keys(run):
    return {(task_id, key) for task_id, _, key in run.xcoms if key != "return_value"}


def test_a_chain_is_a_task_and_only_what_leaves_it_is_stored(run_dag):
    dag = chain("granularity_chain", granularity="chain")
    assert {task_id: task.downstream_task_ids for task_id, task in dag.task_dict.items()} == {
        "frame": {"len", "len__2"},
        "len": set(),
        "len__2": set(),
    }
    assert dag.get_task("frame").task_display_name == "frame: frame → split"
    run = run_dag(dag)
    assert run.state == "success"
    assert keys(run) == {("frame", "evens"), ("frame", "odds")}
    assert (run.value("len"), run.value("len__2")) == (3, 2)


def test_the_whole_pipeline_is_one_task_that_stores_its_results(run_dag):
    run = run_dag(chain("granularity_pipeline", granularity="pipeline"))
    assert set(run.tasks) == {("pipeline", -1)}
    assert keys(run) == {("pipeline", "even_count"), ("pipeline", "odd_count")}
    assert (run.value("pipeline", "even_count"), run.value("pipeline", "odd_count")) == (3, 2)


def test_named_groups_are_tasks_of_their_names(run_dag):
    dag = chain("granularity_named", granularity={"counts": ["len", "len__2"]}, retries=1)
    assert set(dag.task_dict) == {"frame", "split", "counts"}
    run = run_dag(dag)
    assert (run.value("counts", "even_count"), run.value("counts", "odd_count")) == (3, 2)


def test_everything_is_stored_when_all_is_to_be_kept(run_dag):
    run = run_dag(chain("granularity_all", granularity="pipeline", persist="all"))
    assert keys(run) == {("pipeline", name) for name in ("table", "evens", "odds", "even_count", "odd_count")}


def test_an_output_that_somebody_asks_for_leaves_its_task(run_dag):
    with DAG("granularity_asked", schedule=None, start_date=START) as dag:
        group = LinepipeTaskGroup("group", pipeline=Pipeline(CHAIN, rows=5), granularity="pipeline")

        @linepipe_task
        def size(table) -> int:
            return len(table)

        size(group["table"])
    run = run_dag(dag)
    assert run.value("size") == 5
    assert ("group.pipeline", "table") in keys(run)
    assert ("group.pipeline", "evens") not in keys(run)


def test_two_versions_of_a_name_pass_from_task_to_task(run_dag):
    nodes = [
        Node(lambda: 1, [], ["n"]),
        Node(lambda n: n + 1, ["n"], ["n"]),
        Node(lambda n: n * 10, ["n"], ["last"]),
    ]
    first = Node(lambda n: n * 100, ["n"], ["first"])
    pipeline = Pipeline([nodes[0], first, *nodes[1:]])
    granularity = {"makers": ["lambda", "lambda__3"], "readers": ["lambda__2", "lambda__4"]}
    dag = LinepipeDag(
        "granularity_rebound", pipeline=pipeline, granularity=granularity, schedule=None, start_date=START
    )
    run = run_dag(dag)
    assert keys(run) == {("makers", "n"), ("makers", "n@lambda"), ("readers", "first"), ("readers", "last")}
    assert (run.value("readers", "first"), run.value("readers", "last")) == (100, 20)


def test_a_task_of_writers_leaves_no_xcom(run_dag, tmp_path):
    nodes = [Node(lambda p: p.write_text("1"), ["path"], []), Node(lambda p: p.write_text("2"), ["path"], [])]
    pipeline = Pipeline(nodes, path=tmp_path / "written")
    run = run_dag(
        LinepipeDag("granularity_writers", pipeline=pipeline, granularity="chain", schedule=None, start_date=START)
    )
    assert run.state == "success"
    assert not run.xcoms
    assert (tmp_path / "written").read_text() == "2"


def test_options_go_to_tasks_and_a_node_that_has_some_is_no_part_of_a_chain():
    options = {"split": NodeOptions(retries=4)}
    dag = chain("granularity_options", granularity="chain", node_options=options)
    assert {task_id: task.retries for task_id, task in dag.task_dict.items()} == {
        "frame": 0,
        "split": 4,
        "len": 0,
        "len__2": 0,
    }
    with pytest.raises(SettingError, match="node_options\\['split'\\]: node 'split' runs in the task 'pipeline': give"):
        chain("granularity_options_lost", granularity="pipeline", node_options=options)


def test_a_grouping_that_cannot_be_is_refused_and_leaves_no_task():
    with DAG("granularity_cycle", schedule=None) as dag:
        with pytest.raises(PlanError, match="would wait for each other"):
            LinepipeTaskGroup("g", pipeline=Pipeline(CHAIN, rows=1), granularity={"ends": ["frame", "len"]})
        with pytest.raises(SettingError, match="granularity='chian' is not known: did you mean 'chain'"):
            LinepipeTaskGroup("h", pipeline=Pipeline(CHAIN, rows=1), granularity="chian")
    assert not dag.task_dict
