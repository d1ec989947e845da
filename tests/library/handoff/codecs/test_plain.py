"""Plain values, text and bytes: what is read is what was written, to the last detail."""

from __future__ import annotations

import collections
import datetime as dt
import enum
import json
import math
import re
import uuid
import zoneinfo
from decimal import Decimal

import numpy as np
import pytest
from fingerprint import fingerprint
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_linepipe.handoff import ABSENT

some = settings(max_examples=60)
MINUTE = dt.timedelta(minutes=1)
KATHMANDU = dt.timezone(dt.timedelta(hours=5, minutes=45))


def nested(depth, wrap):
    value = wrap([])
    for _ in range(depth):
        value = wrap([value])
    return value


PLAIN = {
    "none": None,
    "true": True,
    "one is not true": [1, True, 1.0],
    "zero": 0,
    "negative zero": -0.0,
    "nan": math.nan,
    "infinities": [math.inf, -math.inf],
    "extreme floats": [5e-324, 1.7976931348623157e308, 0.1],
    "around the last safe integer": [2**53 - 1, 2**53, 2**53 + 1, -(2**53) - 1],
    "longer than str() allows": 10**5000,
    "complex": [1j, complex(-0.0, math.nan)],
    "decimals": [Decimal(text) for text in ("1.10", "-0", "1E+1000", "NaN", "sNaN", "-Infinity", "0." + "1" * 60)],
    "uuid": uuid.UUID("12345678123456781234567812345678"),
    "empty containers": [[], (), set(), frozenset(), {}],
    "tuple in list in tuple": ([(1, (2,))], ()),
    "set of tuples": {(1, 2), (3,)},
    "frozenset in set": {frozenset({1}), frozenset()},
    "dict with any keys": {1: "a", "1": "b", None: "c", (1, 2): "d", b"x": "e", 1.5: "f", frozenset({1}): "g"},
    "dict that looks like a tag": {"$type": "tuple", "value": [1]},
    "dict with a tag's key and others": {"$type": 1, "a": {"$type": {"$type": None}}},
    "dict that looks like a reference": {"linepipe_artifact": 1, "name": "x"},
    "dict in its order": {"b": 1, "a": 2},
    "bytes inside": [b"", b"\x00\xff", bytearray(b"x")],
    "text inside": ["", "é😀", "a\r\nb\x00", "\u2028"],
    "lone surrogates": ["\ud800", {"\udcff": 1}],
    "two surrogates that are no pair": ["\ud83d\ude00", "\U0001f600"],
    "dates": [dt.date.min, dt.date.max],
    "datetimes": [dt.datetime.min, dt.datetime.max, dt.datetime(2020, 1, 1, 2, 3, 4, 5)],
    "fold": [dt.datetime(2020, 10, 25, 2, 30, fold=1), dt.time(2, 30, fold=1)],
    "offsets": [
        dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
        dt.datetime(2020, 1, 1, tzinfo=KATHMANDU, fold=1),
        dt.datetime(2020, 1, 1, tzinfo=dt.timezone(-dt.timedelta(seconds=3661, microseconds=5))),
        dt.time(1, tzinfo=dt.timezone(dt.timedelta(hours=-3))),
    ],
    "times": [dt.time.min, dt.time.max],
    "timedeltas": [dt.timedelta.min, dt.timedelta.max, dt.timedelta(microseconds=-1)],
    "deep": nested(90, list),
    "deep tuples": nested(90, tuple),
    "numpy numbers": [
        *(np.dtype(code).type(1) for code in "?bhilBHILefd"),
        *(np.complex64(1j), np.complex128(1j), np.longdouble("1.1"), np.clongdouble(1j)),
    ],
    "numpy NaN": [np.float32("nan"), np.float64("inf"), np.float16(-0.0)],
    "numpy text": [np.str_("é😀"), np.bytes_(b"\xff\x01")],
    "numpy times": [
        np.datetime64("2020-01-01"),
        np.datetime64("2020-01-01T00:00:00.5", "ns"),
        np.datetime64("NaT"),
        np.datetime64(3, "25s"),
        np.timedelta64(3, "D"),
        np.timedelta64("NaT", "us"),
    ],
    "metrics": {"auc": np.float64(0.93), "rows": np.int64(5), "passed": np.True_, "by": {"UA": (1, 2)}},
}


