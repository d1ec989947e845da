from __future__ import annotations

import pytest
from flights.month import parse_month


def test_a_month_is_split_into_year_and_number():
    assert parse_month("2013-09") == (2013, 9)
    assert parse_month("2013-12") == (2013, 12)


@pytest.mark.parametrize(
    "text", ["2013-1", "2013-13", "2013-00", "2013-01-01", "january", "", "2013-01\n", "\N{FULLWIDTH DIGIT TWO}013-01"]
)
def test_what_is_not_a_month_is_refused_by_name(text):
    with pytest.raises(ValueError, match="is not a month: write YYYY-MM") as caught:
        parse_month(text)

    assert str(caught.value).startswith(repr(text))
