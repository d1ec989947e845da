"""pandas: dtypes, index, columns, frequencies, categories, zones and attrs, exactly as they were."""

from __future__ import annotations

import cProfile
import datetime as dt
import decimal
import zoneinfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fingerprint import fingerprint
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_linepipe.handoff.codecs.validity import table_with_bitmaps

UTC_TIMES = pd.to_datetime(["2020-01-01", None], utc=True)


def column(values, dtype=None):
    return pd.DataFrame({"a": pd.Series(values, dtype=dtype)})


def indexed(index):
    return pd.DataFrame({"a": range(len(index))}, index=index)


def labelled(columns):
    return pd.DataFrame([range(len(columns))], columns=columns)


def with_attrs(**attrs):
    frame = column([1])
    frame.attrs.update(attrs)
    return frame


def in_itself():
    value = [1]
    value.append(value)
    return value


COLUMNS = {
    **{f"{name}[pyarrow]": column([1.5, None, 3.25], f"{name}[pyarrow]") for name in ("float", "double")},
    "halffloat[pyarrow]": column(pd.array(pa.array(np.array([1.5, 2.5], "f2")), dtype=pd.ArrowDtype(pa.float16()))),
    **{
        f"{name}[pyarrow]": column(pd.to_datetime(["2020", None, "2021"]), f"{name}[pyarrow]")
        for name in ("timestamp[us]", "timestamp[ns, UTC]", "date32[day]")
        if "date" not in name
    },
    **{name: column(np.arange(3, dtype=name)) for name in ("int8", "int16", "int32", "int64")},
    **{name: column(np.arange(3, dtype=name)) for name in ("uint8", "uint16", "uint32", "uint64")},
    **{name: column(np.array([1.5, np.nan], dtype=name)) for name in ("float16", "float32", "float64")},
    "extreme floats": column([np.inf, -np.inf, -0.0, 0.0, 5e-324]),
    "bool": column([True, False]),
    "text": column(["x", None, "é😀"]),
    "nullable text": column(["x", None], "string[pyarrow]"),
    **{f"datetime64[{unit}]": column(UTC_TIMES.tz_localize(None).as_unit(unit)) for unit in ("s", "ms", "us", "ns")},
    **{
        f"timedelta64[{unit}]": column(pd.to_timedelta([5, None], "s").as_unit(unit))
        for unit in ("s", "ms", "us", "ns")
    },
    "zone": column(UTC_TIMES.tz_convert("Europe/Berlin")),
    "zone by zoneinfo": column(UTC_TIMES.tz_convert(zoneinfo.ZoneInfo("Asia/Kathmandu"))),
    "UTC": column(UTC_TIMES),
    "offset": column(UTC_TIMES.tz_convert(dt.timezone(dt.timedelta(hours=3)))),
    "far years": column(np.array(["9999-12-31", "0001-01-01"], "M8[s]")),
    "categories": column(pd.Categorical(["x", None, "y"], categories=["y", "x", "z"])),
    "ordered categories": column(pd.Categorical(["x", None, "y"], categories=["y", "x", "z"], ordered=True)),
    "categories of numbers": column(pd.Categorical([3, 1], categories=[3, 1, 2])),
    "categories of floats": column(pd.Categorical([1.5, None])),
    "categories of booleans": column(pd.Categorical([True, False])),
    "categories of dates": column(pd.Categorical(pd.to_datetime(["2020-01-01"]))),
    "many categories": column(pd.Categorical([str(number) for number in range(300)])),
    "only missing": column(pd.Categorical([None, None], categories=["x"])),
    "no categories": column(pd.Categorical([None, None])),
    **{name: column([1, None], name) for name in ("Int8", "Int32", "Int64", "UInt16", "Float32", "Float64")},
    "boolean": column([True, None], "boolean"),
    "arrow integers": column([1, None], pd.ArrowDtype(pa.int64())),
    "arrow floats": column(pd.array(pa.array([1.0, float("nan"), None]), pd.ArrowDtype(pa.float64()))),
    "arrow times": column([dt.datetime(2020, 1, 1, tzinfo=dt.UTC)], pd.ArrowDtype(pa.timestamp("us", "UTC"))),
    "periods": column(pd.period_range("2020", "2022", freq="Y")),
    "intervals": column(pd.interval_range(0, 3, closed="both")),
    "objects: dates": column([dt.date(1, 1, 1), dt.date(9999, 12, 31), None], object),
    "objects: decimals": column([decimal.Decimal("1.10"), decimal.Decimal("-0.05"), None], object),
    "objects: bytes": column([b"x", b"", None], object),
    "objects: text": column(["x", None, "é😀"], object),
    "objects: nothing but None": column([None, None], object),
    "objects: none at all": column([], object),
    "no rows": pd.DataFrame({"a": np.array([], "i4"), "s": pd.array([], "str"), "t": pd.array([], "M8[s]")}),
    "a slice": column(np.arange(10.0)).iloc[3:7],
    "several blocks": pd.DataFrame({"a": [1], "b": [1.5], "c": ["x"], "d": [2], "e": [True]}),
}

