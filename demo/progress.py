"""What the runs are doing now: a line that changes on a terminal, a line per change elsewhere."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_linepipe.testing.records import TaskRecord

_DONE = frozenset({"success", "skipped", "failed", "upstream_failed", "removed"})
_ERASE_LINE = "\r\x1b[2K"


class Progress:
    """Shows the tasks of several runs on a stream.

    Args:
        stream: Where to; on a terminal one line is written over and over.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._began = time.monotonic()
        self._states: dict[tuple[str, str], str] = {}

    def show(self, runs: Mapping[str, Sequence[TaskRecord]]) -> None:
        """Show the tasks of each run, the runs by the name they are shown under."""
        seconds = time.monotonic() - self._began
        if self._is_terminal:
            width = shutil.get_terminal_size().columns - 1
            line = f"{seconds:4.0f} s  " + "  ·  ".join(summarise(name, tasks) for name, tasks in runs.items())
            self._stream.write(_ERASE_LINE + line[:width])
        else:
            for name, tasks in runs.items():
                for task in tasks:
                    if task.state and self._states.get((name, task.label)) != task.state:
                        self._states[name, task.label] = task.state
                        self._stream.write(f"{seconds:6.1f} s  {name}  {task.label}: {task.state}\n")
        self._stream.flush()

    def close(self) -> None:
        """Leave the terminal's line to whoever writes next."""
        if self._is_terminal:
            self._stream.write(_ERASE_LINE)
            self._stream.flush()


def summarise(name: str, tasks: Sequence[TaskRecord]) -> str:
    """Return one run's progress in a few words, such as "2013-01 3/7 join, weather"."""
    done = sum(task.state in _DONE for task in tasks)
    running = ", ".join(task.label for task in tasks if task.state == "running")
    return f"{name} {done}/{len(tasks)} {running}".rstrip()
