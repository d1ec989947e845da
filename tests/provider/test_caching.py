"""What tasks take of earlier runs, in DAGs run by ``dag.test()``."""

from __future__ import annotations

import logging

import pandas as pd
import pytest
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import Cache, LinepipeDag, NodeOptions, run

CALLS: list[str] = []


def load(rows):
    CALLS.append("load")
    return pd.DataFrame({"delay": range(rows)})


def clean(raw, window):
    CALLS.append("clean")
    return raw * window


def total(cleaned):
    CALLS.append("total")
    return int(cleaned.delay.sum())


def pipeline(rows=4, window=2):
    nodes = [
        Node(load, ["config.rows"], ["raw"]),
        Node(clean, ["raw", "config.window"], ["cleaned"]),
        Node(total, ["cleaned"], ["sum"]),
    ]
    return Pipeline(nodes, config={"rows": rows, "window": window})


def calls():
    made, CALLS[:] = [*CALLS], []
    return made


@pytest.fixture(autouse=True)
def _no_calls():
    CALLS.clear()


@pytest.mark.parametrize("granularity", ["node", "chain", "pipeline"])
def test_an_unchanged_pipeline_calls_nothing_in_its_second_run(granularity, run_dag):
    """R13."""
    dag = LinepipeDag("cached", pipeline=pipeline(), cache=True, granularity=granularity)
    last = "total" if granularity == "node" else {"chain": "load", "pipeline": "pipeline"}[granularity]
    first = run_dag(dag)
    assert (first.state, calls(), first.value(last, "sum" if granularity != "node" else "return_value")) == (
        "success",
        ["load", "clean", "total"],
        12,
    )
    second = run_dag(dag)
    assert (second.state, calls()) == ("success", [])
    print({k: v for k, v in second.xcoms.items()})
