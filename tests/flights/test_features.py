from __future__ import annotations

import math

import pandas as pd
import pytest
from flights.features import FEATURE_COLUMNS, compute_features


def at(clock, **values):
    """Describe a flight scheduled on 2013-01-15 at a time of New York, such as "12:30"."""
    hour, minute = map(int, clock.split(":"))
    stamp = pd.Timestamp(2013, 1, 15, hour, tz="America/New_York").tz_convert("UTC")
    return {"hour": hour, "minute": minute, "time_hour": stamp.isoformat(), **values}


def histories(joined, window=6):
    return [None if math.isnan(value) else value for value in compute_features(joined, window)["delay_history"]]


def test_a_flight_gets_one_row_with_the_promised_columns(joined_of):
    features = compute_features(joined_of({}, {}, {}), 6)

    assert features.shape == (3, 25)
    assert tuple(features.columns) == FEATURE_COLUMNS
    assert list(features["flight"]) == [1, 2, 3]


def test_the_key_names_the_flight_with_dates_that_sort(joined_of):
    features = compute_features(joined_of({"day": 3, "flight": 1545, "carrier": "9E", "origin": "JFK"}), 6)

    assert list(features["flight_id"]) == ["2013-01-03-9E-1545-JFK"]


def test_the_key_is_unique_and_made_of_its_parts(real_month):
    features = real_month.features
    parts = list(features[["year", "month", "day", "carrier", "flight", "origin"]].itertuples(index=False))

    assert features["flight_id"].is_unique
    assert list(features["flight_id"]) == [f"{y}-{m:02}-{d:02}-{c}-{n}-{o}" for y, m, d, c, n, o in parts]


def test_the_schedule_is_in_utc_and_the_hour_and_weekday_are_new_yorks(joined_of):
    features = compute_features(
        joined_of({"day": 13, "hour": 23, "minute": 45, "time_hour": "2013-01-14T04:00:00Z"}), 6
    )

    assert features["scheduled_at"].iloc[0] == pd.Timestamp("2013-01-14T04:45:00Z")
    assert str(features["scheduled_at"].dtype) == "datetime64[us, UTC]"
    assert features["hour"].iloc[0] == 23
    assert features["day_of_week"].iloc[0] == 6


def test_the_age_of_a_plane_counts_from_its_year_of_manufacture(joined_of):
    features = compute_features(joined_of({"built": 2003.0}, {"built": 2013.0}, {"built": None}), 6)

    assert list(features["plane_age"].iloc[:2]) == [10, 0]
    assert math.isnan(features["plane_age"].iloc[2])


def test_late_is_more_than_fifteen_minutes(joined_of):
    features = compute_features(joined_of({"arr_delay": 15}, {"arr_delay": 16}, {"arr_delay": -20}), 6)

    assert list(features["late"]) == [False, True, False]
    assert features["late"].dtype == "bool"


def test_weather_place_and_delays_are_handed_through(joined_of):
    values = {
        "temp": 1.5,
        "wind_speed": 2.5,
        "precip": 0.5,
        "visib": 3.5,
        "seats": 99.0,
        "dest_lat": 4.5,
        "dest_lon": 5.5,
        "distance": 600,
        "dep_delay": 7,
        "arr_delay": 8,
    }

    assert compute_features(joined_of(values), 6)[list(values)].iloc[0].to_dict() == values


def test_the_history_is_the_mean_delay_of_the_flights_before(joined_of):
    joined = joined_of(at("08:00", dep_delay=10), at("09:00", dep_delay=21), at("10:00", dep_delay=99))

    assert histories(joined) == [None, 10, 15.5]


def test_the_history_does_not_depend_on_the_order_of_the_rows(joined_of):
    joined = joined_of(at("10:00", dep_delay=99), at("09:00", dep_delay=21), at("08:00", dep_delay=10))

    assert histories(joined) == [15.5, 10, None]


def test_the_history_is_of_the_same_carrier_and_origin(joined_of):
    joined = joined_of(
        at("08:00", dep_delay=10),
        at("08:00", dep_delay=20, carrier="AA"),
        at("08:00", dep_delay=30, origin="JFK"),
        at("09:00"),
        at("09:00", carrier="AA", origin="JFK"),
    )

    assert histories(joined) == [None, None, None, 10, None]


def test_a_flight_that_has_not_left_yet_is_no_history(joined_of):
    joined = joined_of(at("08:00", dep_delay=5), at("08:30", dep_delay=120), at("10:00"))

    assert histories(joined) == [None, 5, 5]


def test_a_flight_that_leaves_in_the_same_minute_is_no_history(joined_of):
    joined = joined_of(at("09:00", dep_delay=60), at("10:00"), at("10:00"), at("10:01"))

    assert histories(joined) == [None, None, None, 20]


def test_what_happens_between_schedule_and_a_late_departure_is_not_known(joined_of):
    joined = joined_of(at("08:00", dep_delay=75), at("09:00", dep_delay=30))

    assert histories(joined) == [None, None]


def test_what_happens_between_an_early_departure_and_its_schedule_is_not_known(joined_of):
    joined = joined_of(at("08:50", dep_delay=5), at("09:00", dep_delay=-10))

    assert histories(joined) == [None, None]


@pytest.mark.parametrize(("window", "expected"), [(2, 10), (1, None)])
def test_the_window_reaches_back_its_hours_and_no_minute_more(joined_of, window, expected):
    joined = joined_of(at("07:50", dep_delay=10), at("07:48", dep_delay=11), at("10:00"))

    assert histories(joined, window)[2] == expected


def test_the_history_crosses_midnight(joined_of):
    joined = joined_of(
        {"day": 14, "hour": 23, "minute": 0, "time_hour": "2013-01-15T04:00:00Z", "dep_delay": 40}, at("05:00")
    )

    assert histories(joined, 6) == [None, 40]


def test_the_first_departures_of_a_real_month_have_no_history(real_month):
    features = real_month.features
    departed = features["scheduled_at"] + pd.to_timedelta(features["dep_delay"], unit="min")
    first = departed.groupby([features["carrier"], features["origin"]]).idxmin()

    assert len(first) > 30
    assert features.loc[first, "delay_history"].isna().all()


@pytest.mark.parametrize("window", [0, -3])
def test_a_window_that_looks_nowhere_is_refused_by_value(joined_of, window):
    with pytest.raises(ValueError, match=f"looks back {window} hours: the window must be a positive number of hours"):
        compute_features(joined_of({}), window)


def test_computing_leaves_its_input_alone(joined_of):
    joined = joined_of({}, {})
    before = joined.copy()

    compute_features(joined, 6)

    assert joined.equals(before)


def test_no_row_gives_an_empty_table_with_all_columns(joined_of):
    features = compute_features(joined_of({}).iloc[:0], 6)

    assert features.shape == (0, 25)
