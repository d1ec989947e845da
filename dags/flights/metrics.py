"""A month of features in a few numbers."""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def summarise(features: pd.DataFrame) -> dict[str, int | float]:
    """Describe a feature table by plain numbers.

    Args:
        features: One row per flight, as ``compute_features`` returns them.

    Returns:
        ``rows``; the numbers of different ``tailnums`` and ``destinations``; the means, over the rows that have a
        value, of ``arr_delay``, ``dep_delay`` and ``delay_history`` (minutes), ``temp`` (degrees Fahrenheit) and
        ``seats``; and, from 0 to 1, the shares of late flights and of flights with known weather and plane. A mean
        over nothing is NaN.
    """
    return {
        "rows": len(features),
        "tailnums": int(features["tailnum"].nunique()),
        "destinations": int(features["dest"].nunique()),
        "mean_arr_delay": _mean(features["arr_delay"]),
        "mean_dep_delay": _mean(features["dep_delay"]),
        "mean_delay_history": _mean(features["delay_history"]),
        "mean_temp": _mean(features["temp"]),
        "mean_seats": _mean(features["seats"]),
        "late_share": _mean(features["late"]),
        "known_weather_share": _mean(features["temp"].notna()),
        "known_plane_share": _mean(features["seats"].notna()),
    }


def _mean(values: pd.Series) -> float:
    # Not Series.mean: its last digit depends on the order of the rows and on the processor.
    known = values.dropna().tolist()
    return fmean(known) if known else math.nan
