"""Ordered rules over metrics: the first that fits."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from airflow_linepipe.decision import PolicyRule, choose_policy
from airflow_linepipe.errors import MetricError, SettingError


def fits(rule, measured):
    return choose_policy([rule], measured=measured, default="other").policy == rule.policy


def test_the_first_rule_that_fits_holds_and_is_explained():
    rules = [
        PolicyRule("rollback", metric="auc", below=0.55),
        PolicyRule("improve", metric="drift.share", above=0.3),
        PolicyRule("inspect", metric="drift.share", above=0.1),
    ]
    decision = choose_policy(rules, measured={"auc": 0.6, "drift": {"share": 0.4}}, default="continue")
    assert (decision.policy, decision.reason) == ("improve", "drift.share > 0.3 (it is 0.4)")
    assert decision.to_dict()["rules"] == [
        {"policy": "rollback", "rule": "auc < 0.55", "found": "0.6", "fits": False},
        {"policy": "improve", "rule": "drift.share > 0.3", "found": "0.4", "fits": True},
    ]
    calm = choose_policy(rules, measured={"auc": 0.9, "drift": {"share": 0.0}}, default="continue")
    assert calm.policy == "continue"
    assert calm.reason.startswith("no rule fits: not auc < 0.55 (it is 0.9); not drift.share > 0.3 (it is 0.0)")
    json.dumps(calm.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("bounds", "fitting", "others"),
    [
        ({"below": 1}, [0, -math.inf], [1, 2]),
        ({"above": 1}, [2, math.inf], [1, 0]),
        ({"at_most": 1}, [1, 0], [1.5]),
        ({"at_least": 1}, [1, 2], [0.5]),
        ({"above": 0, "below": 1}, [0.5], [0, 1, 2, -1]),
    ],
)
def test_bounds_are_bounds(bounds, fitting, others):
    rule = PolicyRule("p", metric="x", **bounds)
    assert all(fits(rule, {"x": number}) for number in fitting)
    assert not any(fits(rule, {"x": number}) for number in others)


@pytest.mark.parametrize(
    ("options", "series", "expected"),
    [
        ({}, [1, 1, 0], True),
        ({}, [0, 0, 1], False),
        ({"window": 2}, [1, 0, 0], True),
        ({"window": 2}, [0, 1, 0], False),
        ({"window": 3}, [0, 0], False),
        ({"window": 3, "times": 2}, [9, 0, 1, 0], True),
        ({"window": 3, "times": 2}, [0, 0, 1, 1], False),
        ({"window": 0}, [0, 0], True),
        ({"window": 0, "times": 1}, [1, 1, 0, 1], True),
        ({"statistic": "mean"}, [0, 0.8], True),
        ({"statistic": "mean", "window": 1}, [0, 0.8], False),
        ({"statistic": "mean", "window": 3}, [0, 0.2], False),
        ({"statistic": "max"}, [0, 0.8], False),
        ({"statistic": "min"}, [0, 0.8], True),
        ({"statistic": "sum"}, [0.1, 0.2], True),
        ({"statistic": "count"}, [], True),
        ({"statistic": "count"}, [{"an": "alert"}], False),
        ({}, np.array([1.0, 0.0]), True),
        ({"statistic": "mean"}, [math.inf, -math.inf], False),
        ({"statistic": "sum"}, [1e308, 1e308], False),
        ({"statistic": "count"}, np.array([]), True),
        ({"statistic": "count"}, None, False),
    ],
)
def test_of_a_list_the_latest_count(options, series, expected):
    assert fits(PolicyRule("p", metric="x", below=0.5, **options), {"x": series}) is expected


@pytest.mark.parametrize("measured", [{}, {"x": None}, {"x": math.nan}, {"x": []}, {"x": [1, math.nan]}, None])
def test_what_is_missing_fits_no_rule_but_the_one_about_it(measured):
    for bound in ({"below": math.inf}, {"above": -math.inf}, {"at_least": -math.inf}):
        assert not fits(PolicyRule("p", metric="x", **bound), measured)
    assert fits(PolicyRule("p", metric="x", missing=True), measured)
    assert not fits(PolicyRule("p", metric="x", missing=True), {"x": [math.nan, 1]})


def test_that_a_list_to_count_is_missing_fits_only_when_it_is():
    rule = PolicyRule("p", metric="x", statistic="count", missing=True)
    assert fits(rule, {})
    assert fits(rule, {"x": None})
    assert not fits(rule, {"x": [1]})


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        ("high", {}, r"The metric 'x' is 'high' \(a str\), and no number\."),
        ({"a": 1}, {}, r"The metric 'x' is .* \(a dict\), and no number"),
        ([1, "high"], {"window": 2}, r"The metric 'x' is 'high' \(a str\), and no number"),
        (3, {"statistic": "count"}, r"The metric 'x' is a int, whose items cannot be counted"),
    ],
)
def test_what_is_no_number_is_an_error_that_names_the_metric(value, options, message):
    with pytest.raises(MetricError, match=message):
        fits(PolicyRule("p", metric="x", below=1, **options), {"x": value})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"policy": ""}, "policy=''"),
        ({"metric": 3}, "metric=3"),
        ({"below": "1"}, "below='1': give a number"),
        ({"below": math.nan}, "below=nan: give a number"),
        ({"below": None}, "give bounds"),
        ({"missing": True}, "give bounds"),
        ({"window": -1}, "window=-1: give a whole number"),
        ({"times": 2}, "times=2 of a window of 1"),
        ({"window": 3, "times": 4}, "times=4 of a window of 3"),
        ({"times": 1, "statistic": "mean"}, "times=1"),
        ({"statistic": "median"}, "statistic='median': there are mean"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(SettingError, match=message):
        PolicyRule(**{"policy": "p", "metric": "x", "below": 1, **arguments})
