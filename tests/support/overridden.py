"""What a run may set of a pipeline of one node, and what the node gets then."""

from __future__ import annotations

from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import run
from airflow_linepipe.plan import plan_overrides, plan_pipeline


def give(*values):
    return values


def outcome(*inputs, config=None, params=None, **constants):
    """What a node gets of its inputs."""
    pipeline = Pipeline([Node(give, list(inputs), ["got"])], config=config, **constants)
    return run(pipeline, params=params, quiet=True)["got"]


def overrides(*inputs, config=None, **constants):
    return plan_overrides(plan_pipeline(Pipeline([Node(give, list(inputs), [])], config=config, **constants)))
