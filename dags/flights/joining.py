"""Flights with what is known about their weather, plane and destination.

Every join is a left join on a key that is unique on the right: it adds columns, never drops or repeats a flight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def join_weather(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Add the weather at the origin in the scheduled hour of departure.

    Args:
        flights: One row per flight.
        weather: One row per airport and hour.

    Returns:
        The same rows with ``temp`` (degrees Fahrenheit), ``wind_speed`` (miles per hour), ``precip`` (inches) and
        ``visib`` (miles); missing where that hour is not in the records.

    Raises:
        pandas.errors.MergeError: An airport and hour stands twice in ``weather``.
    """
    # On the UTC hour: the local one occurs twice in the night in which summer time ends.
    known = weather[["origin", "time_hour", "temp", "wind_speed", "precip", "visib"]]
    return flights.merge(known, how="left", on=["origin", "time_hour"], validate="many_to_one")


def join_planes(flights: pd.DataFrame, planes: pd.DataFrame) -> pd.DataFrame:
    """Add the plane that flew.

    Args:
        flights: One row per flight.
        planes: One row per ``tailnum``.

    Returns:
        The same rows with ``built`` (year of manufacture) and ``seats``; missing for the planes, about one flight in
        six, that are not in the register.

    Raises:
        pandas.errors.MergeError: A ``tailnum`` stands twice in ``planes``.
    """
    # pandas takes a missing key for equal to another missing key.
    known = planes.dropna(subset=["tailnum"])[["tailnum", "year", "seats"]].rename(columns={"year": "built"})
    return flights.merge(known, how="left", on="tailnum", validate="many_to_one")


def join_airports(flights: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """Add where the destination lies.

    Args:
        flights: One row per flight.
        airports: One row per ``faa`` code.

    Returns:
        The same rows with ``dest_lat`` and ``dest_lon`` in degrees; missing for the four airports in the Caribbean
        that are not in the list.

    Raises:
        pandas.errors.MergeError: A code stands twice in ``airports``.
    """
    known = airports[["faa", "lat", "lon"]].rename(columns={"faa": "dest", "lat": "dest_lat", "lon": "dest_lon"})
    return flights.merge(known, how="left", on="dest", validate="many_to_one")
