"""An outcome in short, in full and in words; and any value as plain JSON."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from airflow_linepipe.errors import SettingError
from airflow_linepipe.validation import ExpectationOutcome, Outcome
from airflow_linepipe.validation.plain import as_plain


def _failed(**attributes):
    usual = {
        "type": "expect_column_values_to_be_between",
        "columns": ("delay",),
        "kwargs": {"column": "delay", "max_value": 30},
        "severity": "critical",
        "success": False,
        "unexpected_count": 48291,
        "unexpected_percent": 14.7036,
        "checked": 328521,
        "samples": (853.0, 31.0, 40.0, 50.0),
    }
    return ExpectationOutcome(**{**usual, **attributes})


def _outcome(*results, **attributes):
    return Outcome(**{"suite": "flights", "results": results, "rows": 336776, **attributes})


def test_a_failure_s_sentence_names_expectation_column_and_what_was_found():
    assert _failed().message == (
        "expect_column_values_to_be_between on column 'delay' (max_value=30): 48,291 of 328,521 values (14.7 %) are "
        "not as expected, such as 853.0, 31.0, 40.0."
    )
    mean = _failed(type="expect_column_mean_to_be_between", unexpected_count=0, samples=(), observed=12.64)
    assert mean.message == "expect_column_mean_to_be_between on column 'delay' (max_value=30): observed 12.64."
    assert _failed(error="there is no column 'x'; did you mean 'y'?").message.endswith("did you mean 'y'?")
    assert "on columns 'a', 'b' and 'c'" not in _failed(columns=("a", "b", "c")).message
    assert "on columns 'a', 'b', 'c'" in _failed(columns=("a", "b", "c")).message
    assert "and 3 more" in _failed(columns=tuple("abcdefgh")).message


def test_the_whole_outcome_in_words():
    ok = _failed(success=True, severity="info")
    assert _outcome(ok, ok).describe() == "2 expectations of 'flights': as expected."
    assert _outcome(_failed()).describe().startswith("The expectation of 'flights' failed: expect_column_values")
    told = _outcome(*[_failed()] * 7, ok).describe(limit=2)
    assert told.startswith("7 of 8 expectations of 'flights' failed:\n  1. expect_")
    assert told.endswith("\n  and 5 more.")
    assert told.count("\n") == 3


def test_what_counts_is_a_matter_of_severity():
    critical, warning, info = (_failed(severity=severity) for severity in ("critical", "warning", "info"))
    error = _failed(severity="info", error="could not be evaluated: x.")
    outcome = _outcome(info, warning, critical, error)
    assert outcome.failures() == (critical,)
    assert outcome.failures("warning") == (critical, warning)
    assert outcome.failures("info") == (error, critical, warning, info)
    assert outcome.errors == (error,)
    lesser = _outcome(info, warning, error)
    assert lesser.success
    assert [lesser.passes(least) for least in ("critical", "warning", "info")] == [True, False, False]
    assert lesser.summary()["unsuccessful_by_severity"] == {"critical": 0, "warning": 1, "info": 2}
    with pytest.raises(SettingError, match="severity='fatal': give one of 'critical', 'warning', 'info'"):
        outcome.failures("fatal")


@pytest.mark.parametrize("count", [1, 10, 5000])
@pytest.mark.parametrize(
    "letter", ["x", "é", "\x01", "😀", "\ud800"], ids=["ascii", "é", "control", "emoji", "surrogate"]
)
def test_a_summary_is_small_however_much_there_is(count, letter):
    long = as_plain(letter * 10_000)
    failed = _failed(
        type=long,
        columns=(long,) * 100,
        samples=(long, [long] * 50, {long: long}) * 5,
        observed={long: [long] * 100},
        kwargs={long: long},
    )
    error = _failed(error=long)
    outcome = _outcome(*[failed, error] * count, suite=long)
    summary = outcome.summary()
    assert len(json.dumps(summary).encode()) < 8_000
    assert summary["unsuccessful"] == 2 * count
    assert summary["failures"]
    assert len(summary["failures"]) + summary["failures_not_shown"] == 2 * count
    assert len(outcome.describe()) < 12_000


def test_a_summary_shows_at_most_ten_samples():
    (shown,) = _outcome(_failed(samples=tuple(range(20)))).summary()["failures"]
    assert shown["samples"] == [*range(10)]


class Colour(Enum):
    RED = "red"


PLAIN = [
    (None, None),
    (True, True),
    (math.nan, "nan"),
    (-math.inf, "-inf"),
    (2**53 + 1, str(2**53 + 1)),
    (np.int8(3), 3),
    (np.float32(0.5), 0.5),
    (np.longdouble(1.5), 1.5),
    (np.float64("nan"), "nan"),
    (np.bool_(1), True),
    (np.str_("x"), "x"),
    (np.datetime64("2013-01-01T00:00:00.000000001"), "2013-01-01T00:00:00.000000001"),
    (np.datetime64("NaT"), None),
    (np.array([[1.0, math.inf]]), [[1.0, "inf"]]),
    (pd.NA, None),
    (pd.NaT, None),
    (pd.Timestamp("2013-01-01", tz="UTC"), "2013-01-01T00:00:00+00:00"),
    (pd.Series([1, 2]), [1, 2]),
    (pd.DataFrame({"a": [1]}), [{"a": 1}]),
    (datetime(2013, 1, 1, tzinfo=timezone(timedelta(hours=1))), "2013-01-01T00:00:00+01:00"),
    (date(2013, 1, 1), "2013-01-01"),
    (time(1, 2), "01:02:00"),
    (timedelta(days=1), "1 day, 0:00:00"),
    (Decimal("1.10"), "1.10"),
    (Colour.RED, "red"),
    (Path("a/b"), "a/b"),
    (b"\xff", "b'\\xff'"),
    ("a\0\ud800", "a\\x00\\ud800"),
    ({1: {2.5}, None: (1,)}, {"1": [2.5], "None": [1]}),
]


@pytest.mark.parametrize(("value", "plain"), PLAIN, ids=[repr(value)[:30] for value, _ in PLAIN])
def test_any_value_becomes_plain_json(value, plain):
    assert as_plain(value) == plain
    assert type(as_plain(value)) is type(plain)
    json.dumps(as_plain(value), allow_nan=False)


def test_what_holds_itself_ends_somewhere():
    endless: list[object] = []
    endless.append(endless)
    json.dumps(as_plain(endless))
