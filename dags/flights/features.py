"""One row per flight: what a model may know at departure, and the delay at arrival that it should tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flights.rolling import average_between, to_minutes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

LATE_AFTER = 15
"""Minutes behind schedule after which an arrival counts as late."""

FEATURE_COLUMNS = (
    "flight_id",
    "year",
    "month",
    "day",
    "scheduled_at",
    "hour",
    "day_of_week",
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "distance",
    "dest_lat",
    "dest_lon",
    "temp",
    "wind_speed",
    "precip",
    "visib",
    "plane_age",
    "seats",
    "dep_delay",
    "delay_history",
    "arr_delay",
    "late",
)
"""The columns of the feature table, in order; the last two are the labels."""


def compute_features(joined: pd.DataFrame, window: int) -> pd.DataFrame:
    """Compute the feature table.

    Args:
        joined: The cleaned flights of one month with weather, plane and destination, one row per flight.
        window: Hours that the delay history looks back.

    Returns:
        One row per flight, in the order of ``joined``, with ``FEATURE_COLUMNS``:

        * ``flight_id``, the key, such as ``2013-01-31-UA-1545-EWR``, and its parts;
        * ``scheduled_at``, the scheduled departure in UTC, and its ``hour`` and ``day_of_week`` (Monday is 0), which
          are New York's;
        * ``distance`` in miles, ``dest_lat`` and ``dest_lon`` in degrees, ``plane_age`` in years, ``seats``;
        * ``temp`` in degrees Fahrenheit, ``wind_speed`` in miles per hour, ``precip`` in inches, ``visib`` in miles;
        * ``dep_delay`` and ``arr_delay`` in minutes, and ``late``, whether ``arr_delay`` is above ``LATE_AFTER``;
        * ``delay_history``, the mean ``dep_delay`` in minutes of the flights of the same carrier from the same origin
          that left in the ``window`` hours before; missing where none did. It only knows the rows of ``joined``: the
          first flights of a month have none.

    Raises:
        ValueError: ``window`` is not positive.
    """
    import pandas as pd

    if window <= 0:
        msg = f"The delay history looks back {window!r} hours: the window must be a positive number of hours."
        raise ValueError(msg)
    scheduled_at = joined["time_hour"] + pd.to_timedelta(joined["minute"], unit="min")
    dates = pd.to_datetime(joined[["year", "month", "day"]])
    features = joined.assign(
        flight_id=_name_flights(joined, dates),
        scheduled_at=scheduled_at.dt.as_unit("us"),
        day_of_week=dates.dt.day_of_week.astype("int64"),
        plane_age=joined["year"] - joined["built"],
        delay_history=_average_recent_delays(joined, scheduled_at, window),
        late=joined["arr_delay"] > LATE_AFTER,
    )
    return features[list(FEATURE_COLUMNS)]


def _name_flights(flights: pd.DataFrame, dates: pd.Series[pd.Timestamp]) -> pd.Series[str]:
    return (
        dates.dt.strftime("%Y-%m-%d")
        + "-"
        + flights["carrier"]
        + "-"
        + flights["flight"].astype("str")
        + "-"
        + flights["origin"]
    )


def _average_recent_delays(
    flights: pd.DataFrame, scheduled_at: pd.Series[pd.Timestamp], window: int
) -> npt.NDArray[np.float64]:
    import numpy as np

    delays = flights["dep_delay"].to_numpy()
    scheduled = to_minutes(scheduled_at)
    departed = scheduled + delays
    # The earlier of the two: a forecast made before departure must not know what happened after the schedule, and a
    # flight that left early must not know what happened after it left.
    known_until = np.minimum(scheduled, departed)
    groups = flights.groupby(["carrier", "origin"]).ngroup().to_numpy()
    return average_between(groups, departed, delays, since=known_until - window * 60, until=known_until)
