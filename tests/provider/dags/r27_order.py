"""A pipeline that must not become a DAG; see test_real_airflow.py."""

from __future__ import annotations

import pipelines
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag

LinepipeDag(
    "r27_order",
    pipeline=Pipeline([Node(pipelines.add, ["b", "x"], ["c"]), Node(pipelines.add, ["x", "x"], ["b"])], x=1),
)
