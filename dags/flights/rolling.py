"""Means over what happened in a group before a moment, a moment of its own for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

_MINUTES_PER_GROUP = 10**9


def to_minutes(times: pd.Series[pd.Timestamp]) -> npt.NDArray[np.int64]:
    """Count the whole minutes since 1970.

    Args:
        times: UTC timestamps.

    Returns:
        One number per row.
    """
    import pandas as pd

    minutes: npt.NDArray[np.int64] = ((times - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(minutes=1)).to_numpy()
    return minutes


def average_between(
    groups: npt.NDArray[np.int64],
    happened: npt.NDArray[np.int64],
    values: npt.NDArray[np.int64],
    *,
    since: npt.NDArray[np.int64],
    until: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Average, for each row, the values of its group that happened in the row's own stretch of time.

    Args:
        groups: The number of each row's group, from 0.
        happened: When each row's value happened, in minutes since 1970.
        values: Whole numbers, so that sums are exact.
        since: Where each row's stretch begins, in minutes since 1970; what happened then belongs to it.
        until: Where it ends; what happened then does not belong to it.

    Returns:
        One mean per row, missing where nothing happened.
    """
    import numpy as np

    # Each group gets its own stretch of one number line, so that one sort and two searches serve all.
    stretch = groups * _MINUTES_PER_GROUP
    line = stretch + happened
    order = np.argsort(line, kind="stable")
    first = np.searchsorted(line[order], stretch + since, side="left")
    last = np.searchsorted(line[order], stretch + until, side="left")
    running = np.concatenate([[0], np.cumsum(values[order])])
    count = last - first
    mean = np.full(len(values), np.nan)
    np.divide(running[last] - running[first], count, out=mean, where=count > 0)
    return mean
