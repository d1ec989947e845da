"""``python -m demo``: start Airflow, run the DAG ``dataops`` for two months, say what came of it.

Everything it makes lies in ``.demo`` under the repository and is used again by the
next start. With ``KEEP=1`` in the environment the UI stays up until Ctrl-C.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_linepipe.testing import StandaloneAirflow, StandaloneError
from demo.progress import Progress
from demo.report import MonthReport, count_warehouse_rows, decide_exit_status, find_artifacts, find_failed, render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_linepipe.testing.records import TaskRecord

REPOSITORY = Path(__file__).resolve().parents[1]
DAG_ID = "dataops"
MONTHS = ("2013-01", "2013-02")
INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended: 128 + SIGINT

_DAG_SECONDS = 120.0
_RUN_SECONDS = 900.0
_LOG_LINES = 40


def main() -> int:
    """Run the demo and return its exit status."""
    folder = REPOSITORY / ".demo"
    warehouse = folder / "warehouse.db"
    try:
        return _run(home=folder / "airflow", dags=REPOSITORY / "dags", warehouse=warehouse)
    except StandaloneError as error:
        print(f"\n{error}")
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; Airflow is stopped.")
        return INTERRUPTED


def _run(*, home: Path, dags: Path, warehouse: Path) -> int:
    # The URI form of a connection cannot hold an absolute path of SQLite's.
    connection = json.dumps({"conn_type": "sqlite", "host": str(warehouse)})
    print(f"Starting Airflow in {home} …", flush=True)
    began = time.monotonic()
    with StandaloneAirflow(home=home, dags=dags, environment={"AIRFLOW_CONN_WAREHOUSE": connection}) as airflow:
        print(f"Airflow is up at {airflow.url} after {time.monotonic() - began:.0f} s.", flush=True)
        airflow.wait_for_dag(DAG_ID, timeout=_DAG_SECONDS, tolerant=False)
        _refuse_import_errors(airflow.import_errors())
        for run_id in airflow.fail_unfinished_runs(DAG_ID):
            print(f"Gave up run {run_id}, which an earlier demo did not finish.")
        reports = _run_months(airflow)
        print()
        print(render(reports, warehouse=warehouse, rows=count_warehouse_rows(warehouse)))
        for report in reports:
            for task in find_failed(report.tasks):
                print(f"\n{_read_log_tail(airflow, report, task)}")
        if os.environ.get("KEEP") == "1":
            _keep_up(airflow)
    return decide_exit_status(reports)


def _refuse_import_errors(errors: Mapping[str, str]) -> None:
    if errors:
        told = "\n\n".join(f"{name} cannot be imported:\n{text}" for name, text in errors.items())
        raise StandaloneError(told)


def _run_months(airflow: StandaloneAirflow) -> list[MonthReport]:
    """Trigger a run for each month, wait for all of them and return what they did."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    run_ids = {month: f"demo__{month}__{stamp}" for month in MONTHS}
    for month, run_id in run_ids.items():
        _trigger(airflow, month, run_id)

    progress = Progress(sys.stdout)

    def show(_: Sequence[TaskRecord]) -> None:
        progress.show({month: airflow.tasks(DAG_ID, run_id) for month, run_id in run_ids.items()})

    try:
        runs = {
            month: airflow.wait(DAG_ID, run_id, timeout=_RUN_SECONDS, on_progress=show)
            for month, run_id in run_ids.items()
        }
    finally:
        progress.close()
    return [
        MonthReport(
            month=month,
            run=run,
            tasks=airflow.tasks(DAG_ID, run.run_id),
            artifacts=find_artifacts(airflow.xcoms(DAG_ID, run.run_id)),
        )
        for month, run in runs.items()
    ]


def _trigger(airflow: StandaloneAirflow, month: str, run_id: str) -> None:
    arguments = ["dags", "trigger", DAG_ID, "--conf", json.dumps({"month": month}), "--run-id", run_id]
    print(f"$ {shlex.join(['airflow', *arguments])}", flush=True)
    outcome = airflow.run_cli(*arguments)
    if outcome.returncode:
        msg = f"The command failed with exit status {outcome.returncode}:\n{outcome.stdout}{outcome.stderr}"
        raise StandaloneError(msg)


def _read_log_tail(airflow: StandaloneAirflow, report: MonthReport, task: TaskRecord) -> str:
    log = airflow.log(DAG_ID, report.run.run_id, task.task_id, try_number=task.try_number, map_index=task.map_index)
    tail = "\n".join(log.splitlines()[-_LOG_LINES:])
    return f"The end of the log of {task.label} of {report.month}, try {task.try_number}:\n{tail}"


def _keep_up(airflow: StandaloneAirflow) -> None:
    """Return at Ctrl-C, which is how this is meant to end."""
    print(f"\nThe UI stays up at {airflow.url}/dags/{DAG_ID} until Ctrl-C.", flush=True)
    try:
        while True:
            airflow.check()
            time.sleep(1)
    except KeyboardInterrupt:
        print("\nStopping Airflow …", flush=True)


if __name__ == "__main__":
    sys.exit(main())