INDEXES = {
    "range": indexed(pd.RangeIndex(5, 20, 5, name="q")),
    "range of one": indexed(pd.RangeIndex(5, 6, 3)),
    "range backwards": indexed(pd.RangeIndex(9, 0, -3)),
    "empty range": indexed(pd.RangeIndex(5, 5, 3)),
    "text": indexed(pd.Index(["x", "y"], name="k")),
    "missing text": indexed(pd.Index(["x", None])),
    "repeated": indexed([3, 3]),
    "int8": indexed(pd.Index([3, 4], dtype="int8")),
    "float32": indexed(pd.Index([1, np.nan], dtype="float32")),
    "booleans": indexed(pd.Index([True, False])),
    "named like the column": indexed(pd.Index([3, 4], name="a")),
    "named with nothing": indexed(pd.Index(["x", "y"], name="")),
    "named None": indexed(pd.Index(["x", "y"], name="None")),
    "days": indexed(pd.date_range("2020", periods=3)),
    "weeks": indexed(pd.date_range("2020", periods=3, freq="W-SUN", name="t")),
    "two hours": indexed(pd.date_range("2020", periods=3, freq="2h")),
    "days backwards": indexed(pd.date_range("2020", periods=3, freq="-1D")),
    "month starts in a zone": indexed(pd.date_range("2020", periods=3, freq="MS", tz="Europe/Berlin")),
    "days over the change of clocks": indexed(pd.date_range("2020-03-28", periods=3, freq="D", tz="Europe/Berlin")),
    "no hours": indexed(pd.date_range("2020", periods=3, freq="2h")).iloc[:0],
    "dates without a frequency": indexed(pd.to_datetime(["2020-01-01", "2021-01-05"])),
    "dates in seconds": indexed(pd.DatetimeIndex(np.array(["2020-01-01"], "M8[s]"))),
    "dates in UTC": indexed(UTC_TIMES),
    "durations": indexed(pd.to_timedelta([1, 5], "s")),
    "durations with a frequency": indexed(pd.timedelta_range("1s", periods=2)),
    "periods": indexed(pd.period_range("2020", "2022", freq="Y")),
    "intervals": indexed(pd.interval_range(0, 3, closed="both")),
    "categories": indexed(pd.CategoricalIndex(["b", "a"], categories=["b", "a"], ordered=True, name="c")),
    "levels": indexed(pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["i", "s"])),
    "levels without names": indexed(pd.MultiIndex.from_tuples([(1, "x"), (2, "y")])),
    "levels of the same name": indexed(pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["i", "i"])),
    "levels with missing values": indexed(pd.MultiIndex.from_arrays([["x", None], [1.0, np.nan]], names=["i", "j"])),
    "levels with categories": indexed(
        pd.MultiIndex.from_arrays([pd.Categorical(["b", "a"], categories=["b", "a"]), UTC_TIMES], names=["i", "j"])
    ),
    "levels without rows": indexed(pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["i", "s"])).iloc[:0],
    "levels with unused values": indexed(pd.MultiIndex.from_tuples([(1, "x"), (2, "y")])).iloc[:1],
}

