"""A storage on a real S3 server, reached through an Airflow connection."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pandas as pd
import pipelines
import pytest
import s3fs
from airflow.models.variable import Variable
from airflow.sdk import DAG
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeTaskGroup, linepipe_task, load_artifact, run
from airflow_linepipe.errors import ArtifactAlteredError, ArtifactNotFoundError, StorageUnavailableError
from airflow_linepipe.handoff import Producer
from airflow_linepipe.hooks.caching import SECRET_VARIABLE
from airflow_linepipe.hooks.handoff import open_exchange
from airflow_linepipe.hooks.storage import open_file_system

STORAGE = "s3://lp_s3@artifacts/a prefix"


@pytest.fixture
def bucket(s3_options, monkeypatch):
    connection = {
        "conn_type": "aws",
        "login": s3_options["key"],
        "password": s3_options["secret"],
        "extra": {**s3_options["client_kwargs"], "config_kwargs": s3_options["config_kwargs"]},
    }
    monkeypatch.setenv("AIRFLOW_CONN_LP_S3", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__LINEPIPE__STORAGE", STORAGE)
    return s3fs.S3FileSystem(**s3_options)


@pytest.mark.server
def test_values_travel_through_a_bucket_and_no_secret_stands_in_a_reference(bucket, s3_options, run_dag):
    with DAG("on_s3", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        group = LinepipeTaskGroup("g", pipeline=pipelines.tables)

        @linepipe_task
        def longest(evens: pd.DataFrame, odds: pd.DataFrame) -> int:
            return max(len(evens), len(odds))

        longest(group["evens"], group["odds"])
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("longest") == 3
    wire = run.xcoms["g.frame", -1, "return_value"]
    run_folder = run.run_id.replace(":", "~3A")
    assert wire["uri"] == f"{STORAGE}/on_s3/{run_folder}/g.frame/1/table.arrow"
    assert s3_options["secret"] not in json.dumps(list(run.xcoms.values()))

    key = f"artifacts/a prefix/on_s3/{run_folder}/g.frame/1/table.arrow"
    with bucket.open(key) as file:
        assert pd.read_feather(file)["row"].tolist() == [0, 1, 2, 3, 4]
    bucket.pipe_file(key, b"x" * wire["nbytes"])
    with pytest.raises(ArtifactAlteredError, match=r"task 'g\.frame' of DAG 'on_s3'.*try 1"):
        load_artifact(wire)
    bucket.rm_file(key)
    with pytest.raises(ArtifactNotFoundError, match=r"clear that task to make it again"):
        load_artifact(wire)


def _rows(count):
    return pd.DataFrame({"row": range(count)})


def _total(table):
    return int(table["row"].sum())


@pytest.mark.server
def test_a_cache_in_a_bucket_is_one_for_airflow_and_for_a_laptop(bucket, s3_options, run_dag, monkeypatch):
    def dag(dag_id):
        with DAG(dag_id, schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
            LinepipeTaskGroup("g", pipeline=pipeline, cache=True)
        return dag

    pipeline = Pipeline(
        [Node(_rows, ["config.rows"], ["table"]), Node(_total, ["table"], ["total"])], config={"rows": 4}
    )
    first, other = run_dag(dag("cached_on_s3")), run_dag(dag("cached_on_s3_too"))
    assert other.value("g._total") == first.value("g._total") == 6
    assert other.xcoms["g._rows", -1, "linepipe_cache"]["hit"]
    assert other.xcoms["g._rows", -1, "return_value"] == first.xcoms["g._rows", -1, "return_value"]

    # The laptop reaches the same bucket without the connection, and keeps Airflow's secret.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_options["key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_options["secret"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_options["client_kwargs"]["endpoint_url"])
    secret = Variable.get(SECRET_VARIABLE)
    storage = STORAGE.replace("lp_s3@", "")
    local = run(pipeline, storage=storage, cache=True, cache_secret=secret, name="laptop", quiet=True)
    assert [step.cached for step in local.steps.values()] == [True, True]
    assert local["total"] == 6
    assert not any(
        step.cached for step in run(pipeline, storage=storage, cache=True, name="stranger", quiet=True).steps.values()
    )

    # What is gone is made again.
    bucket.rm_file(first.xcoms["g._rows", -1, "return_value"]["uri"].replace("s3://lp_s3@", ""))
    again = run_dag(dag("cached_on_s3"))
    assert "is gone" in again.xcoms["g._rows", -1, "linepipe_cache"]["reason"]
    assert again.value("g._rows")["row"].tolist() == [0, 1, 2, 3]


def test_a_connection_for_a_scheme_that_no_provider_opens_is_an_error(airflow_db):
    with pytest.raises(StorageUnavailableError, match="names the connection 'mine', and no installed provider opens"):
        open_file_system("memory://mine@bucket/key")


def test_without_a_connection_any_file_system_of_fsspec_will_do(airflow_db):
    file_system, path = open_file_system("memory://bucket/key")
    assert (file_system.protocol, path) == ("memory", "/bucket/key")


@pytest.mark.server
def test_a_process_that_is_forked_off_another_reads_and_writes(bucket, airflow_db):
    producer = Producer(dag_id="forked", run_id="r", task_id="t")
    exchange = open_exchange()
    reference = exchange.put("content" * 100, name="x", producer=producer)
    assert exchange.get(reference) == "content" * 100
    child = os.fork()
    if not child:
        status = 3
        try:
            again = exchange.put("other" * 100, name="y", producer=producer)
            status = int(exchange.get(again) != "other" * 100)
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert exchange.get(reference) == "content" * 100


def test_a_connection_that_airflow_does_not_have_is_named(airflow_db):
    with pytest.raises(StorageUnavailableError, match="names the connection 'nope', and Airflow has none of this id"):
        open_file_system("s3://nope@bucket/key")
