from __future__ import annotations

import pandas as pd
import pytest
from flights.joining import join_airports, join_planes, join_weather


@pytest.fixture
def planes():
    return pd.DataFrame({"tailnum": ["N1", "N2", None, None], "year": [2003.0, None, 1990.0, 1991.0], "seats": 150})


@pytest.fixture
def airports():
    return pd.DataFrame({"faa": ["ORD", "LAX"], "name": "x", "lat": [41.9, 33.9], "lon": [-87.9, -118.4]})


def test_a_flight_gets_the_weather_of_its_airport_and_hour(flights_of, weather_of):
    weather = weather_of(
        {"temp": 1.0},
        {"temp": 2.0, "origin": "JFK"},
        {"temp": 3.0, "time_hour": "2013-01-15T18:00:00Z"},
    )
    flights = flights_of({"origin": "JFK"}, {"time_hour": "2013-01-15T18:00:00Z"}, {})

    assert list(join_weather(flights, weather)["temp"]) == [2.0, 3.0, 1.0]


def test_a_flight_without_records_stays_with_missing_weather(flights_of, weather_of):
    joined = join_weather(flights_of({"origin": "LGA"}, {}), weather_of({}))

    assert list(joined["flight"]) == [1, 2]
    assert list(joined["temp"].isna()) == [True, False]


def test_the_weather_brings_only_its_own_columns(flights_of, weather_of):
    flights = flights_of({})
    weather = weather_of({}).assign(year=2013, month=1, day=15, hour=12, dewp=1.0)

    added = list(join_weather(flights, weather).columns)[len(flights.columns) :]
    assert added == ["temp", "wind_speed", "precip", "visib"]


def test_an_hour_of_weather_that_stands_twice_is_refused(flights_of, weather_of):
    with pytest.raises(pd.errors.MergeError):
        join_weather(flights_of({}), weather_of({}, {}))


def test_a_flight_gets_its_plane_under_a_name_of_its_own(flights_of, planes):
    joined = join_planes(flights_of({"tailnum": "N1"}, {"tailnum": "N9"}), planes)

    assert list(joined["year"]) == [2013, 2013]
    assert joined["built"].iloc[0] == 2003
    assert joined["seats"].iloc[0] == 150
    assert joined[["built", "seats"]].iloc[1].isna().all()


def test_an_unknown_tail_number_matches_no_plane(flights_of, planes):
    joined = join_planes(flights_of({"tailnum": None}, {"tailnum": "N1"}), planes)

    assert list(joined["seats"].isna()) == [True, False]


def test_a_plane_that_stands_twice_is_refused(flights_of, planes):
    with pytest.raises(pd.errors.MergeError):
        join_planes(flights_of({}), pd.concat([planes, planes]))


def test_a_flight_gets_the_place_of_its_destination(flights_of, airports):
    joined = join_airports(flights_of({"dest": "LAX"}, {"dest": "SJU"}), airports)

    assert list(joined["dest_lat"].isna()) == [False, True]
    assert (joined["dest_lat"].iloc[0], joined["dest_lon"].iloc[0]) == (33.9, -118.4)
    assert "name" not in joined


def test_an_airport_that_stands_twice_is_refused(flights_of, airports):
    with pytest.raises(pd.errors.MergeError):
        join_airports(flights_of({}), pd.concat([airports, airports]))


def test_no_join_drops_repeats_or_reorders_a_flight(real_month):
    key = ["year", "month", "day", "carrier", "flight", "origin"]

    assert real_month.joined[key].equals(real_month.flights[key])


def test_the_places_of_the_destinations_agree_with_the_distances_flown(real_month):
    from math import asin, cos, radians, sin, sqrt

    newark = (radians(40.6925), radians(-74.1687))
    flights = real_month.joined.query("origin == 'EWR'").dropna(subset=["dest_lat"]).drop_duplicates("dest")

    assert len(flights) > 60
    for dest, distance, lat, lon in flights[["dest", "distance", "dest_lat", "dest_lon"]].itertuples(index=False):
        north, east = radians(lat), radians(lon)
        chord = sin((north - newark[0]) / 2) ** 2 + cos(north) * cos(newark[0]) * sin((east - newark[1]) / 2) ** 2
        assert 2 * 3958.8 * asin(sqrt(chord)) == pytest.approx(distance, rel=0.02, abs=5), dest
