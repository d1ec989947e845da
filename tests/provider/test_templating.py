"""What Jinja renders in a task's arguments, and what it leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from airflow.sdk import DAG
from linepipe.node import Node

from airflow_linepipe import LinepipeNodeOperator, linepipe_task

START = datetime(2026, 1, 1, tzinfo=UTC)
TEMPLATE = "{{ dag.dag_id }} {{ nobody.knows_this }}"


def echo(x):
    return x


@linepipe_task
def keep(x):
    return x


@linepipe_task
def make(kind):
    return {"text": TEMPLATE, "list": [TEMPLATE], "list of dicts": [{"x": TEMPLATE}]}[kind]


@pytest.fixture
def dag():
    with DAG("templating", schedule=None, start_date=START) as dag:
        yield dag


def test_inputs_are_rendered_and_constants_and_config_are_not(dag, run_dag):
    LinepipeNodeOperator(task_id="input", node=Node(echo, ["x"], ["y"]), inputs={"x": "{{ dag.dag_id }}"})
    LinepipeNodeOperator(task_id="constant", node=Node(echo, ["x"], ["y"]), constants={"x": TEMPLATE})
    LinepipeNodeOperator(task_id="config", node=Node(echo, ["config.x"], ["y"]), config={"x": TEMPLATE})
    keep.override(task_id="item").expand(x=["{{ dag.dag_id }}"])
    run = run_dag(dag)
    assert run.value("input") == "templating"
    assert run.value("constant") == run.value("config") == TEMPLATE
    assert run.value("item", map_index=0) == "templating"


def test_a_value_that_looks_like_a_template_is_a_value(dag, run_dag):
    LinepipeNodeOperator(task_id="node", node=Node(echo, ["x"], ["y"]), inputs={"x": make("text")})
    keep.override(task_id="direct")(make("text"))
    keep.override(task_id="expand").expand(x=make("list"))
    keep.override(task_id="expand_kwargs").expand_kwargs(make("list of dicts"))
    LinepipeNodeOperator.partial(task_id="mapped_node", node=Node(echo, ["x"], ["y"])).expand(
        inputs=make("list of dicts")
    )
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("node") == run.value("direct") == TEMPLATE
    for task_id in ("expand", "expand_kwargs", "mapped_node"):
        assert run.value(task_id, map_index=0) == TEMPLATE
