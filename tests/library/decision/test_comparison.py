"""Metrics against thresholds and baselines: what counts as better, and what never does."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_linepipe.decision import MetricRule, decide
from airflow_linepipe.errors import MetricError, SettingError

NUMBERS = st.floats(allow_nan=False) | st.integers()


@pytest.mark.parametrize(
    ("value", "options", "holds"),
    [
        (0.7, {"threshold": 0.7}, True),
        (0.69, {"threshold": 0.7}, False),
        (5, {"threshold": 5, "higher_is_better": False}, True),
        (6, {"threshold": 5, "higher_is_better": False}, False),
        (math.nan, {"threshold": -math.inf}, False),
        (None, {"threshold": -math.inf}, False),
    ],
)
def test_a_threshold_is_reached_or_not(value, options, holds):
    decision = decide([MetricRule("auc", **options)], measured={"auc": value})
    assert decision.outcome is holds
    json.dumps(decision.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("value", "baseline", "options", "holds"),
    [
        (0.71, 0.7, {}, True),
        (0.7, 0.7, {}, False),
        (0.702, 0.7, {"min_delta": 0.002}, True),
        (0.302, 0.3, {"min_delta": 0.002}, True),
        (0.3 + 0.1, 0.3, {"min_delta": 0.1}, True),
        (0.7019, 0.7, {"min_delta": 0.002}, False),
        (4, 5, {"higher_is_better": False}, True),
        (4, 5, {"higher_is_better": False, "min_delta": 1}, True),
        (4.5, 5, {"higher_is_better": False, "min_delta": 1}, False),
        (2**60 + 1, 2**60, {}, True),
        (math.inf, 0.7, {"min_delta": 3}, True),
        (math.inf, math.inf, {}, False),
        (math.nan, 0.7, {}, False),
        (0.0, math.nan, {}, True),
        (0.0, None, {}, True),
        (math.nan, math.nan, {}, False),
        (None, None, {}, False),
    ],
)
def test_better_is_better_by_as_much_as_people_read(value, baseline, options, holds):
    rule = MetricRule("auc", **options)
    assert decide([rule], measured={"auc": value}, baseline={"auc": baseline}).outcome is holds


@given(NUMBERS | st.just(math.nan) | st.none(), NUMBERS)
def test_of_two_values_at_most_one_is_better_and_never_one_that_is_no_number(one, other):
    for higher in (True, False):
        rule = [MetricRule(higher_is_better=higher)]
        ahead = decide(rule, measured=one, baseline=other, without_baseline="false").outcome
        behind = decide(rule, measured=other, baseline=one, without_baseline="false").outcome
        known = one is not None and not math.isnan(one)
        assert (ahead or behind) is (known and one != other)
        assert not (ahead and behind)


def test_a_missing_baseline_is_nothing_to_beat_unless_one_is_wanted():
    rule = [MetricRule("auc")]
    first = decide(rule, measured={"auc": 0.5}, baseline=None)
    assert (first.outcome, first.reason) == (
        True,
        "auc 0.5, and nothing to beat: of the baseline, there is no 'auc'",
    )
    assert decide(rule, measured={"auc": 0.5}, baseline=None, without_baseline="false").outcome is False


def test_a_baseline_that_is_one_number_is_that_of_the_metric():
    assert decide([MetricRule("auc")], measured={"auc": 0.8}, baseline=0.7).outcome
    assert not decide([MetricRule("auc")], measured={"auc": 0.6}, baseline=0.7).outcome


@pytest.mark.parametrize(("require", "outcome"), [("all", False), ("any", True)])
def test_of_several_metrics_all_or_any_have_to_hold(require, outcome):
    rules = [MetricRule("auc", min_delta=0.01), MetricRule("seconds", threshold=5, higher_is_better=False)]
    decision = decide(rules, measured={"auc": 0.8, "seconds": 9}, baseline={"auc": 0.7}, require=require)
    assert decision.outcome is outcome
    assert decision.to_dict() == {
        "outcome": outcome,
        "require": require,
        "reason": "auc 0.8 is better than baseline 0.7 by at least 0.01; seconds 9 > threshold 5",
        "metrics": [
            {
                "key": "auc",
                "value": 0.8,
                "baseline": 0.7,
                "min_delta": 0.01,
                "higher_is_better": True,
                "holds": True,
                "reason": "auc 0.8 is better than baseline 0.7 by at least 0.01",
            },
            {
                "key": "seconds",
                "value": 9,
                "threshold": 5,
                "higher_is_better": False,
                "holds": False,
                "reason": "seconds 9 > threshold 5",
            },
        ],
    }


def test_arguments_of_any_library_are_numbers():
    rule = MetricRule("auc", min_delta=np.float64(0.002))
    assert decide([rule], measured={"auc": 0.702}, baseline={"auc": 0.7}).outcome
    assert decide([MetricRule(threshold=np.int64(3))], measured=10**400).outcome
    assert not decide([MetricRule()], measured=10**400, baseline=10**401).outcome


def test_a_baseline_that_cannot_be_read_is_an_error_and_not_nothing_to_beat():
    """A worse model would be served."""
    for baseline in ("0.93", [{"auc": 0.93}], True, {"auc": "high"}, pd.DataFrame({"a": [1]})):
        with pytest.raises(MetricError):
            decide([MetricRule("auc")], measured={"auc": 0.5}, baseline=baseline)


def test_a_misspelt_metric_says_so():
    decision = decide([MetricRule("acu", threshold=0)], measured={"auc": 0.8})
    assert decision.reason == "acu never counts as good enough: there is no 'acu': did you mean 'auc'?"


def test_a_baseline_that_is_no_number_is_an_error():
    with pytest.raises(MetricError, match="The metric 'auc' is 'high'"):
        decide([MetricRule("auc")], measured={"auc": 0.8}, baseline={"auc": "high"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": "x"}, "threshold='x'"),
        ({"key": 3}, "key=3: give the metric's name"),
        ({"threshold": "0.7"}, "threshold='0.7': give a number"),
        ({"threshold": True}, "threshold=True: give a number"),
        ({"threshold": math.nan}, "threshold=nan: give a number"),
        ({"min_delta": -1}, "min_delta=-1 is negative"),
        ({"min_delta": None}, "min_delta=None: give a number"),
        ({"min_delta": 0.1, "threshold": 1}, "min_delta= belongs to a baseline"),
        ({"higher_is_better": "no"}, "higher_is_better='no': write True or False"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(SettingError, match=message):
        MetricRule(**{"key": "auc", **arguments})