LABELS = {
    "a range": pd.DataFrame([[1, 2]]),
    "a range with a name": labelled(pd.RangeIndex(2, 6, 2, name="z")),
    "numbers": labelled([5, 7]),
    "int8": labelled(pd.Index([1, 2], dtype="int8")),
    "floats": labelled([1.5, 2.5]),
    "dates": labelled(pd.to_datetime(["2020", "2021"])),
    "a name": column([1]).rename_axis(columns="z"),
    "levels": labelled(pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])),
    "levels with names": labelled(pd.MultiIndex.from_tuples([("a", 1), ("a", 2)], names=["p", "q"])),
    "levels with dates": labelled(
        pd.MultiIndex.from_tuples([("a", pd.Timestamp("2020")), ("b", pd.Timestamp("2021"))])
    ),
    "an empty name": labelled(["", " "]),
    "names of values": labelled(["True", "None", "nan"]),
    "the name of pyarrow's index": pd.DataFrame({"__index_level_0__": [1, 2]}, index=[7, 8]),
    "the name of reset_index": pd.DataFrame({"index": [1, 2]}, index=["x", "y"]),
    "attrs": with_attrs(source="nycflights13", rows=[1, None, {"a": True}]),
}

OPEN = {
    **{f"column: {key}": value for key, value in COLUMNS.items()},
    **{f"index: {key}": value for key, value in INDEXES.items()},
    **{f"labels: {key}": value for key, value in LABELS.items()},
}


def duplicates_forbidden():
    return column([1]).set_flags(allows_duplicate_labels=False)


# Arrow would change each of these.
CLOSED = {
    "no columns": pd.DataFrame(),
    "no columns, five rows": pd.DataFrame(index=pd.RangeIndex(5)),
    "no columns, an index": pd.DataFrame(index=["a", "b"]),
    "duplicate columns": labelled(["a", "a"]),
    "duplicates forbidden": duplicates_forbidden(),
    "mixed labels": labelled(["a", 1]),
    "missing label": labelled(pd.Index(["a", None], dtype=object)),
    "missing label in levels": labelled(pd.MultiIndex.from_tuples([("a", None), ("a", "y")])),
    "labels are objects": labelled(pd.Index(["a", "b"], dtype=object)),
    "labels are booleans": labelled([True, False]),
    "labels are durations": labelled(pd.to_timedelta([1, 5], "s")),
    "labels are periods": labelled(pd.period_range("2020", periods=2, freq="M")),
    "labels have a frequency": labelled(pd.date_range("2020", periods=2)),
    "labels have categories": labelled(pd.CategoricalIndex(["a", "b"])),
    "labels in one level": labelled(pd.MultiIndex.from_arrays([["a", "b"]])),
    "labels are no unicode": labelled(pd.Index(["\ud800"], dtype=object)),
    "labels named by a number": labelled(pd.RangeIndex(2, name=3)),
    "index named by a number": indexed(pd.Index([4, 9], name=5)),
    "index named by a tuple": indexed(pd.RangeIndex(2, name=("a", 1))),
    "index named by a date": indexed(pd.Index(["x", "y"], name=pd.Timestamp("2020"))),
    "index of objects": indexed(pd.Index(["x", "y"], dtype=object)),
    "index of mixed objects": indexed(pd.Index(["x", 1])),
    "index of nullable integers": indexed(pd.Index([1, 2], dtype="Int64")),
    "index with holidays": indexed(
        pd.date_range("2020-01-01", periods=3, freq=pd.offsets.CustomBusinessDay(holidays=["2020-01-02"]))
    ),
    "index with an offset": indexed(pd.date_range("2020", periods=3, freq=pd.DateOffset(months=1, days=2))),
    "attrs with a tuple": with_attrs(x=(1, 2)),
    "attrs with an object": with_attrs(x=dt.date(2020, 1, 1)),
    "attrs with a number as key": with_attrs(x={1: 2}),
    "attrs with numpy": with_attrs(x=np.float64(1)),
    "attrs with NaN": with_attrs(x=float("nan")),
    "sparse": column(pd.arrays.SparseArray([0, 0, 1])),
    "complex": column([1j]),
    "python text": column(["x", None], "string[python]"),
    "NaN that is not missing": column(
        pd.arrays.FloatingArray(np.array([1, np.nan, 2]), np.array([False, False, True]))
    ),
    "categories of objects": column(pd.Categorical(["x"], categories=pd.Index(["x", "y"], dtype=object))),
    "categories with a name": column(pd.Categorical.from_codes([0, 1], categories=pd.Index(["x", "y"], name="n"))),
    "categories of intervals": column(pd.cut([1, 2, 3], 2)),
    "categories without rows": column(pd.Categorical([], categories=["y", "x"])),
    "index of categories without rows": indexed(pd.CategoricalIndex([], categories=["y", "x"])),
    "arrow text": column(["x", None], pd.ArrowDtype(pa.string())),
    "arrow lists": column([[1], None], pd.ArrowDtype(pa.list_(pa.int64()))),
    "arrow decimals": column([decimal.Decimal("1.1")], pd.ArrowDtype(pa.decimal128(5, 2))),
    "objects: text and NaN": column(["x", np.nan], object),
    "objects: text and NA": column(["x", pd.NA], object),
    "objects: text and NaT": column(["x", pd.NaT], object),
    "objects: nothing but NaN": column([np.nan, np.nan], object),
    "objects: integers": column([1, None], object),
    "objects: huge integers": column([2**70], object),
    "objects: booleans": column([True, None], object),
    "objects: mixed": column([1, "x", 1.5, None], object),
    "objects: date and datetime": column([dt.date(2020, 1, 1), dt.datetime(2020, 1, 1)], object),
    "objects: decimals of several scales": column([decimal.Decimal("1.1"), decimal.Decimal("1.10")], object),
    "objects: decimals with NaN": column([decimal.Decimal("1.1"), decimal.Decimal("NaN")], object),
    "objects: times": column([dt.time(1)], object),
    "objects: lists": column([[1, 2], [3]], object),
    "objects: dicts": column([{"k": 1}], object),
    "objects: no unicode": column(["\ud800"], object),
}


