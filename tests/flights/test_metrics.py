from __future__ import annotations

import json
import math

import pytest
from flights.metrics import summarise


@pytest.fixture
def features(features_of):
    return features_of(
        {"arr_delay": 20, "dep_delay": 10, "dest": "ORD", "tailnum": "N1"},
        {"arr_delay": -10, "dep_delay": 1, "dest": "LAX", "tailnum": "N2", "temp": None, "seats": 100.0},
        {"arr_delay": 30, "dep_delay": 1, "dest": "LAX", "tailnum": "N1", "temp": 10.0, "seats": None},
        {"arr_delay": 0, "dep_delay": 0, "dest": "LAX", "tailnum": None, "temp": 10.0, "hour": 13},
    ).assign(delay_history=[math.nan, 1.0, 2.0, 6.0])


def test_a_summary_counts_and_averages_what_is_known(features):
    assert summarise(features) == {
        "rows": 4,
        "tailnums": 2,
        "destinations": 2,
        "mean_arr_delay": 10.0,
        "mean_dep_delay": 3.0,
        "mean_delay_history": 3.0,
        "mean_temp": 20.0,
        "mean_seats": pytest.approx(400 / 3),
        "late_share": 0.5,
        "known_weather_share": 0.75,
        "known_plane_share": 0.75,
    }


def test_a_summary_is_of_plain_numbers(features):
    summary = summarise(features)

    assert {type(value) for value in summary.values()} == {int, float}
    assert json.loads(json.dumps(summary)) == summary


def test_the_order_of_the_rows_does_not_change_a_digit(real_month):
    shuffled = real_month.features.sample(frac=1, random_state=1)

    assert summarise(shuffled) == real_month.summary


def test_a_mean_over_nothing_is_nan(features):
    summary = summarise(features.iloc[:0])

    assert summary["rows"] == 0
    assert math.isnan(summary["mean_arr_delay"])
