"""polars frames: every dtype and every value."""

from __future__ import annotations

import datetime as dt
import decimal

import polars as pl
import pytest
from fingerprint import fingerprint
from hypothesis import given, settings
from hypothesis import strategies as st


def column(values, dtype=None):
    return pl.DataFrame({"a": pl.Series(values, dtype=dtype)})


NUMBERS = [pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Float32, pl.Float64]
NOON = dt.datetime(2020, 1, 1, 12)

FRAMES = {
    **{str(dtype): column([1, None], dtype) for dtype in NUMBERS},
    "NaN is not null": column([float("nan"), None, float("inf"), -0.0]),
    "Boolean": column([True, None]),
    "String": column(["x", None, "é😀", "x" * 50]),
    "Binary": column([b"x", None, b""]),
    "Date": column([dt.date(2020, 1, 1), None]),
    "Time": column([dt.time(1, 2, 3, 4), None]),
    **{f"Datetime {unit}": column([NOON, None], pl.Datetime(unit)) for unit in ("ms", "us", "ns")},
    **{f"Datetime in {zone}": column([NOON], pl.Datetime("us", zone)) for zone in ("UTC", "Europe/Berlin")},
    **{f"Duration {unit}": column([dt.timedelta(1), None], pl.Duration(unit)) for unit in ("ms", "us", "ns")},
    "Decimal": column([decimal.Decimal("1.10"), None], pl.Decimal(10, 2)),
    "Categorical": column(["x", "y", None, "x"], pl.Categorical),
    "Enum": column(["x", None], pl.Enum(["y", "x"])),
    "List": column([[1, None], None, []]),
    "Array": column([[1, 2], None], pl.Array(pl.Int16, 2)),
    "Struct": column([{"x": 1, "y": "z"}, None]),
    "Null": column([None, None]),
    "list of Categorical": column([["x"], ["y", None]], pl.List(pl.Categorical)),
    "struct of Enum": column([{"k": "x"}], pl.Struct({"k": pl.Enum(["y", "x"])})),
    "list of lists": column([[[1]], [[]], None], pl.List(pl.List(pl.Int8))),
    "empty": pl.DataFrame(),
    "no rows": pl.DataFrame({"a": [1], "b": ["x"]}).clear(),
    "no rows, Categorical": column(["x"], pl.Categorical).clear(),
    "no rows, Enum": column(["x"], pl.Enum(["x", "y"])).clear(),
    "several chunks": pl.concat([pl.DataFrame({"a": ["x", "y"]}), pl.DataFrame({"a": ["z"]})], rechunk=False),
    "a slice": pl.DataFrame({"a": range(10), "b": [str(number) for number in range(10)]})[3:5],
    "many columns": pl.DataFrame({f"c{number}": [number] for number in range(300)}),
}


@pytest.mark.parametrize("value", FRAMES.values(), ids=FRAMES.keys())
def test_a_frame_comes_back_as_it_was(value, travel):
    trip = travel(value)
    assert (trip.reference.codec, trip.reference.type) == ("arrow", "polars.DataFrame")
    assert fingerprint(trip.value) == fingerprint(value)
    assert trip.value.equals(value, null_equal=True)


def test_chunks_with_categories_of_their_own_come_back_as_they_were(travel):
    value = pl.concat([column(["x", "y"], pl.Categorical), column(["z", "x"], pl.Categorical)], rechunk=False)
    trip = travel(value)
    assert trip.reference.codec == "arrow"
    assert fingerprint(trip.value) == fingerprint(value)


# Arrow has no such integers; two names that differ in white space become one in polars' own check.
PICKLED = {
    "Int128": column([2**100, None], pl.Int128),
    "no name": pl.DataFrame({"": [1], " ": [2]}),
}


@pytest.mark.parametrize("value", PICKLED.values(), ids=PICKLED.keys())
def test_a_frame_that_arrow_would_change_is_pickled_and_comes_back_as_it_was(value, travel):
    trip = travel(value)
    assert trip.reference.codec == "pickle"
    assert fingerprint(trip.value) == fingerprint(value)


def test_python_objects_in_polars_cannot_travel_and_the_error_says_so(exchange, producer, stored):
    from airflow_linepipe.errors import UnsupportedValueError

    with pytest.raises(UnsupportedValueError, match="'odd'.*polars.*DataFrame.*type Object is not supported"):
        exchange.put(column([object()], pl.Object), name="odd", producer=producer)
    assert stored() == []


@pytest.mark.parametrize("value", [pl.Series("a", [1, None]), pl.LazyFrame({"a": [1]})], ids=["Series", "LazyFrame"])
def test_other_values_of_polars_are_pickled(value):
    from airflow_linepipe.handoff import CodecRegistry

    codec, _ = CodecRegistry().encode(value)
    assert codec.name == "pickle"


VALUES = {
    pl.Int8: st.integers(-128, 127),
    pl.UInt64: st.integers(0, 2**64 - 1),
    pl.Float32: st.floats(width=32),
    pl.Float64: st.floats(),
    pl.Boolean: st.booleans(),
    pl.String: st.text(max_size=5),
    pl.Binary: st.binary(max_size=5),
    pl.Categorical: st.text(max_size=2),
    pl.Enum(["x", "", "y"]): st.sampled_from(["x", "", "y"]),
    pl.Date: st.dates(),
    pl.Datetime("us"): st.datetimes(),
    pl.Datetime("ms", "Asia/Kathmandu"): st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2030, 1, 1)),
    pl.Duration("us"): st.timedeltas(dt.timedelta(-(10**5)), dt.timedelta(10**5)),
    pl.List(pl.Int64): st.lists(st.none() | st.integers(-5, 5), max_size=3),
    pl.Struct({"x": pl.Int8, "y": pl.String}): st.fixed_dictionaries({"x": st.just(1), "y": st.text(max_size=2)}),
}


@st.composite
def frames(draw):
    rows = draw(st.integers(0, 4))
    dtypes = draw(st.lists(st.sampled_from(list(VALUES)), max_size=4))
    return pl.DataFrame(
        [
            pl.Series(f"c{number}", draw(st.lists(st.none() | VALUES[dtype], min_size=rows, max_size=rows)), dtype)
            for number, dtype in enumerate(dtypes)
        ]
    )


@settings(max_examples=100)
@given(value=frames())
def test_any_frame_comes_back_as_it_was(value, travel):
    assert fingerprint(travel(value).value) == fingerprint(value)
