"""How many runs of a DAG are kept, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from airflow_linepipe.errors import SettingError

__all__ = ["Retention", "shown"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """What is kept of a DAG's runs in storage. A run goes when it is beyond every limit that is given.

    What was published stays, and so does what a kept run reads of another run.

    Args:
        keep_runs: The number of runs that stay, those written to last.
        keep_for: How long a run stays after it was last written to.
        keep_published: How many publications of each asset stay, the latest; all of them if left out.

    Raises:
        SettingError: Neither of the first two is given, or one of them cannot be used.
    """

    keep_runs: int | None = None
    keep_for: timedelta | None = None
    keep_published: int | None = None

    def __post_init__(self) -> None:
        if self.keep_runs is None and self.keep_for is None:
            message = "Retention() would keep nothing: give it keep_runs=10, keep_for=timedelta(days=30), or both."
            raise SettingError(message)
        _check_count("keep_runs", self.keep_runs, least=0)
        _check_count("keep_published", self.keep_published, least=1)
        # What authors write is not always what the annotation asks for.
        age: object = self.keep_for
        if age is not None and (not isinstance(age, timedelta) or age < timedelta(0)):
            message = f"keep_for={age!r}: give a timedelta that is not negative, such as timedelta(days=30)."
            raise SettingError(message)


def shown(age: timedelta) -> str:
    """A length of time as a person writes it, in its largest unit."""
    for unit, seconds in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if age.total_seconds() >= 2 * seconds:
            return f"{age.total_seconds() / seconds:.0f} {unit}"
    return f"{age.total_seconds():.0f} seconds"


def _check_count(name: str, count: object, *, least: int) -> None:
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < least):
        message = f"{name}={count!r}: give a whole number from {least} on."
        raise SettingError(message)
