"""LinepipeTaskGroup and LinepipeDag: a pipeline becomes tasks, with linepipe's values."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pipelines
import pytest
from airflow.sdk import DAG, TaskGroup, XComArg, task
from linepipe.node import Node, create_named_partial_function
from linepipe.pipeline import Pipeline
from linepipe.viz import draw_ascii_pipeline

from airflow_linepipe import LinepipeDag, LinepipeTaskGroup, NodeOptions, linepipe_task
from airflow_linepipe.errors import UnknownOutputError

START = datetime(2026, 1, 1, tzinfo=UTC)


def _dag(name: str) -> DAG:
    return DAG(name, schedule=None, start_date=START)


def _edges(dag: DAG) -> set[tuple[str, str]]:
    return {(one.task_id, other) for one in dag.tasks for other in one.downstream_task_ids}


def test_every_node_is_a_task_and_every_value_linepipes_own(run_dag):
    with _dag("group_values") as dag:
        group = LinepipeTaskGroup("g", pipeline=pipelines.tables)
    assert set(dag.task_ids) == {"g.frame", "g.split", "g.mutate", "g.total", "g.total__2"}
    assert set(group.outputs) == {"table", "evens", "odds", "length", "total", "odd_total"}
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("g.total") == 10
    assert run.value("g.mutate") == 5
    assert run.value("g.total__2") == 4
    assert run.value("g.split", "evens")["row"].tolist() == [0, 2, 4]
    assert run.value("g.split", "odds").index.tolist() == [1, 3]


def test_list_order_is_a_chain_and_data_order_is_not_and_the_values_are_the_same(run_dag):
    """R02."""
    values = []
    for order in ("list", "data"):
        with _dag(f"group_{order}") as dag:
            LinepipeTaskGroup("g", pipeline=pipelines.tables, order=order)
        chain = ["g.frame", "g.split", "g.mutate", "g.total", "g.total__2"]
        if order == "list":
            assert set(pairwise(chain)) <= _edges(dag)
            assert all(len(one.upstream_task_ids) <= 2 for one in dag.tasks)
        else:
            assert _edges(dag) == {
                ("g.frame", "g.split"),
                ("g.frame", "g.mutate"),
                ("g.frame", "g.total"),
                ("g.split", "g.total__2"),
            }
        run = run_dag(dag)
        assert run.state == "success"
        values.append([run.value(task_id) for task_id in ("g.mutate", "g.total", "g.total__2")])
    assert values[0] == values[1] == [5, 10, 4]


def test_a_writer_runs_once_leaves_no_xcom_and_keeps_its_place(run_dag, tmp_path):
    """R11."""
    path = str(tmp_path / "out.txt")
    pipeline = Pipeline(
        [
            Node(pipelines.frame, inputs=["rows"], outputs=["table"]),
            Node(pipelines.write, inputs=["table", "path"], outputs=[]),
            Node(pipelines.read, inputs=["path"], outputs=["text"]),
        ],
        rows=3,
        path=path,
    )
    with _dag("group_writer") as dag:
        LinepipeTaskGroup("g", pipeline=pipeline)
    assert ("g.write", "g.read") in _edges(dag)
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("g.read") == "3\n"
    assert not [key for key in run.xcoms if key[0] == "g.write"]


def test_named_partials_are_tasks_of_their_names_with_their_arguments(run_dag, tmp_path):
    """R19."""
    writers = {
        name: create_named_partial_function(pipelines.write, f"write_{name}", path=str(tmp_path / name))
        for name in ("one", "two")
    }
    pipeline = Pipeline(
        [
            Node(pipelines.frame, inputs=["rows"], outputs=["table"]),
            *[Node(writer, inputs=["table"], outputs=[]) for writer in writers.values()],
        ],
        rows=2,
    )
    with _dag("group_partials") as dag:
        LinepipeTaskGroup("g", pipeline=pipeline)
    assert {"g.write_one", "g.write_two"} < set(dag.task_ids)
    assert run_dag(dag).state == "success"
    assert [(tmp_path / name).read_text() for name in ("one", "two")] == ["2\n", "2\n"]


def test_inputs_from_other_tasks_and_templates_take_the_place_of_constants(run_dag):
    with _dag("group_inputs") as dag:

        @linepipe_task
        def two() -> int:
            return 2

        group = LinepipeTaskGroup("g", pipeline=pipelines.addition, inputs={"x": two()})
        words = Pipeline([Node(str.upper, inputs=["word"], outputs=["loud"])])
        LinepipeTaskGroup("w", pipeline=words, inputs={"word": "{{ dag.dag_id }}"})
        LinepipeTaskGroup("again", pipeline=pipelines.addition, inputs={"x": group["sum"], "y": group["sum"]})
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("g.add") == 5
    assert run.value("w.upper") == "GROUP_INPUTS"
    assert run.value("again.add") == 10


def test_groups_nest_and_one_pipeline_serves_many(run_dag):
    with _dag("group_nested") as dag, TaskGroup("outer"):
        first = LinepipeTaskGroup("first", pipeline=pipelines.addition)
        LinepipeTaskGroup("second", pipeline=pipelines.addition, inputs={"y": first["sum"]})
    run = run_dag(dag)
    assert run.value("outer.first.add") == 5
    assert run.value("outer.second.add") == 7


def test_a_pipeline_may_be_named_by_its_module():
    with _dag("group_target") as dag:
        LinepipeTaskGroup("g", pipeline="flights.pipeline:pipeline", inputs={"month": "2013-01"})
    assert "g.compute_features" in dag.task_ids


def test_arguments_go_to_the_group_to_every_task_or_to_one():
    with _dag("group_arguments") as dag:
        group = LinepipeTaskGroup(
            "g",
            pipeline=pipelines.tables,
            tooltip="five tables",
            retries=2,
            pool="small",
            default_args={"owner": "me"},
            node_options={"total__2": NodeOptions(retries=5, execution_timeout=timedelta(seconds=9))},
        )
    assert group.tooltip == "five tables"
    assert [one.retries for one in dag.tasks] == [2, 2, 2, 2, 5]
    assert {one.pool for one in dag.tasks} == {"small"}
    assert {one.owner for one in dag.tasks} == {"me"}
    assert dag.get_task("g.total__2").execution_timeout == timedelta(seconds=9)


def test_an_output_is_an_xcom_arg_and_an_unknown_one_is_an_error():
    with _dag("group_outputs"):
        group = LinepipeTaskGroup("g", pipeline=pipelines.tables)
    assert isinstance(group["evens"], XComArg)
    assert group["frame"].task_id == "g.frame"
    with pytest.raises(UnknownOutputError, match=r"no output 'evnes': did you mean 'evens'\?"):
        group["evnes"]


def test_the_drawing_is_the_documentation_unless_there_is_another():
    """R23: linepipe's own drawing, and every node a task of its own."""
    drawing = f"```text\n{draw_ascii_pipeline(pipelines.tables)}\n```"
    dag = LinepipeDag("group_drawn", pipeline=pipelines.tables, schedule=None)
    with dag:
        group = LinepipeTaskGroup("g", pipeline=pipelines.tables)
        documented = LinepipeTaskGroup("d", pipeline=pipelines.tables, doc_md="Five tables.")
    assert (dag.doc_md, group.doc_md, documented.doc_md) == (drawing, drawing, "Five tables.")
    assert {"g.total", "g.total__2"} < set(dag.task_ids)
    assert LinepipeDag("group_doc", pipeline=pipelines.tables, schedule=None, doc_md="Mine.").doc_md == "Mine."


