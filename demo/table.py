"""Tables of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_KILO = 1000


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
