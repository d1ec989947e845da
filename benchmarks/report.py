"""One line for each number, and whether it keeps its promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A measurement beside what it is compared to.

    Attributes:
        name: What was measured.
        ours: Our number, with its unit.
        theirs: The other's, with its name.
        ratio: What must not exceed the bar.
        bar: The promise.
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


def show(rows: Sequence[Row]) -> int:
    """Print the rows; give the exit status, 1 if a promise is broken."""
    for row in rows:
        verdict = "holds" if row.holds else "BROKEN"
        print(
            f"{row.name}: {row.ours}; {row.theirs}: {row.ratio:.2f} {row.unit} (bar {row.bar:g} {row.unit}) {verdict}"
        )
    return 0 if all(row.holds for row in rows) else 1
