"""RUN steps anywhere Python runs: bind inputs, call, hand over."""

from __future__ import annotations

from airflow_linepipe.runtime.history import read_run
from airflow_linepipe.runtime.local import run
from airflow_linepipe.runtime.outputs import name_outputs, with_ways_out
from airflow_linepipe.runtime.references import load_references
from airflow_linepipe.runtime.result import RunResult, StepReport
from airflow_linepipe.runtime.runner import StepRun, run_plan

__all__ = [
    "RunResult",
    "StepReport",
    "StepRun",
    "load_references",
    "name_outputs",
    "read_run",
    "run",
    "run_plan",
    "with_ways_out",
]
