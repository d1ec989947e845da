"""R26: linepipe's own tests, one by one, through Airflow; where ours differs on purpose, both sides are shown."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime

import pytest
from airflow.sdk import DAG
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag, LinepipeNodeOperator, LinepipeTaskGroup, load_artifact, read_run, run
from airflow_linepipe.errors import PlanError, UnsupportedValueError

START = datetime(2026, 1, 1, tzinfo=UTC)


class Forest:
    def __init__(self):
        self.trees = 40


class Settings:
    """An object with dicts and another object in it; ``vars()`` of one is the same as a dict."""

    def __init__(self):
        self.factor = 4
        self.levels = {"low": 20, "upper": {"bound": 60}}
        self.forest = Forest()
        self.limits = {"rows": 500}


either_config = pytest.mark.parametrize("config", [Settings(), vars(Settings())], ids=["object", "dict"])


def times(number: int, factor: int) -> int:
    return number * factor


def less_one(number: int) -> int:
    return number - 1


def together(*values):
    return values


def dag_of(name, pipeline, **arguments):
    return LinepipeDag(name, pipeline=pipeline, schedule=None, start_date=START, **arguments)


def dag_of_node(name, node, **arguments):
    with DAG(name, schedule=None, start_date=START) as dag:
        LinepipeNodeOperator(node=node, **arguments)
    return dag


@pytest.fixture
def cache(tmp_path):
    """The arguments of a pipeline with a persistent cache, whose shelf linepipe would open in a folder of its own."""
    return {"use_persistent_cache": True, "cache_storage_path": tmp_path / "cache" / "shelf"}


# tests/test_node.py


def test_one_output_is_what_the_function_returns(run_dag):
    """R26: upstream test_node_single_output: the returned value is the one output; ours is the return_value."""
    node = Node(times, inputs=["rows", "columns"], outputs=["cells"])
    done = run_dag(dag_of_node("upstream_single", node, inputs={"rows": 6, "columns": 9}))
    assert list(done.xcoms) == [("times", -1, "return_value")]
    assert done.xcoms["times", -1, "return_value"]["name"] == "cells"
    assert done.value("times") == node.run({"rows": 6, "columns": 9})["cells"] == 54


def test_several_outputs_are_the_returned_tuple_in_order(run_dag):
    """R26: upstream test_node_multiple_outputs: a tuple's items become the outputs; ours are an XCom each."""

    def bounds(middle):
        return middle - 3, middle + 3

    node = Node(bounds, inputs=["middle"], outputs=["low", "high"])
    done = run_dag(dag_of_node("upstream_multiple", node, inputs={"middle": 10}))
    assert {name: done.value("bounds", name) for name in ("low", "high")} == node.run({"middle": 10})
    assert (done.value("bounds", "low"), done.value("bounds", "high")) == (7, 13)


def test_a_node_without_outputs_runs_for_its_effect_and_leaves_nothing(run_dag):
    """R26: upstream test_node_no_outputs: the function runs and nothing is kept; ours leaves no XCom."""
    written = []

    def write(line):
        written.append(line)
        return len(written)

    done = run_dag(dag_of_node("upstream_writer", Node(write, inputs=["line"], outputs=[]), inputs={"line": "a"}))
    assert done.tasks["write", -1].state == "success"
    assert written == ["a"]
    assert not done.xcoms


def test_an_exception_names_its_node_and_stays_itself(run_dag):
    """R26: upstream test_node_exception_wrapped: a RuntimeError names the node; ours is the node's own, with a note."""
    mine, seen = LookupError("no such month"), []

    def find(month):
        raise mine

    node = Node(find, inputs=["month"], outputs=["flights"])
    with pytest.raises(RuntimeError, match="find"):
        node.run({"month": 13})
    dag = dag_of_node(
        "upstream_exception",
        node,
        inputs={"month": 13},
        on_failure_callback=lambda context: seen.append(context["exception"]),
    )
    assert run_dag(dag).tasks["find", -1].state == "failed"
    assert seen == [mine]
    assert mine.__notes__ == ["Raised in node 'find'."]


# tests/test_pipe_basic.py


def test_nodes_run_one_after_the_other_and_their_values_can_be_read_afterwards(run_dag, cache, tmp_path):
    """R26: upstream test_pipeline_simple_execution: the cache has both outputs; ours are in the run's storage."""
    nodes = [
        Node(times, inputs=["rows", "config.factor"], outputs=["area"]),
        Node(less_one, inputs=["area"], outputs=["inner"]),
    ]
    pipeline = Pipeline(nodes, config=Settings(), rows=8, **cache)
    dag = dag_of("upstream_simple", pipeline)
    done = run_dag(dag)
    assert dag.get_task("less_one").upstream_task_ids == {"times"}
    assert (done.value("times"), done.value("less_one")) == (32, 31)
    here = run(pipeline, storage=f"file://{tmp_path}/runs", quiet=True)
    again = read_run(f"file://{tmp_path}/runs", here.run_id)
    assert (again["area"], again["inner"]) == (32, 31)
    assert not (tmp_path / "cache").exists()


