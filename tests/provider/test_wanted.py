"""Which value of a query counts as newer."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from airflow_linepipe.errors import SettingError
from airflow_linepipe.hooks.wanted import Wanted, plain_value


def admits(value, than):
    return Wanted(conn_id="db", sql="select 1", newer_than=than).admits_value(value)


@pytest.mark.parametrize(
    ("value", "than", "expected"),
    [
        (42, 41, True),
        (41, 41, False),
        ("42", "41", True),
        ("9", "10", False),
        (Decimal("41.5"), 41, True),
        (True, 0, True),
        (True, 5, False),
        (math.nan, 41, False),
        ("NaN", 41, False),
        (math.inf, 41, True),
        (datetime(2026, 2, 1, tzinfo=UTC), "2026-01-01", True),
        ("2026-01-01T00:00:00Z", datetime(2026, 2, 1, tzinfo=UTC), False),
        ("b", "a", True),
        (None, 41, False),
    ],
)
def test_a_value_is_newer_as_number_time_or_text(value, than, expected):
    assert admits(value, than) is expected


@pytest.mark.parametrize(("value", "than"), [("x", 41), (b"9", 10), (datetime(2026, 1, 1, tzinfo=UTC), 41), (5, "a")])
def test_a_value_of_another_kind_is_an_error(value, than):
    with pytest.raises(SettingError, match="newer_than=.*the query gave .*, which cannot be compared with that"):
        admits(value, than)


@pytest.mark.parametrize("value", [Decimal("Infinity"), Decimal("NaN"), math.inf])
def test_what_json_does_not_have_is_a_text(value):
    assert isinstance(plain_value(value), str)