@pytest.mark.parametrize("value", OPEN.values(), ids=OPEN.keys())
def test_a_frame_comes_back_as_it_was(value, travel):
    trip = travel(value)
    assert (trip.reference.codec, trip.reference.type) == ("arrow", "pandas.DataFrame")
    assert fingerprint(trip.value) == fingerprint(value)
    pd.testing.assert_frame_equal(trip.value, value, check_exact=True, check_freq=True, check_flags=True)


@pytest.mark.parametrize("value", CLOSED.values(), ids=CLOSED.keys())
def test_a_frame_that_arrow_would_change_is_pickled_and_comes_back_as_it_was(value, travel):
    trip = travel(value)
    assert trip.reference.codec == "pickle"
    assert fingerprint(trip.value) == fingerprint(value)


SERIES = {key: value.iloc[:, 0] for key, value in (OPEN | CLOSED).items() if value.shape[1]}


@pytest.mark.parametrize("value", SERIES.values(), ids=SERIES.keys())
def test_a_series_comes_back_as_it_was(value, travel):
    trip = travel(value)
    assert fingerprint(trip.value) == fingerprint(value)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("delay", "arrow"), (None, "arrow"), ("", "arrow"), ("value", "arrow"), ("None", "arrow")]
    + [(0, "pickle"), (("a", "b"), "pickle"), (pd.Timestamp("2020"), "pickle"), ("\ud800", "pickle")],
    ids=ascii,
)
@pytest.mark.parametrize("index", [None, pd.Index(["x", "y"], name="value")], ids=["range", "value"])
def test_a_series_keeps_its_name(name, codec, index, travel):
    value = pd.Series([1.5, None], index=index, name=name)
    value.attrs["unit"] = "min"
    trip = travel(value)
    assert trip.reference.codec == codec
    assert fingerprint(trip.value) == fingerprint(value)


def test_a_subclass_of_a_frame_is_pickled(travel):
    class Frame(pd.DataFrame):
        @property
        def _constructor(self):
            return Frame

    from airflow_linepipe.handoff.codecs.arrow import ArrowCodec

    assert ArrowCodec().encode(Frame({"a": [1]})) is None


