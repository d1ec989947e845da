"""What a real Airflow says about runs, tasks and XComs, as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

__all__ = ["DagRunRecord", "JsonValue", "TaskRecord", "XComRecord"]

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRecord:
    """One task instance of a run.

    Attributes:
        task_id: The task's id, with its groups' prefixes.
        map_index: Its index when the task is mapped, else -1.
        state: Airflow's word for it ("success", "failed", "running", …), or "" before it is scheduled.
        start: When its latest try started.
        end: When its latest try ended.
        seconds: How long its latest try ran, or has run so far; None before it starts.
        try_number: The number of its latest try, from 1; 0 before the first one.
    """

    task_id: str
    map_index: int
    state: str
    start: datetime | None
    end: datetime | None
    seconds: float | None
    try_number: int

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> TaskRecord:
        """Return the record of an entry of Airflow's ``taskInstances``."""
        return cls(
            task_id=entry["task_id"],
            map_index=entry["map_index"],
            state=entry["state"] or "",
            start=_read_time(entry["start_date"]),
            end=_read_time(entry["end_date"]),
            seconds=entry["duration"],
            try_number=entry["try_number"],
        )

    @property
    def label(self) -> str:
        """The task's id, with the map index behind it when the task is mapped."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"


@dataclass(frozen=True, kw_only=True, slots=True)
class DagRunRecord:
    """One run of a DAG.

    Attributes:
        dag_id: The DAG's id.
        run_id: The run's id.
        state: "queued", "running", "success" or "failed".
        queued: When it was queued.
        start: When the scheduler started it.
        end: When its last task was done.
        seconds: From start to end; None while it has not ended.
    """

    dag_id: str
    run_id: str
    state: str
    queued: datetime | None
    start: datetime | None
    end: datetime | None
    seconds: float | None

    @classmethod
    def from_json(cls, entry: dict[str, Any]) -> DagRunRecord:
        """Return the record of an entry of Airflow's ``dagRuns``."""
        start, end = _read_time(entry["start_date"]), _read_time(entry["end_date"])
        return cls(
            dag_id=entry["dag_id"],
            run_id=entry["dag_run_id"],
            state=entry["state"],
            queued=_read_time(entry["queued_at"]),
            start=start,
            end=end,
            seconds=(end - start).total_seconds() if start and end else None,
        )

    @property
    def is_finished(self) -> bool:
        """Whether no task of the run will run any more."""
        return self.state in {"success", "failed"}


@dataclass(frozen=True, kw_only=True, slots=True)
class XComRecord:
    """One value that a task pushed.

    Attributes:
        task_id: The task's id.
        map_index: Its index when the task is mapped, else -1.
        key: The XCom's key.
        value: The JSON value as it stands in Airflow's database, not resolved by an XCom backend.
    """

    task_id: str
    map_index: int
    key: str
    value: JsonValue


def _read_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
