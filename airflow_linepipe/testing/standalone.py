"""A real Airflow for a demo, a benchmark or an integration test.

``airflow standalone`` with SQLite and the LocalExecutor, on free ports of
127.0.0.1, in a folder of its own and untouched by the caller's Airflow settings::

    with StandaloneAirflow(home=tmp_path / "airflow", dags=tmp_path / "dags") as airflow:
        airflow.wait_for_dag("flights", timeout=60)
        run_id = airflow.trigger("flights", conf={"month": "2013-01"})
        assert airflow.wait("flights", run_id, timeout=120).state == "success"

It never imports Airflow: it starts the one of the running interpreter and asks it
over REST. When the ``with`` block is left, however it is left, nothing of it runs on.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

from airflow_linepipe.errors import StandaloneError
from airflow_linepipe.testing.environment import build_environment, find_free_ports
from airflow_linepipe.testing.log_text import render_log
from airflow_linepipe.testing.process import WardedProcess
from airflow_linepipe.testing.records import DagRunRecord, TaskRecord, XComRecord
from airflow_linepipe.testing.rest import RestClient

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from airflow_linepipe.testing.records import JsonValue

__all__ = ["StandaloneAirflow"]

_HEARTBEATS = {
    "scheduler": "latest_scheduler_heartbeat",
    "triggerer": "latest_triggerer_heartbeat",
    "dag_processor": "latest_dag_processor_heartbeat",
}
_POLL_SECONDS = 0.5
_GRACE_SECONDS = 5.0
# A machine that is busy with Airflow's own tasks answers late.
_PATIENCE_SECONDS = 120.0


class StandaloneAirflow:
    """A real Airflow that runs while its ``with`` block does.

    Args:
        home: The folder that becomes AIRFLOW_HOME; made if missing, kept afterwards. A second start in the same
            folder finds the first one's runs.
        dags: The DAGs folder. New and changed files are seen within seconds; one that has not changed itself is read
            again within an hour, whatever it imports.
        environment: Variables for Airflow and its tasks, over the ones set here; connections, for example, as
            ``AIRFLOW_CONN_…``. The caller's own variables are passed on, except those whose names begin with AIRFLOW.
        parallelism: How many tasks run at once.
        startup_timeout: Seconds until every component has to be healthy.

    Attributes:
        log_file: What all the components print, newest start only.
    """

    def __init__(
        self,
        *,
        home: Path,
        dags: Path,
        environment: Mapping[str, str] | None = None,
        parallelism: int = 4,
        startup_timeout: float = 180.0,
    ) -> None:
        self._home = home.absolute()
        self._dags = dags.absolute()
        self._given = dict(environment or {})
        self._parallelism = parallelism
        self._startup_timeout = startup_timeout
        self._environment: dict[str, str] = {}
        self._process: WardedProcess | None = None
        self._client: RestClient | None = None
        self._started = datetime.now(UTC)
        self.log_file = self._home / "standalone.log"

    def __enter__(self) -> Self:
        try:
            self._wait_until_healthy(self._start())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def url(self) -> str:
        """The address of the UI and the API, such as "http://127.0.0.1:34567"."""
        return self._rest.url

    def check(self) -> None:
        """Raise if Airflow has ended by itself.

        Raises:
            StandaloneError: With the end of its log.
        """
        self._rest.check()

    def trigger(
        self,
        dag_id: str,
        *,
        conf: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        logical_date: datetime | None = None,
    ) -> str:
        """Trigger a run by REST.

        Args:
            dag_id: The DAG; Airflow has to know it, see `wait_for_dag`.
            conf: The run's configuration, JSON values.
            run_id: The run's id; a new unique one by default.
            logical_date: Its logical date, with a time zone; none by default.

        Returns:
            The run's id.
        """
        body = {
            "dag_run_id": run_id or f"standalone__{uuid4()}",
            "conf": dict(conf or {}),
            "logical_date": logical_date.isoformat() if logical_date else None,
        }
        answer = self._rest.write("POST", "dags", dag_id, "dagRuns", body=body)
        return str(answer["dag_run_id"])

    def wait(
        self,
        dag_id: str,
        run_id: str,
        *,
        timeout: float,
        on_progress: Callable[[Sequence[TaskRecord]], None] | None = None,
    ) -> DagRunRecord:
        """Wait until a run has succeeded or failed.

        Args:
            dag_id: The run's DAG.
            run_id: The run.
            timeout: Seconds to wait.
            on_progress: Called with the run's tasks about twice a second, and once more when the run is over.

        Returns:
            The finished run; a failed one is returned like a successful one.

        Raises:
            StandaloneError: If it has not finished in time, with what was still to do; or if Airflow ended.
        """
        deadline = time.monotonic() + timeout
        while True:
            run = self.run(dag_id, run_id)
            if on_progress:
                on_progress(self.tasks(dag_id, run_id))
            if run.is_finished:
                return run
            if time.monotonic() > deadline:
                unfinished = [
                    f"{task.label} ({task.state or 'not scheduled'})"
                    for task in self.tasks(dag_id, run_id)
                    if task.state not in {"success", "skipped", "failed", "upstream_failed", "removed"}
                ]
                msg = (
                    f"Run {run_id!r} of DAG {dag_id!r} is still {run.state} after {timeout:g} s. "
                    f"Not finished: {', '.join(unfinished) or 'no task'}."
                )
                raise StandaloneError(msg)
            self.check()
            time.sleep(_POLL_SECONDS)

    def run(self, dag_id: str, run_id: str) -> DagRunRecord:
        """Return what Airflow says about a run now."""
        return DagRunRecord.from_json(self._rest.get("dags", dag_id, "dagRuns", run_id))

    def runs(self, dag_id: str) -> tuple[DagRunRecord, ...]:
        """Return the runs of a DAG, in the order in which they were queued."""
        entries = self._rest.pages("dags", dag_id, "dagRuns", field="dag_runs")
        return tuple(map(DagRunRecord.from_json, sorted(entries, key=lambda entry: entry["queued_at"] or "")))

    def emit(self, asset: str, *, extra: Mapping[str, Any] | None = None) -> None:
        """Tell Airflow by REST that an asset has changed, as somebody outside would.

        Args:
            asset: The asset's name; a DAG file has to mention it.
            extra: What the event tells, JSON values.

        Raises:
            StandaloneError: If there is no such asset.
        """
        for entry in self._rest.pages("assets", field="assets"):
            if entry["name"] == asset:
                self._rest.write("POST", "assets", "events", body={"asset_id": entry["id"], "extra": dict(extra or {})})
                return
        msg = f"No DAG file in {self._dags} mentions an asset {asset!r}."
        raise StandaloneError(msg)

    def settle(
        self,
        dag_ids: Sequence[str],
        *,
        timeout: float,
        on_progress: Callable[[Sequence[DagRunRecord]], None] | None = None,
    ) -> None:
        """Wait until nothing is left to do: no run unfinished, and no asset event that still has to start one.

        Args:
            dag_ids: The DAGs to look at.
            timeout: Seconds to wait.
            on_progress: Called with the unfinished runs about twice a second, and once more at the end.

        Raises:
            StandaloneError: If something is still going on then, with what it is; or if Airflow ended.
        """
        deadline = time.monotonic() + timeout
        before: dict[str, int] = {}
        while True:
            # What a run leaves behind may queue an event after it was looked for: only a second look is sure.
            queued = [dag_id for dag_id in dag_ids if self._has_queued_events(dag_id)]
            runs = {dag_id: self.runs(dag_id) for dag_id in dag_ids}
            unfinished = [run for found in runs.values() for run in found if not run.is_finished]
            counts = {dag_id: len(found) for dag_id, found in runs.items()}
            if on_progress:
                on_progress(unfinished)
            if not queued and not unfinished and counts == before:
                return
            before = {} if queued or unfinished else counts
            if time.monotonic() > deadline:
                started = [f"run {run.run_id} of {run.dag_id} ({run.state})" for run in unfinished]
                going_on = ", ".join([*started, *(f"an event for {dag_id}" for dag_id in queued)])
                msg = f"After {timeout:g} s there is still something to do: {going_on}."
                raise StandaloneError(msg)
            self.check()
            time.sleep(_POLL_SECONDS)

    def fail_unfinished_runs(self, dag_id: str) -> tuple[str, ...]:
        """Set a DAG's queued and running runs to failed, and return their ids.

        Without it, a run that an earlier stop interrupted goes on at the next start in the same home.
        """
        path = ("dags", dag_id, "dagRuns")
        unfinished = tuple(run.run_id for run in self.runs(dag_id) if not run.is_finished)
        for run_id in unfinished:
            self._rest.write("PATCH", *path, run_id, body={"state": "failed"})
        return unfinished

    def tasks(self, dag_id: str, run_id: str) -> tuple[TaskRecord, ...]:
        """Return the tasks of a run, in the order in which they started, those without a start last."""
        entries = self._rest.pages("dags", dag_id, "dagRuns", run_id, "taskInstances", field="task_instances")
        never = datetime.max.replace(tzinfo=UTC)
        return tuple(
            sorted(
                (TaskRecord.from_json(entry) for entry in entries),
                key=lambda task: (task.start or never, task.task_id, task.map_index),
            )
        )

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> JsonValue:
        """Return one value that a task pushed, as it stands in Airflow's database.

        Raises:
            StandaloneError: If there is none.
        """
        path = ("dags", dag_id, "dagRuns", run_id, "taskInstances", task_id, "xcomEntries", key)
        value: JsonValue = self._rest.get(*path, query={"map_index": map_index})["value"]
        return value

    def xcoms(self, dag_id: str, run_id: str) -> tuple[XComRecord, ...]:
        """Return every value that the tasks of a run pushed, ordered by task, map index and key."""
        path = ("dags", dag_id, "dagRuns", run_id, "taskInstances", "~", "xcomEntries")
        return tuple(
            XComRecord(
                task_id=entry["task_id"],
                map_index=entry["map_index"],
                key=entry["key"],
                value=self.xcom(dag_id, run_id, entry["task_id"], entry["key"], entry["map_index"]),
            )
            for entry in self._rest.pages(*path, field="xcom_entries")
        )

    def log(self, dag_id: str, run_id: str, task_id: str, *, try_number: int = 1, map_index: int = -1) -> str:
        """Return the log of one try of a task as plain text, with its tracebacks."""
        path = ("dags", dag_id, "dagRuns", run_id, "taskInstances", task_id, "logs", try_number)
        answer = self._rest.get(*path, query={"map_index": map_index, "full_content": "true"})
        return render_log(answer["content"])

    def import_errors(self) -> Mapping[str, str]:
        """Return the traceback of every DAG file that failed since the start, by path in the DAGs folder."""
        return {
            entry["filename"]: entry["stack_trace"]
            for entry in self._rest.pages("importErrors", field="import_errors")
            if datetime.fromisoformat(entry["timestamp"]) >= self._started
        }

    def wait_for_dag(self, dag_id: str, timeout: float, *, tolerant: bool = True) -> None:
        """Wait until a DAG's file has been read since the start.

        Args:
            dag_id: The DAG.
            timeout: Seconds to wait.
            tolerant: Whether a file that cannot be imported is looked at only when the time is over; else the first
                one raises at once.

        Raises:
            StandaloneError: If it has not been read in time, with the import errors.
        """
        deadline = time.monotonic() + timeout
        while not self._is_dag_fresh(dag_id):
            self.check()
            errors = self.import_errors()
            if time.monotonic() > deadline or (errors and not tolerant):
                told = "".join(f"\n\n{name} cannot be imported:\n{text}" for name, text in errors.items())
                msg = f"DAG {dag_id!r} is not in {self._dags} (looked for up to {timeout:g} s).{told}"
                raise StandaloneError(msg)
            time.sleep(_POLL_SECONDS)

    def run_cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run an ``airflow`` command in the same environment and return its outcome, also when it failed."""
        command = [str(_find_airflow()), *arguments]
        return subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)  # noqa: S603

    @property
    def _rest(self) -> RestClient:
        if self._client is None:
            msg = "This Airflow is not running: use it inside its with block."
            raise StandaloneError(msg)
        return self._client

    def _has_queued_events(self, dag_id: str) -> bool:
        return bool(
            self._rest.get("dags", dag_id, "assets", "queuedEvents", absent={"queued_events": []})["queued_events"]
        )

    def _is_dag_fresh(self, dag_id: str) -> bool:
        # A home that is used again still has the last start's version until its file is read anew.
        return any(
            entry["dag_id"] == dag_id
            and entry["last_parsed_time"]
            and datetime.fromisoformat(entry["last_parsed_time"]) >= self._started
            for entry in self._rest.pages("dags", field="dags")
        )

    def _start(self) -> WardedProcess:
        self._home.mkdir(parents=True, exist_ok=True)
        ports = find_free_ports()
        environment = build_environment(
            os.environ, home=self._home, dags=self._dags, parallelism=self._parallelism, ports=ports
        )
        self._environment = {**environment, **self._given}
        self._started = datetime.now(UTC)
        self._process = process = WardedProcess(
            [str(_find_airflow()), "standalone"],
            environment=self._environment,
            log_file=self.log_file,
            grace=_GRACE_SECONDS,
        )
        self._client = RestClient(f"http://127.0.0.1:{ports[0]}", patience=_PATIENCE_SECONDS, check=process.check)
        return process

    def _wait_until_healthy(self, process: WardedProcess) -> None:
        deadline = time.monotonic() + self._startup_timeout
        while unhealthy := self._find_unhealthy():
            process.check()
            if time.monotonic() > deadline:
                msg = (
                    f"Airflow did not become healthy in {self._startup_timeout:g} s; "
                    f"still waiting for {', '.join(unhealthy)}. {process.tail()}"
                )
                raise StandaloneError(msg)
            time.sleep(_POLL_SECONDS)

    def _find_unhealthy(self) -> list[str]:
        try:
            health = self._rest.get("monitor", "health", patience=0.0)
        except StandaloneError:
            return ["the api-server"]
        unhealthy = [] if health["metadatabase"]["status"] == "healthy" else ["metadatabase"]
        for component, heartbeat in _HEARTBEATS.items():
            # The last start's heartbeats count as healthy for a while: only newer ones are this start's.
            beaten = health[component][heartbeat]
            if health[component]["status"] != "healthy" or datetime.fromisoformat(beaten) < self._started:
                unhealthy.append(component)
        return unhealthy

    def _stop(self) -> None:
        process, self._process, self._client = self._process, None, None
        if process is not None:
            process.stop()


def _find_airflow() -> Path:
    """Return the ``airflow`` command of the running interpreter's environment."""
    # Not resolved: in a virtualenv the interpreter is a link to one that has no Airflow beside it.
    command = Path(sys.executable).with_name("airflow")
    if not command.exists():
        msg = f"There is no {command}: install apache-airflow into the environment that runs this."
        raise StandaloneError(msg)
    return command
