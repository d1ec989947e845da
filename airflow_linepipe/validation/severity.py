"""HOW MUCH a failed expectation matters: Great Expectations' three words, and which of them count."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

from airflow_linepipe.errors import SettingError

__all__ = ["SEVERITIES", "Severity", "counts"]

Severity: TypeAlias = Literal["critical", "warning", "info"]

SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)
"""The most severe first."""


def counts(severity: str, least: str) -> bool:
    """Whether a failure of this severity counts.

    Args:
        severity: The expectation's severity.
        least: The least severe that counts: "critical" counts only those, "info" all.

    Raises:
        SettingError: The least is none of the three.
    """
    if least not in SEVERITIES:
        message = f"severity={least!r}: give one of {', '.join(map(repr, SEVERITIES))}."
        raise SettingError(message)
    # What Great Expectations may add one day counts.
    rank = SEVERITIES.index(severity) if severity in SEVERITIES else 0
    return rank <= SEVERITIES.index(least)
