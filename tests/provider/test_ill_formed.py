"""Ill-formed pipelines and options, each in a DAG file of its own: an import error in one sentence, and no DAG."""

from __future__ import annotations

import pytest

PRELUDE = """
import threading
from airflow.sdk import DAG
from linepipe.node import Node
from linepipe.pipeline import Pipeline
from airflow_linepipe import AirflowConnection, LinepipeDag, LinepipeTaskGroup, NodeOptions

def load(): return [1]
def clean(rows): return rows
def split(rows): return rows, rows
def fit(train, test): return train
def save(model): return None
async def wait(rows): return rows
def stream(rows): yield rows

nodes = [
    Node(load, [], ["rows"]), Node(clean, ["rows"], ["table"]), Node(split, ["table"], ["train", "test"]),
    Node(fit, ["train", "test"], ["model"]), Node(save, ["model"], []),
]
pipeline = Pipeline(nodes, config={"window": 5}, seed=1)
"""

PIPELINES = {
    'Pipeline([Node(clean, ["rwos"], ["table"])], rows=1)': (
        "Node 'clean': it reads 'rwos', which no earlier node outputs and which is no constant: did you mean 'rows'?"
    ),
    "Pipeline([nodes[1], nodes[0]])": (
        "Node 'clean': it reads 'rows', which no earlier node outputs and which is no constant: node 'load' "
        "outputs it, "
        "move that one up."
    ),
    'Pipeline([nodes[0], Node(load, [], ["rows"]), nodes[1]])': (
        "Node 'load': its output 'rows' replaces the one of node 'load' before any node has read it: rename "
        "one of them."
    ),
    'Pipeline([Node(split, ["rows"], ["a", "a"])], rows=1)': (
        "Node 'split': it names its output 'a' twice: give each output its own name."
    ),
    'Pipeline([Node(load, [], ["seed"])], seed=1)': (
        "Node 'load': its output 'seed' has the name of a runtime constant, which linepipe would keep and drop the "
        "output: rename one of them."
    ),
    'Pipeline([Node(load, [], ["config.rows"])])': (
        "Node 'load': its output 'config.rows' can never be read: linepipe looks it up in the config."
    ),
    'Pipeline([Node(clean, ["config.windwo"], ["x"])], config={"window": 5})': (
        "Node 'clean': it reads 'config.windwo', and config has no attribute or key 'windwo' (it has: window)."
    ),
    'Pipeline([Node(fit, ["rows"], ["x"])], rows=1)': (
        "Node 'fit': it takes (train, test) and its 1 input (rows) are passed by position: missing a "
        "required argument: "
        "'test'."
    ),
    'Pipeline([Node(wait, ["rows"], ["x"])], rows=1)': (
        "Node 'wait': it is an async function, which linepipe never awaits: wrap it in a plain function."
    ),
    'Pipeline([Node(stream, ["rows"], ["x"])], rows=1)': (
        "Node 'stream': it is a generator function, whose values can be read only once: return a list."
    ),
    'Pipeline(["load"])': "Item 0 of the pipeline is a str, not a linepipe Node.",
    'Pipeline([Node("load", [], ["x"])])': "Node 0 wraps a str, which cannot be called.",
    'Pipeline([Node(load, [], [""])])': "Node 'load': the output name '' is not a non-empty string.",
    "nodes": "Expected a linepipe Pipeline, not Node: write Pipeline([…]) around the nodes.",
    "pipeline + 3": "Expected a linepipe Pipeline, not TypeError (Can only combine two Pipelines, other "
    "is type: <class 'int'>).",
    "lambda: pipeline": "Expected a linepipe Pipeline, not function: if it makes the pipeline, call it.",
    "[]": "There is no pipeline: the list is empty.",
    "[pipeline, pipeline]": "The pipeline has 5 problems:",
    "[pipeline, Pipeline([Node(load, [], ['more'])], seed=2)]": (
        "The constant 'seed' has one value in pipeline 1 and another in pipeline 2: give both the same, or "
        "give it from "
        "outside with inputs={'seed': …}."
    ),
    'Pipeline([Node(clean, ["lock"], ["x"])], lock=threading.Lock())': (
        "'lock' is a live _thread.lock, which each reading of the DAG file would open anew: open it in the tasks that "
        "read it, with resources={'lock': AirflowConnection(…)} or an object of your own that has open()."
    ),
}

