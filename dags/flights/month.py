"""The month, the unit in which flights are read, computed and stored."""

from __future__ import annotations

import re

_MONTH = re.compile(r"((?:19|20|21)[0-9]{2})-(0[1-9]|1[0-2])")


def parse_month(month: str) -> tuple[int, int]:
    """Split a month into its numbers.

    Args:
        month: A month as ``YYYY-MM``, such as ``"2013-01"``.

    Returns:
        The year, and the month from 1 to 12.

    Raises:
        ValueError: The text is not a month of that format.
    """
    match = _MONTH.fullmatch(month)
    if match is None:
        msg = f"{month!r} is not a month: write YYYY-MM, such as '2013-01'."
        raise ValueError(msg)
    return int(match[1]), int(match[2])


def name_month(year: int, number: int) -> str:
    """Write a month as ``YYYY-MM``; the inverse of ``parse_month``."""
    return f"{year:04d}-{number:02d}"
