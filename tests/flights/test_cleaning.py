from __future__ import annotations

import pytest
from flights.cleaning import FlightRules, WeatherRules, clean_flights, clean_weather


@pytest.mark.parametrize("column", ["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"])
def test_a_flight_that_did_not_fly_is_dropped(flights_of, column):
    cleaned = clean_flights(flights_of({}, {column: None}, {}), FlightRules())

    assert list(cleaned["flight"]) == [1, 3]


def test_the_first_of_two_rows_of_one_flight_stays(flights_of):
    twice = flights_of({"flight": 7, "arr_delay": 1.0}, {"flight": 7, "arr_delay": 2.0})

    assert list(clean_flights(twice, FlightRules())["arr_delay"]) == [1]


def test_a_cancelled_row_does_not_hide_the_flown_one(flights_of):
    twice = flights_of({"flight": 7, "dep_time": None}, {"flight": 7, "arr_delay": 2.0})

    assert list(clean_flights(twice, FlightRules())["arr_delay"]) == [2]


@pytest.mark.parametrize(
    "other", [{"year": 2014}, {"month": 2}, {"day": 16}, {"carrier": "AA"}, {"flight": 8}, {"origin": "JFK"}]
)
def test_flights_that_differ_in_one_part_of_the_key_both_stay(flights_of, other):
    assert len(clean_flights(flights_of({"flight": 7}, {"flight": 7, **other}), FlightRules())) == 2


@pytest.mark.parametrize(
    "values",
    [
        {"dep_time": -1},
        {"dep_time": 2401},
        {"dep_time": 1260},
        {"arr_time": 2500},
        {"arr_time": 1199},
        {"dep_delay": -121},
        {"dep_delay": 1441},
        {"arr_delay": -121},
        {"arr_delay": 1441},
        {"air_time": 0},
        {"air_time": -5},
        {"distance": 0},
        {"distance": 801, "air_time": 60},
    ],
    ids=str,
)
def test_an_impossible_flight_is_dropped(flights_of, values):
    assert list(clean_flights(flights_of({}, values), FlightRules())["flight"]) == [1]


@pytest.mark.parametrize(
    "values",
    [
        {"dep_time": 2400},
        {"arr_time": 1},
        {"dep_delay": -120},
        {"dep_delay": 1440},
        {"arr_delay": -120},
        {"arr_delay": 1440},
        {"distance": 800, "air_time": 60},
    ],
    ids=str,
)
def test_a_flight_at_the_limit_of_the_rules_stays(flights_of, values):
    assert len(clean_flights(flights_of(values), FlightRules())) == 1


@pytest.mark.parametrize(
    ("rules", "values"),
    [
        (FlightRules(most_early=10), {"dep_delay": -11}),
        (FlightRules(most_late=100), {"arr_delay": 101}),
        (FlightRules(top_speed=300), {"distance": 700}),
    ],
    ids=["most_early", "most_late", "top_speed"],
)
def test_the_rules_decide_what_is_possible(flights_of, rules, values):
    assert len(clean_flights(flights_of(values), FlightRules())) == 1
    assert len(clean_flights(flights_of(values), rules)) == 0


def test_clean_flights_keep_their_columns_and_hold_whole_minutes(flights_of):
    raw = flights_of({}, {"dep_time": None}, {})
    cleaned = clean_flights(raw, FlightRules())

    assert list(cleaned.columns) == list(raw.columns)
    assert list(cleaned.index) == [0, 1]
    assert {
        str(cleaned[column].dtype) for column in ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time")
    } == {"int64"}


def test_cleaning_leaves_its_input_alone(flights_of, weather_of):
    flights, weather = flights_of({}, {"dep_time": None}), weather_of({"wind_speed": 1048.4})
    flights_before, weather_before = flights.copy(), weather.copy()

    clean_flights(flights, FlightRules())
    clean_weather(weather, WeatherRules())

    assert flights.equals(flights_before)
    assert weather.equals(weather_before)


def test_an_hour_of_weather_stands_once_per_airport(weather_of):
    cleaned = clean_weather(weather_of({"temp": 1.0}, {"temp": 2.0}, {"origin": "JFK", "temp": 3.0}), WeatherRules())

    assert list(cleaned["temp"]) == [1.0, 3.0]
    assert list(cleaned.index) == [0, 1]


def test_the_hour_that_summer_time_repeats_is_kept_twice(weather_of):
    night = weather_of({"time_hour": "2013-11-03T05:00:00Z"}, {"time_hour": "2013-11-03T06:00:00Z"})

    assert len(clean_weather(night, WeatherRules())) == 2


@pytest.mark.parametrize(
    ("column", "value"),
    [("temp", -41.0), ("temp", 131.0), ("wind_speed", 1048.4), ("wind_speed", -1.0), ("precip", -0.1), ("visib", -1.0)],
)
def test_an_impossible_value_is_blanked_and_its_row_stays(weather_of, column, value):
    cleaned = clean_weather(weather_of({column: value}), WeatherRules())

    blank = cleaned[["temp", "wind_speed", "precip", "visib"]].isna().iloc[0]
    assert list(blank[blank].index) == [column]


def test_the_rules_decide_what_weather_is_possible(weather_of):
    cleaned = clean_weather(weather_of({}), WeatherRules(coldest=50.0, top_wind=5.0))
    warmer = clean_weather(weather_of({}), WeatherRules(hottest=30.0))

    assert cleaned[["temp", "wind_speed"]].isna().all(axis=None)
    assert warmer["temp"].isna().all()


def test_the_faulty_wind_of_february_2013_is_blanked():
    from flights.source import extract_weather

    raw = extract_weather("2013-02")
    cleaned = clean_weather(raw, WeatherRules())

    assert raw["wind_speed"].max() > 1000
    assert cleaned["wind_speed"].max() < 60
    assert cleaned["wind_speed"].isna().sum() == raw["wind_speed"].isna().sum() + 1