def test_added_pipelines_are_one_dag_and_stay_linepipes_own(run_dag, cache, tmp_path):
    """R26: upstream test_pipeline_addition: right reads what left makes; ours too, and the sum still runs."""
    left = Pipeline([Node(less_one, inputs=["rows"], outputs=["inner"])], config={}, rows=9, **cache)
    right = Pipeline([Node(times, inputs=["inner", "width"], outputs=["area"])], config={}, width=5)
    both = left + right
    dag = dag_of("upstream_addition", both)
    assert dag.get_task("times").upstream_task_ids == {"less_one"}
    assert run_dag(dag).value("times") == 40
    assert not (tmp_path / "cache").exists()
    both.run()
    registry = both.get_obj_registry()
    try:
        assert registry.get("area") == 40
    finally:
        registry.close()


def test_one_output_of_two_pipelines_is_refused_in_a_sum_and_kept_apart_in_groups(run_dag):
    """R26: upstream test_pipeline_output_name_collision: `+` refuses; ours refuses one list, and groups keep both."""
    left = Pipeline([Node(less_one, inputs=["rows"], outputs=["count"])], config={}, rows=9)
    right = Pipeline([Node(less_one, inputs=["count"], outputs=["count"])], config={})
    with pytest.raises(ValueError, match="{'count'} are present in both"):
        left + right
    unread = Pipeline([*left.nodes, *left.nodes], rows=9)
    with pytest.raises(PlanError, match="its output 'count' replaces the one of node 'less_one' before any"):
        dag_of("upstream_collision", unread)
    with DAG("upstream_collision", schedule=None, start_date=START) as dag:
        first = LinepipeTaskGroup("first", pipeline=left)
        LinepipeTaskGroup("second", pipeline=right, inputs={"count": first["count"]})
    done = run_dag(dag)
    assert (done.value("first.less_one"), done.value("second.less_one")) == (8, 7)


CONFIG_PATHS = {
    "test_pipeline_config_nested_dict[object]": (Settings(), "config.levels.low", 19),
    "test_pipeline_config_deeply_nested[object]": (Settings(), "config.levels.upper.bound", 59),
    "test_pipeline_config_deeply_nested[dict]": (vars(Settings()), "config.levels.upper.bound", 59),
    "test_pipeline_config_nested_attr[object]": (Settings(), "config.forest.trees", 39),
    "test_pipeline_config_nested_attr[dict]": (vars(Settings()), "config.forest.trees", 39),
    "test_pipeline_config_mixed_attr_and_dict[object]": (Settings(), "config.limits.rows", 499),
    "test_pipeline_config_mixed_attr_and_dict[dict]": (vars(Settings()), "config.limits.rows", 499),
}


@pytest.mark.parametrize(("config", "path", "expected"), CONFIG_PATHS.values(), ids=CONFIG_PATHS)
def test_a_config_path_leads_through_attributes_and_keys(run_dag, cache, tmp_path, config, path, expected):
    """R26: upstream test_pipeline_config_nested_dict, _deeply_nested, _nested_attr, _mixed_attr_and_dict: the same."""
    pipeline = Pipeline([Node(less_one, inputs=[path], outputs=["less"])], config=config, **cache)
    assert run_dag(dag_of("upstream_config", pipeline)).value("less_one") == expected
    assert not (tmp_path / "cache").exists()


# tests/test_attrgetter.py


@either_config
def test_a_config_path_that_leads_nowhere_is_an_error_unless_none_is_wanted(run_dag, config):
    """R26: upstream test_config_missing_nested_key: None; ours is an error, and None with missing_config="none"."""
    pipeline = Pipeline([Node(together, inputs=["config.river.length"], outputs=["seen"])], config=config)
    problem = "'together': it reads 'config.river.length', and config has no attribute or key 'river'"
    with pytest.raises(PlanError, match=problem):
        dag_of("upstream_missing", pipeline)
    assert run_dag(dag_of("upstream_missing", pipeline, missing_config="none")).value("together") == (None,)


@either_config
def test_several_config_paths_keep_their_order(run_dag, config):
    """R26: upstream test_config_multiple_keys: one getter reads two paths; in ours one node does."""
    paths = ["config.factor", "config.forest.trees"]
    pipeline = Pipeline([Node(together, inputs=paths, outputs=["seen"])], config=config)
    assert run_dag(dag_of("upstream_paths", pipeline)).value("together") == (4, 40)


@either_config
def test_one_of_several_config_paths_may_be_the_one_that_is_missing(run_dag, config):
    """R26: upstream test_config_multiple_keys_one_missing: a default for that one; ours is an error, or None for it."""
    paths = ["config.levels.upper.bound", "config.forest.age.mean"]
    pipeline = Pipeline([Node(together, inputs=paths, outputs=["seen"])], config=config)
    with pytest.raises(PlanError) as caught:
        dag_of("upstream_one_missing", pipeline)
    assert [(problem.node, problem.value) for problem in caught.value.problems] == [("together", paths[1])]
    done = run_dag(dag_of("upstream_one_missing", pipeline, missing_config="none"))
    assert done.value("together") == (60, None)


