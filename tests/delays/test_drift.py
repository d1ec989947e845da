"""R59: drift is found where it is, and not where it is not; thresholds decide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from delays.drift import DriftRules, detect_drift
from delays.history import add_route_history

RULES = DriftRules()


@pytest.fixture
def month(flights_of):
    return add_route_history(flights_of("2013-01", 4_000))


@pytest.fixture
def halves(month):
    chosen = np.random.default_rng(0).permutation(len(month))
    return month.iloc[chosen[:2_000]], month.iloc[chosen[2_000:]]


@pytest.mark.parametrize("seed", range(20))
def test_two_halves_of_one_month_do_not_drift(month, seed):
    """R59."""
    chosen = np.random.default_rng(seed).permutation(len(month))
    found = detect_drift(month.iloc[chosen[:2_000]], month.iloc[chosen[2_000:]], RULES)
    assert found["found"] == []
    assert found["count"] == 0
    assert not found["target"]["drifted"]


@pytest.mark.parametrize(
    ("column", "changed"),
    [
        ("temp", lambda values: values + 5),
        ("wind_speed", lambda values: values * 2),
        ("seats", lambda values: values.where(np.arange(len(values)) % 2 == 0)),  # a register that lost half its planes
        ("carrier", lambda values: values.where(values != "DL", "UA")),
        ("origin", lambda values: "EWR"),
        ("dest", lambda values: None),
        ("dep_delay", lambda values: values * 60),
    ],
)
def test_what_is_injected_is_found_alone(halves, column, changed):
    """R59."""
    reference, current = halves
    found = detect_drift(reference, current.assign(**{column: changed(current[column])}), RULES)
    assert found["found"] == [column]
    assert found["count"] == 1
    assert found["columns"][column]["p"] < 1e-6


def test_the_label_drifts_on_its_own(halves):
    """R59."""
    reference, current = halves
    found = detect_drift(reference, current.assign(arr_delay=current["arr_delay"] + 15), RULES)
    assert found["target"]["drifted"]
    assert found["found"] == []


def test_thresholds_decide(halves):
    """R59."""
    reference, current = halves
    warmer = current.assign(temp=current["temp"] + 5)
    effect = detect_drift(reference, warmer, RULES)["columns"]["temp"]["effect"]
    for rules, count in (
        (replace(RULES, distance=effect - 0.01), 1),
        (replace(RULES, distance=effect + 0.01), 0),
        (replace(RULES, significance=0.0), 0),
    ):
        assert detect_drift(reference, warmer, rules)["count"] == count


def test_a_small_difference_in_many_rows_is_no_drift(month):
    """The smallest shift of many rows is significant, and means nothing."""
    many = pd.concat([month] * 10)
    found = detect_drift(many, many.assign(temp=many["temp"] + 0.3), RULES)["columns"]["temp"]
    assert found["p"] < 1e-4
    assert not found["drifted"]


def test_the_largest_comes_first(halves):
    reference, current = halves
    changed = current.assign(temp=current["temp"] + 6, wind_speed=current["wind_speed"] + 100)
    assert detect_drift(reference, changed, RULES)["found"] == ["wind_speed", "temp"]


def test_one_word_is_no_choice(halves):
    reference, current = (half.assign(dest="ORD") for half in halves)
    assert detect_drift(reference, current, RULES)["columns"]["dest"] == {"effect": 0.0, "p": 1.0, "drifted": False}
