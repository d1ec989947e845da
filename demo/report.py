"""What came of the runs: tasks, artifacts and the model, as tables of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from demo.lifecycle import find_failed
from demo.model import render_model
from demo.table import render_size, render_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_linepipe.testing.records import DagRunRecord, TaskRecord, XComRecord

MARK = "linepipe_artifact"


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
class RunReport:
    """What a run did.

    Attributes:
        month: The month that it was about or that had started it, as ``YYYY-MM``.
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


def decide_exit_status(reports: Iterable[RunReport]) -> int:
    """Return 0 when every run succeeded and no task failed, else 1."""
    return int(any(report.run.state != "success" or find_failed(report.tasks) for report in reports))


def render(reports: Sequence[RunReport], months: Sequence[dict[str, Any]]) -> str:
    """Return the whole report.

    Args:
        reports: The runs.
        months: What the warehouse says of the months; see `demo.model.read_months`.
    """
    return "\n\n".join((_render_runs(reports), _render_artifacts(reports), render_model(months)))


def _render_runs(reports: Sequence[RunReport]) -> str:
    rows = [
        [
            report.month,
            report.run.dag_id,
            str(sum(task.state == "success" for task in report.tasks)),
            str(sum(task.state == "skipped" for task in report.tasks)),
            "" if report.run.seconds is None else f"{report.run.seconds:.0f}",
            ", ".join(["success" if report.run.state == "success" else report.run.state, *_failed_labels(report)]),
        ]
        for report in reports
    ]
    headings = ["month", "DAG", "tasks run", "skipped", "seconds", "state"]
    return render_table("Runs", headings, rows, right=["tasks run", "skipped", "seconds"])


def _failed_labels(report: RunReport) -> list[str]:
    return [f"failed: {task.label}" for task in find_failed(report.tasks)]


def _render_artifacts(reports: Sequence[RunReport]) -> str:
    """What the first run handed over: that of the others looks alike."""
    rows = [
        [
            artifact.name,
            "" if artifact.rows is None else f"{artifact.rows:,}",
            render_size(artifact.nbytes),
            artifact.codec,
            artifact.uri,
        ]
        for report in reports[:1]
        for artifact in report.artifacts
    ]
    headings = ["artifact", "rows", "size", "codec", "where"]
    return render_table("What the tasks of the first run handed over", headings, rows, right=["rows", "size"])
