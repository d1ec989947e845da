"""Bad input gets one clear sentence, early: while the DAG file is read, or before the node's function is called."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pipelines
import pytest
from airflow.sdk import DAG
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag, LinepipeNodeOperator, LinepipeTaskGroup, NodeOptions, linepipe_task
from airflow_linepipe.errors import LinepipeError

START = datetime(2026, 1, 1, tzinfo=UTC)
ADD = Node(pipelines.add, ["x", "y"], ["sum"])


def _long(x):
    return x


_long.__name__ = "f" * 251


def _group(*nodes, group_id="g", inputs=None, options=None, arguments=None, config=None, **constants):
    return lambda: LinepipeTaskGroup(
        group_id,
        pipeline=Pipeline(list(nodes), config=config, **constants),
        inputs=inputs,
        node_options=options,
        **(arguments or {}),
    )


CASES = {
    "unknown input": (
        _group(ADD, x=1),
        "which is no constant: give it as a constant, or from outside with inputs={'y': …}.",
    ),
    "misspelt input": (_group(ADD, x=1, yy=1), "which is no constant: did you mean 'yy'?"),
    "missing config path": (
        _group(Node(pipelines.frame, ["config.deep.rows"], ["t"]), config={"deep": {"row": 1}}),
        "Node 'frame': it reads 'config.deep.rows', and config.deep has no attribute or key 'rows' (it has: row).",
    ),
    "id too long": (
        _group(Node(_long, ["x"], ["y"]), x=1),
        "its name has 251 characters and Airflow takes 250: rename.",
    ),
    "argument that is nearly the group's": (
        _group(ADD, x=1, y=2, arguments={"parent": 60}),
        "LinepipeTaskGroup takes no argument 'parent': did you mean 'parent_group'?",
    ),
    "too few arguments": (
        _group(Node(pipelines.add, ["x"], ["s"]), x=1),
        "Node 'add': it takes (a, b) and its 1 input (x) are passed by position: missing a required argument: 'b'.",
    ),
    "too many arguments": (_group(Node(pipelines.frame, ["x", "y"], ["t"]), x=1, y=2), "too many positional arguments"),
    "unknown keyword": (
        _group(ADD, x=1, y=2, arguments={"retires": 1}),
        "LinepipeTaskGroup takes no argument 'retires': did you mean 'retries'?",
    ),
    "unknown node in node_options": (
        _group(ADD, x=1, y=2, options={"ad": NodeOptions(retries=1)}),
        "node_options['ad']: there is no such task: did you mean 'add'?",
    ),
    "unknown option": (
        lambda: NodeOptions(retrys=1),
        "NodeOptions takes no argument 'retrys': did you mean 'retries'?",
    ),
    "option that is the pipeline's": (
        lambda: NodeOptions(task_id="x"),
        "NodeOptions cannot set 'task_id': the pipeline decides it.",
    ),
    "input that nobody reads": (
        _group(ADD, x=1, y=2, inputs={"xx": 1}),
        "'xx' is given from outside, and no node reads it: did you mean 'x'?",
    ),
    "order": (
        _group(ADD, x=1, y=2, arguments={"order": "random"}),
        'order=\'random\' is not known: use "data" or "list".',
    ),
    "outputs that would be lost": (
        _group(ADD, x=1, y=2, arguments={"do_xcom_push": False}),
        "Node 'add': do_xcom_push=False would lose its outputs (sum).",
    ),
    "a decorated task's output named twice": (
        lambda: linepipe_task(pipelines.split, outputs=["a", "a"]),
        "linepipe_task: the output 'a' is named twice: give each output its own name.",
    ),
    "a decorated task's unknown keyword": (
        lambda: linepipe_task(pipelines.split, outptus=["a", "b"]),
        "linepipe_task takes no argument 'outptus': did you mean 'outputs'?",
    ),
    "an overridden task's output named twice": (
        lambda: linepipe_task(pipelines.split).override(outputs=["a", "a"])([1]),
        "linepipe_task: the output 'a' is named twice: give each output its own name.",
    ),
    "an overridden task's storage": (
        lambda: linepipe_task(pipelines.split).override(storage="here")([1]),
        "The storage 'here' is no URL: write /absolute/path, s3://bucket/prefix or the like.",
    ),
    "a decorated task's output named as Airflow's": (
        lambda: linepipe_task(pipelines.split, outputs=["a", "return_value"]),
        "linepipe_task: the output 'return_value' has the name of an XCom that Airflow keeps: rename it.",
    ),
    "options that are a dict": (
        _group(ADD, x=1, y=2, options={"add": {"retries": 1}}),
        "node_options['add'] is a dict: write NodeOptions(retries=2).",
    ),
    "a function that makes the pipeline": (
        lambda: LinepipeTaskGroup("g", pipeline=lambda: pipelines.addition),
        "Expected a linepipe Pipeline, not function: if it makes the pipeline, call it.",
    ),
    "no pipeline": (
        lambda: LinepipeTaskGroup("g", pipeline=[ADD]),
        "Expected a linepipe Pipeline, not Node: write Pipeline([…]) around the nodes.",
    ),
    "target without a colon": (
        lambda: LinepipeTaskGroup("g", pipeline="flights.pipeline"),
        "'flights.pipeline' names no object: write it as \"package.module:attribute\".",
    ),
    "target that is not there": (
        lambda: LinepipeTaskGroup("g", pipeline="flights.pipelines:pipeline"),
        "cannot be imported: there is no module 'flights.pipelines' on the Python path.",
    ),
    "storage without a scheme": (
        lambda: LinepipeTaskGroup("g", pipeline=pipelines.addition, storage="bucket/prefix"),
        "The storage 'bucket/prefix' is no URL",
    ),
    "storage of a file system that is not installed": (
        lambda: LinepipeTaskGroup("g", pipeline=pipelines.addition, storage="gs://bucket/prefix"),
        "The file system of the storage 'gs://bucket/prefix' is not installed: install apache-airflow-providers-google",
    ),
    "storage of an unknown scheme": (
        lambda: LinepipeNodeOperator(node=ADD, inputs={"x": 1, "y": 1}, storage="nope://x"),
        "has the scheme 'nope', which no installed file system takes.",
    ),
    "storage of a decorated task": (
        lambda: linepipe_task(pipelines.add, storage="nope://x"),
        "has the scheme 'nope', which no installed file system takes.",
    ),
    "no nodes": (
        lambda: LinepipeNodeOperator(node=[], task_id="x"),
        "There is no node to run: the list is empty.",
    ),
    "input missing from the operator": (
        lambda: LinepipeNodeOperator(node=ADD, inputs={"x": 1}),
        "which is no constant: give it as a constant, or from outside with inputs={'y': …}.",
    ),
    "output named as Airflow's": (
        lambda: LinepipeNodeOperator(node=Node(pipelines.split, ["t"], ["a", "return_value"]), inputs={"t": 1}),
        "Node 'split': its output 'return_value' has the name of an XCom that Airflow keeps: rename it.",
    ),
}


@pytest.mark.parametrize(("build", "sentence"), CASES.values(), ids=CASES)
def test_bad_input_is_refused_while_the_dag_file_is_read(build, sentence):
    with DAG("bad", schedule=None, start_date=START) as dag, pytest.raises((LinepipeError,)) as caught:
        build()
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not dag.task_dict or "do_xcom_push" in sentence


def test_an_id_too_long_with_its_groups_names_the_node():
    from airflow.sdk import TaskGroup

    nodes = [Node(pipelines.add, ["x", "y"], ["sum"])]
    with (
        DAG("bad", schedule=None, start_date=START) as dag,
        TaskGroup("o" * 100),
        pytest.raises(LinepipeError) as caught,
    ):
        LinepipeTaskGroup("g" * 148, pipeline=Pipeline(nodes, x=1, y=2))
    assert str(caught.value) == (
        "Node 'add': with its groups its task id has 253 characters and Airflow takes 250: "
        "shorten the function's or the group's name."
    )
    assert dag.task_dict == {}


def test_all_problems_of_a_pipeline_are_told_at_once():
    nodes = [Node(pipelines.add, ["x", "nope"], ["a"]), Node(pipelines.frame, ["config.rows"], ["t"])]
    with pytest.raises(LinepipeError) as caught:
        LinepipeDag("bad", pipeline=Pipeline(nodes, x=1), schedule=None)
    assert "The pipeline has 2 problems:" in str(caught.value)
    assert "'nope'" in str(caught.value)
    assert "'config.rows'" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "type_name"),
    [(threading.Lock(), "_thread.lock"), (lambda: None, "function"), ((n for n in range(3)), "generator")],
    ids=["lock", "function", "generator"],
)
def test_a_value_that_cannot_travel_names_node_output_type_and_what_to_do(run_dag, value, type_name):
    seen = []
    with DAG("unsupported", schedule=None, start_date=START) as dag:
        LinepipeNodeOperator(
            node=Node(lambda: value, [], ["live"]),
            task_id="make",
            on_failure_callback=lambda context: seen.append(context["exception"]),
        )
    assert run_dag(dag).state == "failed"
    text = str(seen[0])
    assert text.startswith("Output 'live' of task 'make' of DAG 'unsupported'")
    assert f" is a {type_name}, which cannot travel between tasks" in text
    assert f"return the data instead of the live object, or register a codec for {type_name}." in text


def test_a_storage_setting_that_cannot_be_used_fails_before_the_node_runs(run_dag, monkeypatch):
    monkeypatch.setenv("AIRFLOW__LINEPIPE__STORAGE", "gs://bucket")
    called, seen = [], []
    with DAG("bad_storage", schedule=None, start_date=START) as dag:
        LinepipeNodeOperator(
            node=Node(lambda: called.append(1), [], ["x"]),
            task_id="make",
            on_failure_callback=lambda context: seen.append(context["exception"]),
        )
    assert run_dag(dag).state == "failed"
    assert called == []
    assert "install apache-airflow-providers-google" in str(seen[0])


def test_pickles_are_refused_on_both_ends_when_the_setting_says_so(run_dag, monkeypatch):
    seen = []
    with DAG("no_pickle", schedule=None, start_date=START) as dag:
        LinepipeNodeOperator(
            node=Node(lambda: START.__class__.now, [], ["method"]),
            task_id="make",
            on_failure_callback=lambda context: seen.append(context["exception"]),
        )
    monkeypatch.setenv("AIRFLOW__LINEPIPE__ALLOW_PICKLE", "False")
    assert run_dag(dag).state == "failed"
    assert "[linepipe] allow_pickle is off" in str(seen[0])


@pytest.mark.parametrize("kind", ["decorated", "operator"])
def test_an_output_that_a_task_of_ours_does_not_declare_is_an_error_of_its_reader(kind):
    """A newcomer's find: Airflow hands None to whoever reads it."""

    @linepipe_task(outputs=["left", "right"])
    def two():
        return 1, 2

    @linepipe_task
    def use(value):
        return value

    with DAG("bad", schedule=None, start_date=START):
        node = Node(pipelines.split, ["t"], ["left", "right"])
        maker = two() if kind == "decorated" else LinepipeNodeOperator(task_id="two", node=node, inputs={"t": 1}).output
        with pytest.raises(LinepipeError) as caught:
            use(maker["lfet"])
        assert (
            str(caught.value) == "Task 'use' reads 'lfet' of task 'two', which has no such output: did you mean 'left'?"
        )
        with pytest.raises(LinepipeError, match="Task 'add' reads 'lfet' of task 'two', which has no such output"):
            LinepipeNodeOperator(node=ADD, inputs={"x": maker["lfet"], "y": maker["left"]})
        use(maker["left"])
        use(maker)
