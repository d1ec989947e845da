"""One line for each number, and whether it keeps its promise; the same as a page of Markdown."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

__all__ = ["Row", "show", "write_page"]

_PACKAGES = (
    *("apache-airflow", "linepipe", "pandas", "numpy", "pyarrow", "scikit-learn", "s3fs", "obstore"),
    "sf-hamilton",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A measurement beside what it is compared to.

    Attributes:
        name: What was measured.
        ours: Our number, with its unit.
        theirs: The other's, with its name.
        ratio: What must not exceed the bar.
        bar: The promise; infinite where there is none, and the other is there to be compared with.
        unit: What ratio and bar are given in.
    """

    name: str
    ours: str
    theirs: str
    ratio: float
    bar: float
    unit: str = "times"

    @property
    def holds(self) -> bool:
        """Whether the promise is kept."""
        return self.ratio <= self.bar

    @property
    def promise(self) -> str:
        """The bar, and whether it is kept."""
        if math.isinf(self.bar):
            return ""
        return f"at most {self.bar:.3g} {self.unit}: {'holds' if self.holds else 'BROKEN'}"


def show(rows: Sequence[Row]) -> int:
    """Print the rows as a table in Markdown; give the exit status, 1 if a promise is broken."""
    print(_table(rows))
    return 0 if all(row.holds for row in rows) else 1


def write_page(rows: Sequence[Row], path: Path) -> None:
    """Write the rows down, with the machine and the versions that they were measured on."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    machine = f"{os.cpu_count()} cores, {_memory()} GB of memory, {platform.system()} {platform.machine()}"
    page = f"""# Benchmarks

What `make bench` measured in one run, each contender in turn with ours over several rounds: the best round of what is
written and read, else the median. The ratio is what counts, because a slow moment of the machine meets both.

* {machine}
* Python {platform.python_version()}, {versions}

{_table(rows)}

![Seconds to write and read a frame, by its size](benchmarks.png)
"""
    path.write_text(page)


def _table(rows: Sequence[Row]) -> str:
    lines = [f"| {row.name} | {row.ours} | {row.theirs} | {row.ratio:.3g} {row.unit} | {row.promise} |" for row in rows]
    return "\n".join(["| what | ours | theirs | ratio | promise |", "|---|---|---|---|---|", *lines])


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
