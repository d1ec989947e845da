"""What is learned from and what is judged on, apart in time as they are in life."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def split_by_time(flights: pd.DataFrame, days: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the latest days for judging.

    Args:
        flights: One row per flight, with ``scheduled_at`` and ``known_at``.
        days: How many days before the last flight's schedule to keep.

    Returns:
        The flights whose delay was known before the first flight to be judged on was scheduled to leave; and the
        flights to be judged on. What lies between them is in neither.

    Raises:
        ValueError: ``days`` is not positive, or one of the two would be empty.
    """
    if days <= 0:
        msg = f"{days!r} days cannot be judged on: give 1 or more."
        raise ValueError(msg)
    latest = flights[flights["scheduled_at"] > flights["scheduled_at"].max() - timedelta(days=days)]
    past = flights[flights["known_at"] <= latest["scheduled_at"].min()]
    if past.empty or latest.empty:
        msg = f"{len(flights)} flights cannot be split so that the latest {days} days are judged on: give fewer days."
        raise ValueError(msg)
    return past.reset_index(drop=True), latest.reset_index(drop=True)
