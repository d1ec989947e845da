"""linepipe's headline example, which passes an engine from node to node, on Airflow."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial

import pandas as pd
import pytest
from airflow.sdk import DAG
from linepipe.node import Node
from linepipe.pipeline import Pipeline
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from airflow_linepipe import AirflowConnection, LinepipeDag, LinepipeNodeOperator, run
from airflow_linepipe.errors import SettingError, UnknownOutputError

START = datetime(2026, 1, 1, tzinfo=UTC)


def create_db_engine(url):
    return create_engine(url, poolclass=NullPool)  # whoever makes it closes nothing, as in linepipe


def create_annotated_engine(url: str) -> Engine:
    return create_engine(url, poolclass=NullPool)  # whoever makes it closes nothing, as in linepipe


def fill(conn):
    pd.DataFrame({"a": [1, 2, 3]}).to_sql("numbers", conn, index=False, if_exists="replace")


def load_data(conn):
    return pd.read_sql("SELECT * FROM numbers", conn)


def total(data):
    return int(data["a"].sum())


def write_total(total, conn):
    pd.DataFrame({"total": [total]}).to_sql("totals", conn, index=False, if_exists="append")


@pytest.fixture
def pipeline(tmp_path):
    def make(create=create_db_engine):
        nodes = [
            Node(create, ["config.url"], ["conn"]),
            Node(fill, ["conn"], []),
            Node(load_data, ["conn"], ["data"]),
            Node(total, ["data"], ["total"]),
            Node(write_total, ["total", "conn"], []),
        ]
        return Pipeline(nodes, config={"url": f"sqlite:///{tmp_path / 'numbers.db'}"})

    return make


@pytest.fixture
def totals(tmp_path):
    def read():
        engine = create_engine(f"sqlite:///{tmp_path / 'numbers.db'}")
        try:
            return pd.read_sql("SELECT total FROM totals", engine)["total"].tolist()
        finally:
            engine.dispose()

    return read


dag_of = partial(LinepipeDag, schedule=None, start_date=START)


def test_linepipe_itself_writes_the_total(pipeline, totals):
    pipeline().run()
    assert totals() == [6]


def test_declared_the_engine_is_made_in_each_task_that_uses_it(pipeline, totals, run_dag):
    """R16."""
    dag = dag_of("ephemeral_declared", pipeline=pipeline(), ephemeral=["conn"])
    assert {task_id: sorted(task.upstream_task_ids) for task_id, task in dag.task_dict.items()} == {
        "fill": [],
        "load_data": ["fill"],
        "total": ["load_data"],
        "write_total": ["fill", "load_data", "total"],
    }
    assert run_dag(dag).state == "success"
    assert totals() == [6]
    with pytest.raises(UnknownOutputError, match="The output 'conn' is ephemeral"):
        dag["conn"]


def test_annotated_it_needs_no_declaration(pipeline, totals, run_dag):
    """R16, R22."""
    run = run_dag(dag_of("ephemeral_annotated", pipeline=pipeline(create_annotated_engine)))
    assert run.state == "success"
    assert {task_id for task_id, _ in run.tasks} == {"fill", "load_data", "total", "write_total"}
    assert totals() == [6]


def test_in_one_task_it_is_made_once(pipeline, totals, run_dag):
    """R16."""
    run = run_dag(dag_of("ephemeral_pipeline", pipeline=pipeline(), granularity="pipeline"))
    assert run.state == "success"
    assert totals() == [6]


@pytest.fixture
def warehouse(tmp_path, monkeypatch):
    connection = {"conn_type": "sqlite", "host": str(tmp_path / "numbers.db")}
    monkeypatch.setenv("AIRFLOW_CONN_NUMBERS", json.dumps(connection))


@pytest.mark.usefixtures("warehouse")
def test_an_airflow_connection_takes_the_place_of_its_maker(pipeline, totals, run_dag):
    """R16: the factory."""
    dag = dag_of("resource_connection", pipeline=pipeline(), resources={"conn": AirflowConnection("numbers")})
    assert set(dag.task_dict) == {"fill", "load_data", "total", "write_total"}
    assert dag.get_task("load_data").upstream_task_ids == {"fill"}
    assert run_dag(dag).state == "success"
    assert totals() == [6]


@pytest.mark.usefixtures("warehouse")
def test_a_single_operator_opens_one_too(run_dag):
    def first(conn, number):
        return conn.get_first("SELECT ?", parameters=(number,))[0]

    with DAG("resource_operator", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        LinepipeNodeOperator(
            node=Node(first, ["conn", "number"], ["same"]),
            inputs={"number": 7},
            resources={"conn": AirflowConnection("numbers", what="hook")},
        )
    assert run_dag(dag).value("first") == 7
    with pytest.raises(SettingError, match=r"LinepipeNodeOperator.partial\(\) takes no resources="):
        LinepipeNodeOperator.partial(task_id="first", node=Node(first, ["conn", "number"], ["same"]), resources={})


@pytest.mark.usefixtures("warehouse")
def test_the_hook_itself_may_be_had(run_dag):
    def first(conn):
        return conn.get_first("SELECT 7")[0]

    dag = dag_of(
        "resource_hook",
        pipeline=Pipeline([Node(first, ["conn"], ["seven"])]),
        resources={"conn": AirflowConnection("numbers", what="hook")},
    )
    assert run_dag(dag).value("first") == 7
    with pytest.raises(SettingError, match="AirflowConnection\\('numbers'\\): what='table' is not known"):
        AirflowConnection("numbers", what="table")


def test_a_connection_without_an_engine_says_so(monkeypatch, run_dag):
    monkeypatch.setenv("AIRFLOW_CONN_FILES", json.dumps({"conn_type": "fs", "extra": {"path": "/tmp"}}))
    with (
        pytest.raises(SettingError, match="The connection 'files' opens a FSHook, which makes no SQLAlchemy engine"),
        AirflowConnection("files").open(),
    ):
        pass


def test_undeclared_it_fails_with_the_ways_out(pipeline, run_dag):
    """R16."""
    seen = []
    default_args = {"on_failure_callback": lambda context: seen.append(context["exception"])}
    dag = dag_of("ephemeral_undeclared", pipeline=pipeline(), default_args=default_args)
    assert run_dag(dag).tasks["create_db_engine", -1].state == "failed"
    message = str(seen[0])
    assert "Output 'conn' of task 'create_db_engine'" in message
    assert "is a sqlalchemy.Engine, which cannot travel between tasks" in message
    assert "ephemeral=['conn'] makes it anew in each task that reads it, resources={'conn': AirflowConn" in message
    assert "granularity='pipeline' runs all nodes in one task" in message


@pytest.mark.parametrize("granularity", ["node", "chain", "pipeline"])
def test_the_local_runner_knows_it_too(pipeline, totals, granularity, tmp_path):
    storage = str(tmp_path / "runs")
    result = run(pipeline(), ephemeral=["conn"], granularity=granularity, storage=storage, persist="all", quiet=True)
    assert result["total"] == 6
    assert totals() == [6]