OPTIONS = {
    'granularity="chains"': "granularity='chains' is not known: did you mean 'chain'?",
    'granularity={"a": ["lod"]}': "granularity['a']: the pipeline has no step 'lod': did you mean 'load'?",
    'granularity={"a": "load"}': "granularity['a'] is 'load': give a list of step ids.",
    'granularity={"a": ["load"], "b": ["load"]}': (
        "granularity['b']: step 'load' stands in 'a' already: a step runs in one task."
    ),
    'granularity={"a b": ["load"]}': "granularity['a b']: that is no task id: use letters, digits, - and _ only.",
    'granularity={"ends": ["load", "fit"]}': (
        "granularity: the tasks 'ends' and 'clean' and 'split' would wait for each other: node 'clean' of "
        "'clean' needs "
        "node 'load' of 'ends', and node 'split' of 'split' needs node 'clean' of 'clean', and node 'fit' of "
        "'ends' needs "
        "node 'split' of 'split'. Put these nodes into one task, or into more."
    ),
    'granularity={"save": ["load"]}': (
        "granularity['save']: the step of this name runs in a task of its own: choose another name."
    ),
    'persist="some"': 'persist=\'some\' is not known: use "boundary" or "all".',
    'order="dat"': 'order=\'dat\' is not known: use "data" or "list".',
    'missing_config="skip"': 'missing_config=\'skip\' is not known: use "error" or "none".',
    'ephemeral=["modle"]': "ephemeral: no node outputs 'modle': did you mean 'model'?",
    "ephemeral=3": "ephemeral=3: give a list of names.",
    'resources={"conn": AirflowConnection("warehouse")}': (
        "'conn' is given as a resource, and no node reads it."
    ),
    'resources={"rows": "warehouse"}': (
        "resources['rows'] is a str: give an AirflowConnection, or an object with open()."
    ),
    'resources={"train": AirflowConnection("warehouse")}': (
        "Node 'split': it makes the resource 'train' and 'test': make them in two nodes."
    ),
    'inputs={"seeds": 1}': "'seeds' is given from outside, and no node reads it.",
    'inputs={"rows": 1}': "'rows' is given from outside, and no node reads it before node 'load' outputs it.",
    'inputs=["seed"]': "inputs=['seed']: give a dict whose keys are names.",
    'overrides={"config.windwo": "w"}': (
        "overrides['config.windwo']: no node reads such a value from config or constants: a run may replace nothing."
    ),
    'node_options={"fitt": NodeOptions(retries=1)}': "node_options['fitt']: there is no such task: did you mean 'fit'?",
    'granularity="pipeline", node_options={"fit": NodeOptions(retries=1)}': (
        "node_options['fit']: node 'fit' runs in the task 'pipeline': give them to that one."
    ),
    'storage="here"': "The storage 'here' is no URL: write /absolute/path, s3://bucket/prefix or the like.",
    "retires=1": "LinepipeDag takes no argument 'retires': did you mean 'retries'?",
}  # fmt: skip

CASES = {f"pipeline={text}": sentence for text, sentence in PIPELINES.items()} | {
    f"pipeline=pipeline, {text}": sentence for text, sentence in OPTIONS.items()
}


@pytest.mark.parametrize(("arguments", "sentence"), CASES.items(), ids=[*PIPELINES, *OPTIONS])
def test_an_ill_formed_pipeline_or_option_is_one_import_error_and_no_dag(tmp_path, arguments, sentence):
    from airflow.dag_processing.dagbag import DagBag

    file = tmp_path / "ill.py"
    file.write_text(f"{PRELUDE}\nLinepipeDag('ill', {arguments}, schedule=None)\n")
    bag = DagBag(str(tmp_path), bundle_name="dags-folder")
    assert bag.dags == {}
    (error,) = bag.import_errors.values()
    told = error.strip().split("\nairflow_linepipe.errors.")[-1]
    assert sentence in told
    assert told.endswith(sentence) or "problems:" in sentence
