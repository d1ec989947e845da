"""One number out of what was measured."""

from __future__ import annotations

import math
from collections import namedtuple
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from airflow_linepipe.decision import is_told, read_metric
from airflow_linepipe.errors import MetricError

Scores = namedtuple("Scores", "auc")  # noqa: PYI024  (a plain object with attributes)
MEASURED = {
    "auc": 0.9,
    "late": {"f1": 0.5, "f1.macro": 0.4},
    "folds": [1, 2, 3],
    7: 0.7,
    "scores": Scores(0.8),
    "array": np.array([1, 0.25]),
    "deep.a": {"c": 1},
    "deep": {"a": {"b": 3}},
}


@pytest.mark.parametrize(
    ("key", "number"),
    [
        ("auc", 0.9),
        ("late.f1", 0.5),
        ("late.f1.macro", 0.4),
        ("folds.0", 1),
        ("folds.-1", 3),
        ("7", 0.7),
        ("scores.auc", 0.8),
        ("array.1", 0.25),
        ("deep.a.b", 3),
    ],
)
def test_a_path_leads_through_dicts_lists_and_objects(key, number):
    metric = read_metric(MEASURED, key)
    assert (metric.key, metric.number, metric.absence) == (key, number, "")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3),
        (2**70, 2**70),
        (np.float32(0.5), 0.5),
        (np.int64(4), 4),
        (np.array(0.25), 0.25),
        (Decimal("0.1"), 0.1),
        (Fraction(1, 4), 0.25),
        (-math.inf, -math.inf),
    ],
)
def test_a_number_of_any_library_is_a_number(value, number):
    metric = read_metric(value)
    assert metric.number == number
    assert type(metric.number) in (int, float)
    assert metric.is_known


@pytest.mark.parametrize(
    ("values", "key", "absence"),
    [
        ({"auc": None}, "auc", "it is None"),
        (None, "", "it is None"),
        (None, "auc", "there is no 'auc'"),
        ({"auc": math.nan}, "auc", "it is NaN"),
        (np.float64("nan"), "", "it is NaN"),
        ({"auc": 1, "loss": 2}, "acu", "there is no 'acu': did you mean 'auc'?"),
        ({"auc": 1, "loss": 2}, "seconds", "there is no 'seconds', only auc, loss"),
        ({}, "auc", "there is no 'auc'"),
        ({"folds": [1]}, "folds.1", "there is no item 1 in a list of 1"),
        ({"a": {"b": {}}, "a.b": {}}, "a.b.c", "there is no 'c'"),
        ({"auc": pd.NA}, "auc", "it is None"),
        (Scores(1), "_fields", "there is no '_fields', only auc"),
    ],
)
def test_what_is_missing_is_no_number_and_says_why(values, key, absence):
    metric = read_metric(values, key)
    assert math.isnan(metric.number)
    assert metric.absence.startswith(absence)
    assert not metric.is_known


@pytest.mark.parametrize(
    ("values", "key", "message"),
    [
        ({"auc": "0.9"}, "auc", r"The metric 'auc' is '0\.9' \(a str\), and no number\."),
        ({"auc": True}, "auc", r"The metric 'auc' is True \(a bool\), and no number\."),
        ({"auc": 1}, "", r"The metric is .*\(a dict\), and no number: name one of its keys \(auc\)\."),
        ([1, 2], "", r"The metric is \[1, 2\] \(a list\), and no number\."),
        (np.array([1.0]), "", r"an?d? ?.*ndarray\), and no number\."),
        (1j, "", r"complex"),
        (np.datetime64(5, "ns"), "", r"datetime64"),
        (np.timedelta64(5, "ns"), "", r"timedelta64"),
        (np.bool_(True), "", r"\(a bool"),
        (Decimal("1e400"), "", r"Decimal"),
        (Decimal("sNaN"), "", r"Decimal"),
        (Fraction(10**400), "", r"Fraction"),
        ({"folds": [1]}, "folds.x", r"The metric 'x' is looked for in \[1\] \(a list\), which has no parts"),
        ("0.93", "auc", r"The metric 'auc' is looked for in '0\.93' \(a str\)"),
        (True, "auc", r"looked for in True \(a bool\)"),
        ([{"auc": 1}], "auc", r"looked for in .*\(a list\)"),
        (pd.DataFrame({"x": [1]}), "auc", r"looked for in .*\(a DataFrame\)"),
    ],
)
def test_what_is_no_number_is_an_error_that_shows_it(values, key, message):
    with pytest.raises(MetricError, match=message):
        read_metric(values, key)


def test_what_is_shown_is_plain_json():
    assert read_metric(math.inf).shown == "inf"
    assert read_metric(math.nan).shown == "it is NaN"
    assert read_metric(0.5).shown == 0.5


@pytest.mark.parametrize(
    ("values", "key", "expected"),
    [({"auc": "nan"}, "auc", False), ({"auc": 1}, "auc", True), ({"x": [1, 2]}, "x", False), ({}, "auc", True)],
)
def test_an_inline_value_tells_numbers_only(values, key, expected):
    assert is_told(values, key) is expected


def test_an_integer_beyond_all_floats_is_a_metric():
    assert read_metric(10**400).number == 10**400