def test_a_rebound_output_is_the_last_writers(run_dag):
    pipeline = Pipeline(
        [Node(pipelines.add, inputs=["x", "y"], outputs=["x2"]), Node(pipelines.add, ["x2", "y"], ["x2"])], x=1, y=2
    )
    with _dag("group_rebound") as dag:
        group = LinepipeTaskGroup("g", pipeline=pipeline)

        @linepipe_task
        def give(value: int) -> int:
            return value

        give(group["x2"])
    run = run_dag(dag)
    assert (run.value("g.add"), run.value("g.add__2"), run.value("give")) == (3, 5, 5)


def test_the_order_of_nodes_decides_and_not_that_of_addition():
    """R27: what is missing, doubled or in the wrong order is an error before there is a DAG."""
    with _dag("group_same") as one:
        LinepipeTaskGroup("g", pipeline=pipelines.tables)
    with _dag("group_same") as other:
        LinepipeTaskGroup("g", pipeline=Pipeline(list(pipelines.tables.nodes), config={"rows": 5}))
    assert _edges(one) == _edges(other)


def test_a_dag_in_one_line_has_the_users_file_and_every_dag_argument(run_dag):
    dag = LinepipeDag(
        "one_line",
        pipeline=pipelines.tables,
        schedule=None,
        start_date=START,
        tags=["x"],
        retries=3,
        node_options={"frame": NodeOptions(retries=0)},
    )
    assert dag.fileloc == __file__
    assert dag.tags == {"x"}
    assert {one.task_id: one.retries for one in dag.tasks} == {
        "frame": 0, "split": 3, "mutate": 3, "total": 3, "total__2": 3,
    }  # fmt: skip
    assert isinstance(dag["odd_total"], XComArg)
    assert dag["mutate"] is dag.get_task("mutate")
    with dag:

        @task
        def count(reference: dict) -> int:
            return reference["summary"]["rows"]

        count(dag["evens"])
    run = run_dag(dag)
    assert run.xcoms["count", -1, "return_value"] == 3


