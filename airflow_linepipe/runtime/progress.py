"""How far a run is, on a terminal as a bar and elsewhere as lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from airflow_linepipe.plan import Step

__all__ = ["Progress", "show_progress"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """Whom a run tells how far it is.

    Attributes:
        start: Called with each step before it runs.
        finish: Called with each step that has run, and its seconds.
    """

    start: Callable[[Step], None]
    finish: Callable[[Step, float], None]


@contextmanager
def show_progress(total: int, *, quiet: bool) -> Iterator[Progress]:
    """Show how far a run is, on standard error.

    Args:
        total: The number of steps.
        quiet: Whether to show nothing.
    """
    if quiet:
        yield Progress(start=_nothing, finish=_nothing)
    elif sys.stderr.isatty():
        with _bar(total) as bar:
            yield bar
    else:
        done = count(1)
        yield Progress(
            start=_nothing,
            finish=lambda step, seconds: _write(f"[{next(done)}/{total}] {step.id}: {seconds:.2f} s\n"),
        )


def _nothing(*_: object) -> None:
    """What a run tells is not shown."""


def _write(line: str) -> None:
    sys.stderr.write(line)


@contextmanager
def _bar(total: int) -> Iterator[Progress]:
    from rich import progress
    from rich.console import Console

    columns = (
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("{task.description}"),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task("", total=total)
        yield Progress(
            start=lambda step: shown.update(task, description=step.id),
            finish=lambda _step, _seconds: shown.advance(task),
        )
