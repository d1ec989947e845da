"""RUN steps anywhere Python runs: bind inputs, call, hand over."""

from __future__ import annotations

from airflow_linepipe.runtime.outputs import name_outputs
from airflow_linepipe.runtime.references import load_references
from airflow_linepipe.runtime.runner import StepRun, run_plan

__all__ = ["StepRun", "load_references", "name_outputs", "run_plan"]
