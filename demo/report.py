"""What came of the runs: tasks, artifacts and the warehouse, as tables of text."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from airflow_linepipe.testing.records import DagRunRecord, TaskRecord, XComRecord

MARK = "linepipe_artifact"
TABLE = "flight_features"

_KILO = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """A handed-over value, as the reference in XCom tells of it.

    Attributes:
        name: The output's name.
        rows: How many rows it has; None when it is no table.
        nbytes: How large it is in storage.
        codec: In which format.
        uri: Where.
    """

    name: str
    rows: int | None
    nbytes: int
    codec: str
    uri: str


@dataclass(frozen=True, kw_only=True, slots=True)
class MonthReport:
    """What the run of one month did.

    Attributes:
        month: The month as ``YYYY-MM``.
        run: The finished run.
        tasks: Its tasks, in the order in which they started.
        artifacts: What they handed over.
    """

    month: str
    run: DagRunRecord
    tasks: tuple[TaskRecord, ...]
    artifacts: tuple[Artifact, ...]


def find_artifacts(xcoms: Iterable[XComRecord]) -> tuple[Artifact, ...]:
    """Return the artifacts that XComs refer to, each once."""
    found = {}
    for xcom in xcoms:
        value = xcom.value
        if isinstance(value, dict) and MARK in value:
            summary = value.get("summary")
            rows = summary.get("rows") if isinstance(summary, dict) else None
            artifact = Artifact(
                name=str(value["name"]),
                rows=rows if isinstance(rows, int) else None,
                nbytes=int(str(value["nbytes"])),
                codec=str(value["codec"]),
                uri=str(value["uri"]),
            )
            # A task with several outputs pushes the same reference under several keys.
            found[artifact.uri] = artifact
    return tuple(found.values())


def find_failed(tasks: Iterable[TaskRecord]) -> tuple[TaskRecord, ...]:
    """Return the tasks that failed themselves, not those that were not run because of it."""
    return tuple(task for task in tasks if task.state == "failed")


def decide_exit_status(reports: Iterable[MonthReport]) -> int:
    """Return 0 when every run succeeded and no task failed, else 1."""
    return int(any(report.run.state != "success" or find_failed(report.tasks) for report in reports))


def count_warehouse_rows(warehouse: Path) -> dict[str, int]:
    """Return how many rows the warehouse has of each month; nothing when there is no table yet."""
    if not warehouse.exists():
        return {}
    query = f"SELECT year, month, COUNT(*) FROM {TABLE} GROUP BY year, month ORDER BY year, month"  # noqa: S608
    with closing(sqlite3.connect(warehouse)) as connection:
        is_there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (TABLE,)).fetchone()
        counts = connection.execute(query).fetchall() if is_there else []
    return {f"{year:04d}-{month:02d}": rows for year, month, rows in counts}


def render(reports: Sequence[MonthReport], *, warehouse: Path, rows: Mapping[str, int]) -> str:
    """Return the whole report.

    Args:
        reports: The runs, one per month.
        warehouse: The warehouse's file.
        rows: How many rows it has of each month.
    """
    return "\n\n".join(
        (
            _render_tasks(reports),
            _render_artifacts(reports),
            _render_warehouse(warehouse, rows),
            "\n".join(_render_outcome(report) for report in reports),
        )
    )


def render_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str]) -> str:
    """Return a table of text, its columns as wide as they need.

    Args:
        title: The line above it.
        headings: The columns' names.
        rows: The cells.
        right: The names of the columns that are aligned to the right.
    """
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if heading in right else cell.ljust(width)
            for cell, width, heading in zip(cells, widths, headings, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([title, line(headings), line(["-" * width for width in widths]), *map(line, rows)])


def render_size(nbytes: int) -> str:
    """Return a size in the unit a person would choose, such as "1.3 MB"."""
    if nbytes < _KILO:
        return f"{nbytes} B"
    size = float(nbytes)
    for unit in ("kB", "MB", "GB"):
        size /= _KILO
        if round(size, 1) < _KILO:
            return f"{size:.1f} {unit}"
    return f"{size / _KILO:.1f} TB"


def _render_tasks(reports: Sequence[MonthReport]) -> str:
    rows = [
        [
            report.month,
            task.label,
            task.state or "not run",
            "" if task.seconds is None else f"{task.seconds:.1f}",
        ]
        for report in reports
        for task in report.tasks
    ]
    return render_table("Tasks", ["month", "task", "state", "seconds"], rows, right=["seconds"])


def _render_artifacts(reports: Sequence[MonthReport]) -> str:
    rows = [
        [
            report.month,
            artifact.name,
            "" if artifact.rows is None else f"{artifact.rows:,}",
            render_size(artifact.nbytes),
            artifact.codec,
            artifact.uri,
        ]
        for report in reports
        for artifact in report.artifacts
    ]
    headings = ["month", "artifact", "rows", "size", "codec", "where"]
    return render_table("Artifacts", headings, rows, right=["rows", "size"])


def _render_warehouse(warehouse: Path, rows: Mapping[str, int]) -> str:
    if not rows:
        return f"Warehouse: {warehouse} has no rows in {TABLE}."
    cells = [[month, f"{count:,}"] for month, count in rows.items()]
    return render_table(f"Warehouse: {TABLE} in {warehouse}", ["month", "rows"], cells, right=["rows"])


def _render_outcome(report: MonthReport) -> str:
    took = "" if report.run.seconds is None else f" in {report.run.seconds:.0f} s"
    word = "succeeded" if report.run.state == "success" else report.run.state
    failed = ", ".join(task.label for task in find_failed(report.tasks))
    return f"{report.month}: run {report.run.run_id} {word}{took}" + (f"; failed: {failed}." if failed else ".")
