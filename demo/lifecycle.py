"""The three DAGs on an Airflow of their own: something starts the first, and each starts the next."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_linepipe.testing import StandaloneAirflow, StandaloneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from airflow_linepipe.testing.records import DagRunRecord, TaskRecord

DAGS = ("dataops", "mlops", "mlops_update")

_DAG_SECONDS = 120.0
_MONTH_SECONDS = 1200.0
_LOG_LINES = 40


@contextmanager
def start_airflow(home: Path, *, dags: Path, warehouse: Path) -> Iterator[StandaloneAirflow]:
    """Run an Airflow that has read the three DAGs, for as long as the ``with`` block runs.

    Args:
        home: The folder that becomes AIRFLOW_HOME; the models are kept in it.
        dags: The DAGs folder.
        warehouse: The file of the SQLite database behind the connection ``warehouse``.

    Raises:
        StandaloneError: Airflow does not start, or a file of the DAGs folder cannot be imported.
    """
    # The URI form of a connection cannot hold an absolute path of SQLite's.
    connection = json.dumps({"conn_type": "sqlite", "host": str(warehouse)})
    with StandaloneAirflow(home=home, dags=dags, environment={"AIRFLOW_CONN_WAREHOUSE": connection}) as airflow:
        for dag_id in DAGS:
            airflow.wait_for_dag(dag_id, timeout=_DAG_SECONDS, tolerant=False)
        if errors := airflow.import_errors():
            told = "\n\n".join(f"{name} cannot be imported:\n{text}" for name, text in errors.items())
            raise StandaloneError(told)
        yield airflow


def live(
    airflow: StandaloneAirflow,
    start: Callable[[], None],
    *,
    on_progress: Callable[[Sequence[DagRunRecord]], None] | None = None,
) -> list[DagRunRecord]:
    """Start something, wait until all that follows from it is done, and return the runs that this took.

    Args:
        airflow: As `start_airflow` gives it.
        start: What starts the first run.
        on_progress: Called with the unfinished runs about twice a second.

    Returns:
        The finished runs, DAG by DAG; failed ones, too.

    Raises:
        StandaloneError: Something is still going on after twenty minutes.
    """
    before = {dag_id: len(airflow.runs(dag_id)) for dag_id in DAGS}
    start()
    airflow.settle(DAGS, timeout=_MONTH_SECONDS, on_progress=on_progress)
    return [run for dag_id in DAGS for run in airflow.runs(dag_id)[before[dag_id] :]]


def find_failed(tasks: Sequence[TaskRecord]) -> tuple[TaskRecord, ...]:
    """Return the tasks that failed themselves, not those that were not run because of it."""
    return tuple(task for task in tasks if task.state == "failed")


def read_log_tail(airflow: StandaloneAirflow, run: DagRunRecord, task: TaskRecord) -> str:
    """Return the end of the log of a task's last try."""
    log = airflow.log(run.dag_id, run.run_id, task.task_id, try_number=task.try_number, map_index=task.map_index)
    return "\n".join(log.splitlines()[-_LOG_LINES:])