@pytest.mark.parametrize("value", OPEN.values(), ids=OPEN.keys())
def test_the_consumer_can_change_every_column_in_place(value, travel):
    frame = travel(value).value
    for position in range(frame.shape[1]):
        if len(frame):
            frame.iloc[0, position] = frame.iloc[-1, position]
            array = frame.iloc[:, position].array
            array[-1] = array[0]


# --- memory ---------------------------------------------------------------------------------------------------------

ROWS = 20_011
NUMBERS = np.random.default_rng(0).standard_normal((ROWS, 4))
WITH_GAPS = np.where(NUMBERS > 1, np.nan, NUMBERS)


@pytest.mark.parametrize("content", [NUMBERS, NUMBERS.astype("f4"), NUMBERS.astype("i8"), WITH_GAPS], ids=str)
def test_columns_of_one_dtype_come_back_as_one_array_that_nobody_copies(content, travel):
    value = pd.DataFrame(content)
    frame = travel(value).value
    array = frame.to_numpy()
    assert np.shares_memory(array, frame.to_numpy())
    assert array.tobytes() == value.to_numpy().tobytes()
    frame.iloc[3] = 7
    assert frame.iloc[3].tolist() == [7] * 4


def test_missing_values_cost_no_copy(travel):
    times = pd.Series(pd.date_range("2020", periods=ROWS, freq="s")).mask(WITH_GAPS[:, 0] > 0)
    value = pd.DataFrame({"a": WITH_GAPS[:, 0], "b": range(ROWS), "t": times})
    frame = travel(value).value
    addresses = [frame[name].to_numpy().__array_interface__["data"][0] for name in frame]
    nbytes = value.memory_usage(index=False).sum()
    assert max(addresses) - min(addresses) < nbytes * 1.1, "a column lies outside the mapping"


def test_every_bit_of_a_nan_comes_back(travel):
    patterns = np.array([0x7FF8000000000001, 0xFFF8000000000000, 0x7FF0000000000001, 0], dtype="u8")
    value = pd.DataFrame({"a": patterns.view("f8"), "b": ["x", "y", "z", None]})
    trip = travel(value)
    assert trip.reference.codec == "arrow"
    assert trip.value["a"].to_numpy().view("u8").tolist() == patterns.tolist()


def check_as_pyarrow(frame):
    table, expected = table_with_bitmaps(frame), pa.Table.from_pandas(frame)
    table.validate(full=True)
    assert table.schema.equals(expected.schema, check_metadata=True)
    # A NaN that is not missing equals nothing.
    assert repr(table.to_pydict()) == repr(expected.to_pydict())


def gaps(dtype, rows):
    """Every third of the values is missing."""
    values = np.arange(rows).astype(dtype)
    values[::3] = np.array("nat" if values.dtype.kind in "mM" else "nan", dtype=dtype)
    return values


