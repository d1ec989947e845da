"""A pipeline that must not become a DAG; see test_real_airflow.py."""

from __future__ import annotations

import pipelines
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag

LinepipeDag("r03_unknown", pipeline=Pipeline([Node(pipelines.add, ["x", "nope"], ["sum"])], x=1))
