"""``make demo``: start Airflow, load three months of flights, see a model learn and serve, say what came of it.

Only ``dataops`` is triggered: it starts ``mlops``, and that ``mlops_update``. Everything lies in ``.demo`` under the
repository, anew with each start. With ``KEEP=1`` in the environment the UI stays up until Ctrl-C.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine

from airflow_linepipe.testing import StandaloneError
from demo.lifecycle import DAGS, find_failed, live, read_log_tail, start_airflow
from demo.model import read_months
from demo.progress import Progress
from demo.report import RunReport, decide_exit_status, find_artifacts, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_linepipe.testing import StandaloneAirflow
    from airflow_linepipe.testing.records import DagRunRecord

REPOSITORY = Path(__file__).resolve().parents[1]
MONTHS = ("2013-01", "2013-02", "2013-03")
INTERRUPTED = 130  # what a shell says of a program that Ctrl-C ended: 128 + SIGINT


def main() -> int:
    """Run the demo and return its exit status."""
    folder = REPOSITORY / ".demo"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        return _run(folder, dags=REPOSITORY / "dags")
    except StandaloneError as error:
        print(f"\n{error}")
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; Airflow is stopped.")
        return INTERRUPTED


def _run(folder: Path, *, dags: Path) -> int:
    home, warehouse = folder / "airflow", folder / "warehouse.db"
    print(f"Starting Airflow in {home} …", flush=True)
    began = time.monotonic()
    with start_airflow(home, dags=dags, warehouse=warehouse) as airflow:
        print(f"Airflow is up at {airflow.url} after {time.monotonic() - began:.0f} s.", flush=True)
        reports = [report for month in MONTHS for report in _run_month(airflow, month)]
        print(f"\n{render(reports, _read_months(warehouse))}")
        print(
            f"\nThe models: .venv/bin/mlflow server --port 5000 --backend-store-uri sqlite:///{home}/mlflow/mlflow.db"
        )
        for report in reports:
            for task in find_failed(report.tasks):
                named = f"{report.run.dag_id} {task.label} of {report.month}, try {task.try_number}"
                print(f"\nThe end of the log of {named}:\n{read_log_tail(airflow, report.run, task)}")
        if os.environ.get("KEEP") == "1":
            _keep_up(airflow)
    return decide_exit_status(reports)


def _run_month(airflow: StandaloneAirflow, month: str) -> list[RunReport]:
    """Trigger ``dataops`` for a month, and return what was done."""
    progress = Progress(sys.stdout)

    def show(unfinished: Sequence[DagRunRecord]) -> None:
        progress.show({f"{month} {run.dag_id}": airflow.tasks(run.dag_id, run.run_id) for run in unfinished})

    try:
        runs = live(airflow, lambda: _trigger(airflow, month), on_progress=show)
    finally:
        progress.close()
    return [
        RunReport(
            month=month,
            run=run,
            tasks=airflow.tasks(run.dag_id, run.run_id),
            artifacts=find_artifacts(airflow.xcoms(run.dag_id, run.run_id)),
        )
        for run in runs
    ]


def _trigger(airflow: StandaloneAirflow, month: str) -> None:
    arguments = ["dags", "trigger", DAGS[0], "--conf", json.dumps({"month": month}), "--run-id", f"demo__{month}"]
    print(f"$ {shlex.join(['airflow', *arguments])}", flush=True)
    outcome = airflow.run_cli(*arguments)
    if outcome.returncode:
        msg = f"The command failed with exit status {outcome.returncode}:\n{outcome.stdout}{outcome.stderr}"
        raise StandaloneError(msg)


def _read_months(warehouse: Path) -> list[dict[str, Any]]:
    engine = create_engine(f"sqlite:///{warehouse}")
    months = read_months(engine)
    engine.dispose()
    return months


def _keep_up(airflow: StandaloneAirflow) -> None:
    """Return at Ctrl-C, which is how this is meant to end."""
    print(f"\nThe UI stays up at {airflow.url}/dags until Ctrl-C.", flush=True)
    try:
        while True:
            airflow.check()
            time.sleep(1)
    except KeyboardInterrupt:
        print("\nStopping Airflow …", flush=True)


if __name__ == "__main__":
    sys.exit(main())
