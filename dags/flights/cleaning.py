"""What is dropped from the raw tables, and what is only blanked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FLIGHT_KEY = ("year", "month", "day", "carrier", "flight", "origin")
"""The columns that identify a flight."""

WEATHER_KEY = ("origin", "time_hour")
"""The columns that identify an hour of weather."""

_FLOWN = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightRules:
    """What a flight may look like; a row outside of it is a slip of the pen.

    Attributes:
        most_early: Minutes that a flight can leave or arrive ahead of its schedule.
        most_late: Minutes that a flight can leave or arrive behind its schedule.
        top_speed: Mean speed in the air, in miles per hour.
    """

    most_early: int = 120
    most_late: int = 1440
    top_speed: int = 800


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherRules:
    """What the weather may look like; a value outside of it is a fault of the sensor.

    Attributes:
        coldest: Lowest temperature, in degrees Fahrenheit.
        hottest: Highest temperature, in degrees Fahrenheit.
        top_wind: Highest wind speed, in miles per hour.
    """

    coldest: float = -40.0
    hottest: float = 130.0
    top_wind: float = 150.0


def clean_flights(flights: pd.DataFrame, rules: FlightRules) -> pd.DataFrame:
    """Keep the flights that were flown, each once.

    Args:
        flights: The raw flights, one row per scheduled flight.
        rules: What a flight may look like.

    Returns:
        The rows that have departed and arrived, obey the rules and are the first of their ``FLIGHT_KEY``, in their
        order and with all their columns. Clock times, delays and ``air_time`` are ``int64``.
    """
    flown = flights.dropna(subset=list(_FLOWN))
    possible = flown[_is_possible(flown, rules)]
    unique = possible.drop_duplicates(subset=list(FLIGHT_KEY))
    return unique.astype(dict.fromkeys(_FLOWN, "int64")).reset_index(drop=True)


def clean_weather(weather: pd.DataFrame, rules: WeatherRules) -> pd.DataFrame:
    """Keep one row per airport and hour, without impossible values.

    Args:
        weather: The raw weather, one row per airport and hour.
        rules: What the weather may look like.

    Returns:
        The first row of each ``WEATHER_KEY``, in their order. An impossible value is missing; its row stays, because
        the other sensors were right.
    """
    limits = {
        "temp": (rules.coldest, rules.hottest),
        "wind_speed": (0.0, rules.top_wind),
        "precip": (0.0, float("inf")),
        "visib": (0.0, float("inf")),
    }
    unique = weather.drop_duplicates(subset=list(WEATHER_KEY)).reset_index(drop=True)
    return unique.assign(
        **{column: unique[column].where(unique[column].between(*limit)) for column, limit in limits.items()}
    )


def _is_possible(flights: pd.DataFrame, rules: FlightRules) -> pd.Series[bool]:
    return (
        _is_clock_time(flights["dep_time"])
        & _is_clock_time(flights["arr_time"])
        & flights["dep_delay"].between(-rules.most_early, rules.most_late)
        & flights["arr_delay"].between(-rules.most_early, rules.most_late)
        & (flights["distance"] > 0)
        & (flights["distance"] * 60 <= flights["air_time"] * rules.top_speed)
    )


def _is_clock_time(times: pd.Series[float]) -> pd.Series[bool]:
    return times.between(0, 2400) & (times % 100 < 60)  # noqa: PLR2004 - HHMM: 24 hours, 60 minutes