@pytest.mark.parametrize("value", PLAIN.values(), ids=PLAIN.keys())
def test_a_plain_value_comes_back_as_it_was(value, travel):
    trip = travel(value)
    assert trip.reference.codec == "json"
    assert fingerprint(trip.value) == fingerprint(value)


@pytest.mark.parametrize(
    ("value", "name"),
    [(None, "None"), (1, "int"), ({}, "dict"), (Decimal(1), "decimal.Decimal"), (np.float64(1), "numpy.float64")],
    ids=repr,
)
def test_the_reference_names_the_values_type(value, name, travel):
    assert travel(value).reference.type == name


# Python reads an offset below a second as none at all: such a zone is no plain value.
offsets = st.integers(-86_000, 86_000).map(lambda seconds: dt.timezone(dt.timedelta(seconds=seconds)))
hashable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters())
    | st.binary()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.dates()
    | st.datetimes(timezones=st.none() | offsets)
    | st.times(timezones=st.none() | offsets)
    | st.timedeltas(),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
plain = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(hashable | st.just("$type"), inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.sets(hashable, max_size=3)
    ),
    max_leaves=12,
)


@settings(some, max_examples=150)
@given(value=plain.filter(lambda value: not isinstance(value, str | bytes)))
def test_any_plain_value_comes_back_as_it_was(value, travel):
    trip = travel(value)
    assert trip.reference.codec == "json"
    assert fingerprint(trip.value) == fingerprint(value)


@some
@given(value=st.text(st.characters()))
def test_any_text_comes_back_as_it_was(value, travel):
    trip = travel(value)
    assert trip.reference.codec == "text"
    assert trip.value == value


@some
@given(value=st.binary() | st.binary().map(bytearray))
def test_any_bytes_come_back_as_they_were(value, travel):
    trip = travel(value)
    assert trip.reference.codec == "bytes"
    assert type(trip.value) is type(value)
    assert trip.value == value


Point = collections.namedtuple("Point", "x y")  # noqa: PYI024


class Colour(enum.IntEnum):
    RED = 1


class Score(np.float64):
    pass


NOT_PLAIN = {
    "defaultdict": collections.defaultdict(list, a=[1]),
    "OrderedDict": collections.OrderedDict(a=1),
    "namedtuple": [Point(1, 2)],
    "IntEnum": {"colour": Colour.RED},
    "str subclass as a key": {type("Name", (str,), {})("a"): 1},
    "zone with rules": dt.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    "offset of a split second": dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(microseconds=1))),
    "zone with a name": [dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1), "CET"))],
    "range": range(3),
    "numpy subclass": [Score(1)],
    "numpy record": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])[0],
}


@pytest.mark.parametrize("value", NOT_PLAIN.values(), ids=NOT_PLAIN.keys())
def test_what_json_would_flatten_is_left_to_another_codec(value):
    from airflow_linepipe.handoff.codecs.plain import JsonCodec

    assert JsonCodec().encode(value) is None


@pytest.mark.parametrize(
    "key",
    ["defaultdict", "OrderedDict", "zone with rules", "zone with a name", "offset of a split second", "range"],
)
def test_and_comes_back_as_it_was_all_the_same(key, travel):
    trip = travel(NOT_PLAIN[key])
    assert trip.reference.codec == "pickle"
    assert trip.value == NOT_PLAIN[key]
    assert repr(trip.value) == repr(NOT_PLAIN[key])


