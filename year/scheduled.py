"""The year on a real Airflow."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import create_engine

from airflow_linepipe.errors import StandaloneError
from airflow_linepipe.testing import StandaloneAirflow
from demo.model import read_months

if TYPE_CHECKING:
    from types import TracebackType

DAGS = ("dataops", "mlops", "mlops_update")

_DAG_SECONDS = 120.0
_MONTH_SECONDS = 1200.0


class ScheduledYear:
    """A real Airflow on which months arrive, while its ``with`` block runs.

    Args:
        home: The folder for Airflow, the warehouse and the models.
        dags: The DAGs folder.
    """

    def __init__(self, home: Path, *, dags: Path) -> None:
        # The URI form of a connection cannot hold an absolute path of SQLite's.
        connection = json.dumps({"conn_type": "sqlite", "host": str(home / "warehouse.db")})
        self.airflow = StandaloneAirflow(home=home, dags=dags, environment={"AIRFLOW_CONN_WAREHOUSE": connection})
        self.warehouse = create_engine(f"sqlite:///{home}/warehouse.db")

    def __enter__(self) -> Self:
        self.airflow.__enter__()
        for dag_id in DAGS:
            self.airflow.wait_for_dag(dag_id, timeout=_DAG_SECONDS, tolerant=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.warehouse.dispose()
        self.airflow.__exit__(kind, error, traceback)

    def live(self, month: str) -> str:
        """Tell Airflow that a month's files are there, wait until nothing is left to do, and say what was done.

        Raises:
            StandaloneError: A run has failed.
        """
        began = time.monotonic()
        before = {dag_id: len(self.airflow.runs(dag_id)) for dag_id in DAGS}
        self.airflow.emit("flight_files", extra={"month": month})
        self.airflow.settle(DAGS, timeout=_MONTH_SECONDS)
        done = []
        for dag_id in DAGS:
            runs = self.airflow.runs(dag_id)[before[dag_id] :]
            done += [f"{dag_id} {len(runs)}" for _ in runs[:1]]
            for run in runs:
                if run.state != "success":
                    msg = f"{month}: {self._explain(dag_id, run.run_id)}"
                    raise StandaloneError(msg)
        if not before["dataops"] < len(self.airflow.runs("dataops")):
            msg = f"{month}: its files have started no run of dataops."
            raise StandaloneError(msg)
        return f"{month}  {time.monotonic() - began:5.0f} s  {', '.join(done)}"

    def read(self) -> list[dict[str, Any]]:
        """What the warehouse says of the months; see `read_months`."""
        return read_months(self.warehouse)

    def picture(self) -> str:
        """Where the picture is that the last run of mlops_update has drawn; none before the first."""
        for run in reversed(self.airflow.runs("mlops_update")):
            reference: Any = self.airflow.xcom("mlops_update", run.run_id, "draw")
            return str(reference["uri"])
        return "none, because no champion has predicted a month yet"

    def _explain(self, dag_id: str, run_id: str) -> str:
        failed = next(task for task in self.airflow.tasks(dag_id, run_id) if task.state == "failed")
        log = self.airflow.log(dag_id, run_id, failed.task_id, try_number=failed.try_number, map_index=failed.map_index)
        tail = "\n".join(log.splitlines()[-40:])
        return f"run {run_id} of {dag_id} failed at {failed.label}:\n{tail}"