DTYPES = ["f2", "f4", "f8", "M8[s]", "M8[ms]", "M8[us]", "M8[ns]", "m8[s]", "m8[ms]", "m8[us]", "m8[ns]"]


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 1_000])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_missing_is_what_pyarrow_says_it_is(dtype, rows):
    values = gaps(dtype, rows)
    frame = pd.DataFrame({"gaps": values, "none": np.arange(rows).astype(dtype), "strided": values.repeat(2)[::2]})
    indexed = [frame.set_index("gaps")] if dtype != "f2" else []  # pandas has no index of float16
    for value in (frame, frame.iloc[rows // 3 : rows - rows // 3], *indexed):
        check_as_pyarrow(value)


@pytest.mark.parametrize("value", OPEN.values(), ids=OPEN.keys())
def test_a_table_is_what_pyarrow_makes_of_a_frame(value):
    check_as_pyarrow(value)


# --- frames that nobody thought of ----------------------------------------------------------------------------------

instants = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
labels = st.text(max_size=4)
VALUES = {
    "int8": st.integers(-128, 127),
    "uint64": st.integers(0, 2**64 - 1),
    "float32": st.floats(width=32),
    "float64": st.floats(),
    "bool": st.booleans(),
    "str": st.none() | labels,
    "string[pyarrow]": st.none() | labels,
    "category": st.none() | st.sampled_from(["x", "y", "z"]),
    "Int16": st.none() | st.integers(-(2**15), 2**15 - 1),
    "Float64": st.none() | st.floats(allow_nan=False),
    "boolean": st.none() | st.booleans(),
    "datetime64[ns]": st.none() | instants,
    "datetime64[s]": st.none() | instants.map(lambda instant: instant.replace(microsecond=0)),
    "datetime64[us, Europe/Berlin]": st.none() | instants.map(lambda instant: instant.replace(tzinfo=dt.UTC)),
    "timedelta64[us]": st.none() | st.timedeltas(dt.timedelta(-(10**5)), dt.timedelta(10**5)),
    "int64[pyarrow]": st.none() | st.integers(-(2**63), 2**63 - 1),
    "object": st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=3)
    | st.binary(max_size=3)
    | st.dates()
    | st.decimals(allow_nan=False, allow_infinity=False, places=2),
}


@st.composite
def arrays(draw, rows, dtypes=tuple(VALUES)):
    dtype = draw(st.sampled_from(dtypes))
    return pd.array(draw(st.lists(VALUES[dtype], min_size=rows, max_size=rows)), dtype=dtype)


@st.composite
def indexes(draw, rows):
    simple = arrays(rows, [dtype for dtype in VALUES if dtype not in ("Int16", "Float64", "boolean", "object")])
    match draw(st.sampled_from(["range", "simple", "levels", "freq"])):
        case "range":
            start, step = draw(st.integers(-9, 9)), draw(st.integers(1, 3))
            return pd.RangeIndex(start, start + rows * step, step, name=draw(st.none() | labels))
        case "simple":
            return pd.Index(draw(simple), name=draw(st.none() | labels))
        case "levels":
            return pd.MultiIndex.from_arrays([draw(simple), draw(simple)], names=[draw(st.none() | labels), "second"])
        case _:
            freq = draw(st.sampled_from(["D", "3h", "MS", "W-TUE", "QE", "B"]))
            zone = draw(st.sampled_from([None, "UTC", "America/New_York"]))
            return pd.date_range("2020-03-01", periods=rows, freq=freq, tz=zone)


@st.composite
def frames(draw):
    rows = draw(st.integers(0, 4))
    names = draw(st.lists(labels, min_size=1, max_size=4, unique=True))
    content = {name: draw(arrays(rows)) for name in names}
    frame = pd.DataFrame(content, columns=names).set_axis(draw(indexes(rows)), axis="index")
    if draw(st.booleans()):
        frame.columns = draw(st.sampled_from([pd.RangeIndex(len(names)), pd.Index(range(3, 3 + len(names)))]))
    return frame


@settings(max_examples=150)
@given(value=frames())
def test_any_frame_comes_back_as_it_was(value, travel):
    assert fingerprint(travel(value).value) == fingerprint(value)


@settings(max_examples=60)
@given(
    value=st.integers(0, 4).flatmap(
        lambda rows: st.builds(pd.Series, arrays(rows), indexes(rows), name=st.none() | labels)
    )
)
def test_any_series_comes_back_as_it_was(value, travel):
    assert fingerprint(travel(value).value) == fingerprint(value)


def test_a_wide_frame_takes_no_more_time_for_each_column(travel):
    def calls(columns):
        value = pd.DataFrame(np.arange(2 * columns).reshape(2, columns), columns=[f"c{i}" for i in range(columns)])
        value["text"] = "x"
        profile = cProfile.Profile()
        back = profile.runcall(travel, value).value
        assert fingerprint(back.iloc[:, -3:]) == fingerprint(value.iloc[:, -3:])
        return sum(entry.callcount for entry in profile.getstats())

    assert calls(1000) < 2.5 * calls(500)


def test_lists_that_hold_themselves_are_kept_from_arrow_which_would_crash(travel):
    trip = travel(column([in_itself()], object))
    back = trip.value["a"].iloc[0]
    assert trip.reference.codec == "pickle"
    assert back[1] is back
