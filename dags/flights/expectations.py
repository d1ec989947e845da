"""What the tables of a month have to be like: plain data, so that a DAG file that names them stays quick to read."""

from __future__ import annotations

from typing import Any

from flights.cleaning import FLIGHT_KEY, WEATHER_KEY, FlightRules, WeatherRules
from flights.features import FEATURE_COLUMNS

_FLIGHT = FlightRules()
_WEATHER = WeatherRules()
_CLOCK = (1, 2400)
_DELAY = (-_FLIGHT.most_early, _FLIGHT.most_late)


def _expect(what: str, *, severity: str = "critical", **kwargs: object) -> dict[str, Any]:
    return {"type": f"expect_{what}", "kwargs": kwargs, "severity": severity}


def _known(*columns: str) -> list[dict[str, Any]]:
    return [_expect("column_values_to_not_be_null", column=column) for column in columns]


def _between(column: str, low: float, high: float, *, severity: str = "critical") -> dict[str, Any]:
    return _expect("column_values_to_be_between", severity=severity, column=column, min_value=low, max_value=high)


RAW_FLIGHTS = [
    _expect("table_row_count_to_be_between", min_value=1),
    *_known(*FLIGHT_KEY, "sched_dep_time", "dest", "time_hour"),
    _expect("compound_columns_to_be_unique", column_list=list(FLIGHT_KEY)),
    *(_between(column, *_CLOCK) for column in ("dep_time", "arr_time", "sched_dep_time", "sched_arr_time")),
    *(_between(column, *_DELAY) for column in ("dep_delay", "arr_delay")),
    _between("distance", 1, 10_000),
    _between("air_time", 1, 1440),
    _expect("column_values_to_not_be_null", column="dep_time", mostly=0.9, severity="warning"),
    _expect("column_values_to_not_be_null", column="tailnum", mostly=0.98, severity="warning"),
]
"""The raw flights: their key is there and unique, clocks and delays are possible, few are cancelled."""

RAW_WEATHER = [
    _expect("table_row_count_to_be_between", min_value=1),
    *_known(*WEATHER_KEY),
    _expect("column_values_to_be_in_set", column="origin", value_set=["EWR", "JFK", "LGA"]),
    _between("temp", _WEATHER.coldest, _WEATHER.hottest),
    _between("humid", 0, 100),
    _between("precip", 0, 20),
    _between("visib", 0, 10),
    _between("wind_speed", 0, _WEATHER.top_wind, severity="warning"),
]
"""The raw weather: airport and hour are there, and the sensors say what can be."""

FEATURES = [
    _expect("table_columns_to_match_ordered_list", column_list=list(FEATURE_COLUMNS)),
    *_known("flight_id", "scheduled_at", "arr_delay", "dep_delay", "late", "distance"),
    _expect("column_values_to_be_unique", column="flight_id"),
    _between("hour", 0, 23),
    _between("day_of_week", 0, 6),
    _between("arr_delay", *_DELAY),
    _expect("column_mean_to_be_between", column="late", min_value=0.02, max_value=0.6, severity="warning"),
    _expect("column_values_to_not_be_null", column="temp", mostly=0.9, severity="warning"),
]
"""The features: one row a flight, with both labels, and the late ones neither none nor most of them."""
