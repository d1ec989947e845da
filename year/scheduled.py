"""The year on a real Airflow."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow_linepipe.testing import StandaloneError
from demo.lifecycle import find_failed, live, read_log_tail

if TYPE_CHECKING:
    from airflow_linepipe.testing import StandaloneAirflow
    from airflow_linepipe.testing.records import DagRunRecord


def live_month(airflow: StandaloneAirflow, month: str) -> str:
    """Tell Airflow that a month's files are there, wait until nothing is left to do, and say what was done.

    Args:
        airflow: As `demo.lifecycle.start_airflow` gives it.
        month: The month, as ``YYYY-MM``.

    Returns:
        The month, how long it took, and how many runs of which DAG.

    Raises:
        StandaloneError: A run has failed, or nothing was started.
    """
    began = time.monotonic()
    runs = live(airflow, lambda: airflow.emit("flight_files", extra={"month": month}))
    for run in runs:
        if run.state != "success":
            msg = f"{month}: {_explain(airflow, run)}"
            raise StandaloneError(msg)
    counts = Counter(run.dag_id for run in runs)
    if "dataops" not in counts:
        msg = f"{month}: its files have started no run of dataops."
        raise StandaloneError(msg)
    done = ", ".join(f"{dag_id} {count}" for dag_id, count in counts.items())
    return f"{month}  {time.monotonic() - began:5.0f} s  {done}"


def find_picture(airflow: StandaloneAirflow) -> str:
    """Tell where the picture is that the last run of ``mlops_update`` has drawn."""
    for run in reversed(airflow.runs("mlops_update")):
        reference: Any = airflow.xcom("mlops_update", run.run_id, "draw")
        return str(reference["uri"])
    return "none, because no champion has predicted a month yet"


def _explain(airflow: StandaloneAirflow, run: DagRunRecord) -> str:
    failed = find_failed(airflow.tasks(run.dag_id, run.run_id))
    tails = [f" at {task.label}:\n{read_log_tail(airflow, run, task)}" for task in failed[:1]]
    return f"run {run.run_id} of {run.dag_id} is {run.state}{''.join(tails)}"