# tests/test_history.py


def test_a_run_records_where_inputs_came_from_and_the_outputs(run_dag, tmp_path):
    """R26: upstream test_pipeline_history_records_inputs_and_outputs: values; ours are sources and references."""
    nodes = [
        Node(times, inputs=["rows", "config.factor"], outputs=["area"]),
        Node(less_one, inputs=["area"], outputs=["inner"]),
    ]
    pipeline = Pipeline(nodes, config=Settings(), rows=3, track_history=True)
    done = run_dag(dag_of("upstream_history", pipeline))
    here = run(pipeline, storage=f"file://{tmp_path}", quiet=True)
    assert pipeline.history == []  # linepipe's own list is linepipe's
    steps = read_run(f"file://{tmp_path}", here.run_id).steps
    assert [(step.node, step.inputs) for step in steps.values()] == [
        ("times", {"rows": "constant", "config.factor": "config"}),
        ("less_one", {"area": "times"}),
    ]
    pipeline.run()
    for entry in pipeline.history:
        (output,) = entry["outputs"]
        assert done.xcoms[entry["node"], -1, "return_value"]["name"] == output
        assert done.value(entry["node"]) == load_artifact(steps[entry["node"]].outputs[output])
        assert done.value(entry["node"]) == entry["outputs"][output]


def test_what_a_run_left_does_not_change_with_its_inputs(run_dag):
    """R26: upstream test_pipeline_history_is_not_affected_by_later_mutation: snapshots; ours are stored values."""

    def count_up(counter):
        counter["value"] += 1
        return {"out": counter}

    shared = {"value": 6}
    nodes = [Node(count_up, inputs=["counter"], outputs=["up"]), Node(dict, inputs=["counter"], outputs=["same"])]
    pipeline = Pipeline(nodes, counter=shared)
    dag, here = dag_of("upstream_mutation", pipeline), run(pipeline, quiet=True)
    shared["value"] = 999
    done = run_dag(dag)
    here["up"]["out"]["value"] = 999
    for up, same in ((done.value("count_up"), done.value("dict")), (here["up"], here["same"])):
        assert up == {"out": {"value": 7}}
        assert same == {"value": 6}
    assert shared == {"value": 999}


def test_what_cannot_be_copied_is_handed_on_as_itself_inside_a_task_only(run_dag):
    """R26: upstream test_pipeline_history_non_deepcopyable_object: the lock itself; ours too, but not between tasks."""
    lock, seen = threading.Lock(), []

    def hold():
        return {"out": lock}

    def is_the_lock(held):
        return held["out"] is lock

    constant = Pipeline([Node(lambda key: key is lock, inputs=["key"], outputs=["same"])], key=lock)
    assert run(constant, quiet=True)["same"] is True
    with pytest.raises(PlanError, match="'key' is a live _thread.lock, which each reading of the DAG file would open"):
        dag_of("upstream_constant_lock", constant)
    pipeline = Pipeline([Node(hold, inputs=[], outputs=["held"]), Node(is_the_lock, inputs=["held"], outputs=["same"])])
    assert run(pipeline, quiet=True)["held"]["out"] is lock
    assert run_dag(dag_of("upstream_lock", pipeline, ephemeral=["held"])).value("is_the_lock") is True
    default_args = {"on_failure_callback": lambda context: seen.append(context["exception"])}
    done = run_dag(dag_of("upstream_lock_travels", pipeline, default_args=default_args))
    assert done.tasks["hold", -1].state == "failed"
    assert isinstance(seen[0], UnsupportedValueError)
    assert "Output 'held' of task 'hold'" in str(seen[0])
    assert "ephemeral=['held']" in str(seen[0])


# tests/test_memory_profile.py


def test_a_profiled_node_logs_its_memory_and_runs_once(run_dag, caplog):
    """R26: upstream test_mem_profile: a log line with ΔMem and Peak; ours is the same, and of a single call."""
    calls = []

    def count(rows, columns):
        calls.append(rows * columns)
        return calls[-1]

    nodes = [Node(count, inputs=["rows", "columns"], outputs=["cells"], profile=True)]
    pipeline = Pipeline(nodes, rows=5, columns=4)
    with caplog.at_level("INFO", logger="airflow_linepipe"):
        done = run_dag(dag_of("upstream_profile", pipeline))
    assert done.value("count") == 20
    assert calls == [20]
    assert len(re.findall(r"\[count\] ΔMem: -?\d+\.\d\d MiB \| Peak: -?\d+\.\d\d MiB", caplog.text)) == 1
    memory = run(pipeline, quiet=True).steps["count"].memory
    assert memory.peak >= memory.delta