def test_a_value_that_was_never_made_is_missing_and_not_none(run_dag):
    """A trigger rule may start a task whose input's maker has failed."""

    def fail():
        raise ValueError

    seen = []
    pipeline = Pipeline([Node(fail, [], ["v"]), Node(repr, ["v"], ["w"])])
    with _dag("group_missing") as dag:
        options = NodeOptions(
            trigger_rule="all_done", on_failure_callback=lambda context: seen.append(str(context["exception"]))
        )
        LinepipeTaskGroup("g", pipeline=pipeline, node_options={"repr": options})
    assert run_dag(dag).state == "failed"
    assert seen == ["Node 'repr' reads 'v', and the task that makes it left no value."]


def test_the_dags_default_storage_holds_for_every_kind_of_task(run_dag, tmp_path):
    with DAG("group_storage", schedule=None, start_date=START, default_args={"storage": f"file://{tmp_path}"}) as dag:
        group = LinepipeTaskGroup("g", pipeline=pipelines.addition)

        @linepipe_task
        def same(value: int) -> int:
            return value

        same(group["sum"])
    run = run_dag(dag)
    assert run.value("same") == 5
    assert all(wire["uri"].startswith(f"file://{tmp_path}/") for wire in run.xcoms.values())


def test_a_dag_may_be_copied_and_cut_as_any_other():
    nodes = [Node(pipelines.add, ["x", "y"], ["a"]), Node(pipelines.add, ["a", "x"], ["b"])]
    single = (n for n in [1])  # no copy.deepcopy() takes it
    dag = LinepipeDag("group_copied", pipeline=Pipeline(nodes, x=1, y=single), schedule=None)
    copied = copy.deepcopy(dag)
    assert copied["b"].operator is copied.get_task("add__2") is not dag.get_task("add__2")
    assert copied.get_task("add").part.plan.constants["y"] is single
    assert set(dag.partial_subset("add__2", include_upstream=True).task_dict) == {"add", "add__2"}