def test_a_list_that_holds_itself_comes_back_holding_itself(travel):
    value = []
    value.append(value)
    back = travel(value).value
    assert back[0] is back


INLINE = {
    "none": (None, None),
    "number": (0.93, 0.93),
    "dict": ({"auc": 0.9, "n": 5}, {"auc": 0.9, "n": 5}),
    "nan": (math.nan, "nan"),
    "infinity": ({"loss": -math.inf}, {"loss": "-inf"}),
    "numpy": ({"auc": np.float32(0.5), "n": np.int64(5), "ok": np.True_}, {"auc": 0.5, "n": 5, "ok": True}),
    "numpy nan": (np.float64("nan"), "nan"),
    "long double": (np.longdouble(1.5), 1.5),
    "long double nan": ([np.longdouble("nan")], ["nan"]),
    "big int": (2**60, str(2**60)),
    "tuple": ((1, (2,)), [1, [2]]),
    "other keys": ({1: "a", (1, 2): "b"}, {"1": "a", "[1, 2]": "b"}),
    "date": ([dt.date(2020, 1, 2)], ["2020-01-02"]),
    "datetime": (dt.datetime(2020, 1, 2, tzinfo=dt.UTC), "2020-01-02T00:00:00+00:00"),
    "decimal": (Decimal("1.10"), "1.10"),
    "text": ("champion", "champion"),
    "empty text": ("", ""),
    "nul inside": (["a\0"], [r"a\x00"]),
    "surrogate inside": ({"\ud800": 1}, {r"\ud800": 1}),
}


@pytest.mark.parametrize(("value", "shown"), INLINE.values(), ids=INLINE.keys())
def test_a_small_value_stands_in_the_reference_where_it_can_be_read(value, shown, travel):
    inline = travel(value).reference.value
    assert inline == shown
    assert type(inline) is type(shown)


@pytest.mark.parametrize(
    "value",
    ["x" * 600, "\x01" * 512, "字" * 400, list(range(300)), ["\x01" * 90], {"a": "x" * 600}, "a\0b", "\ud800", b"x"],
    ids=lambda value: ascii(value)[:20],
)
def test_a_value_that_is_long_or_no_json_is_not_inline(value, travel):
    trip = travel(value)
    assert trip.reference.value is ABSENT
    assert trip.value == value


@some
@given(value=st.text(st.characters(), min_size=50) | st.lists(st.text(st.characters())) | plain)
def test_the_inline_value_never_bursts_the_reference_nor_holds_what_databases_refuse(value, travel):
    wire = json.dumps(travel(value).reference.to_wire(), allow_nan=False)
    assert len(wire) < 1_500
    assert not re.search(r"(?<!\\)(\\\\)*\\u0000", wire)
    json.dumps(json.loads(wire), ensure_ascii=False).encode()  # fails on a lone surrogate


@pytest.mark.parametrize(
    ("value", "length"),
    [([1, 2], 2), ((), 0), ({1, 2, 3}, 3), ({"a": 1}, 1), ("abc", 3), (b"ab", 2)],
    ids=repr,
)
def test_the_summary_says_how_long_it_is(value, length, travel):
    assert travel(value).reference.summary == {"length": length}


def test_the_same_value_makes_the_same_bytes(travel):
    value = {"b": 1.5, "a": (1, {"x": dt.date(2020, 1, 1)})}
    assert travel(value).reference.digest == travel(dict(value)).reference.digest


def in_dicts(levels, key):
    value = 1
    for _ in range(levels):
        value = {key: value}
    return value


@pytest.mark.parametrize("levels", [99, 100, 101, 250, 333, 400, 450])
@pytest.mark.parametrize("key", ["a", 1], ids=["text", "number"])
def test_whatever_is_written_can_be_read_however_deep_it_is(levels, key, travel):
    value = in_dicts(levels, key)
    back = travel(value).value
    for _ in range(levels):
        assert list(back) == [key]
        back = back[key]
    assert back == 1
