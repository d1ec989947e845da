"""Every built-in codec keeps the contract that third parties' codecs are tested with."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import pathlib
import uuid
from collections import Counter, OrderedDict, defaultdict
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from fingerprint import fingerprint

from airflow_linepipe.handoff.codecs.array import ArrayCodec
from airflow_linepipe.handoff.codecs.arrow import ArrowCodec
from airflow_linepipe.handoff.codecs.bundle import BundleCodec
from airflow_linepipe.handoff.codecs.file import FileCodec
from airflow_linepipe.handoff.codecs.pickled import PickleCodec
from airflow_linepipe.handoff.codecs.plain import BytesCodec, JsonCodec, TextCodec
from airflow_linepipe.testing import CodecContract


class Size(IntEnum):
    SMALL = 1


class Point(NamedTuple):
    x: float


class Text(str):
    __slots__ = ()


class Bytes(bytes):
    pass


class Array(np.ndarray):
    pass


class Frame(pd.DataFrame):
    pass


def clear(value: Any) -> None:
    """Empty what can be emptied."""
    if isinstance(value, list | dict | set | bytearray):
        value.clear()


class Contract(CodecContract):
    """As strict as our other tests."""

    def equal(self, one, other):
        return fingerprint(one) == fingerprint(other)


class TestJson(Contract):
    codec = JsonCodec()
    values = {
        "None": None,
        "True": True,
        "large integer": 10**400,
        "negative zero": -0.0,
        "NaN": math.nan,
        "infinity": -math.inf,
        "complex": complex(0.0, -math.inf),
        "empty list": [],
        "list": [1, [2.5], "a\0b", "\ud800", None],
        "dict": {"a": [1], "b": {"c": (1, 2)}},
        "dict of other keys": {1: "a", None: "b", (1, 2): "c"},
        "dict of many": {f"name {number} of many": number for number in range(1000)},
        "dict like a tag": {"$type": "tuple", "value": [1]},
        "set": {1, "a", 2.5},
        "frozenset": frozenset({1}),
        "bytes inside": [b"\0\xff", bytearray(b"a")],
        "datetime": dt.datetime(2013, 1, 1, 12, fold=1),
        "datetime with a zone": dt.datetime(2013, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=-5))),
        "date": dt.date(2013, 1, 1),
        "time": dt.time(1, 2, 3, 4),
        "timedelta": dt.timedelta(days=-1, microseconds=1),
        "decimal": decimal.Decimal("1.10"),
        "uuid": uuid.UUID(int=1),
        "scalar of NumPy": np.float32("nan"),
    }
    refused = {
        "text": "text",
        "bytes": b"bytes",
        "enum": Size.SMALL,
        "named tuple": Point(1.0),
        "Counter": Counter("a"),
        "OrderedDict": OrderedDict(a=1),
        "defaultdict": defaultdict(list),
        "array inside": [np.arange(3)],
        "object": object(),
    }

    def change(self, value):
        clear(value)


class TestText(Contract):
    codec = TextCodec()
    values = {"empty": "", "short": "text", "long": "é😀" * 100_000, "NUL": "a\0b", "lone surrogate": "\ud800"}
    refused = {"bytes": b"text", "subclass": Text("a"), "number": 1}


class TestBytes(Contract):
    codec = BytesCodec()
    values = {"empty": b"", "bytes": bytes(range(256)), "bytearray": bytearray(b"abc"), "large": bytes(1_000_000)}
    refused = {"text": "a", "subclass": Bytes(b"a"), "memoryview": memoryview(b"a")}

    def change(self, value):
        clear(value)


class TestFile(Contract):
    codec = FileCodec()
    values = {"a file": pathlib.Path(__file__)}
    refused = {"no file": pathlib.Path("/nothing/here"), "folder": pathlib.Path(__file__).parent, "text": __file__}

    def equal(self, one, other):
        return (one.name, one.read_bytes()) == (other.name, other.read_bytes())

    def change(self, value):
        value.write_bytes(b"changed")


class TestArray(Contract):
    codec = ArrayCodec()
    values = {
        "empty": np.empty((0, 3)),
        "one number": np.array(1.5),
        "floats": np.array([0.0, -0.0, math.nan, math.inf]),
        "Fortran order": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        "slice": np.arange(100)[::3],
        "read-only": np.frombuffer(bytes(range(16)), "i4"),
        "text": np.array(["a", "éé"]),
        "times": np.array(["2013-01-01", "NaT"], "M8[ns]"),
        "structured": np.ones(3, [("a", "i4"), ("b", "f8", (2,))]),
        "other byte order": np.arange(3, dtype=">i2"),
        "large": np.arange(300_000),
    }
    refused = {
        "objects": np.array([1, [2]], dtype=object),
        "subclass": np.arange(3).view(Array),
        "masked": np.ma.array([1, 2]),
        "scalar": np.float64(1),
        "list": [1, 2],
    }

    def change(self, value):
        value[...] = np.zeros((), value.dtype)


class TestArrow(Contract):
    codec = ArrowCodec()
    values = {
        "frame": pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [1.5, math.nan]}),
        "frame without rows": pd.DataFrame({"a": pd.Series([], dtype="Int8")}),
        "frame of kinds": pd.DataFrame(
            {
                "category": pd.Categorical(["x", "y"], ["y", "x"], ordered=True),
                "zone": pd.date_range("2013", periods=2, tz="America/New_York"),
                "Int64": pd.array([1, None], "Int64"),
            },
            index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["letter", None]),
        ),
        "wide frame": pd.DataFrame({f"a rather long name {number}": [number] for number in range(500)}),
        "series": pd.Series([1, 2], name="a", index=pd.RangeIndex(1, 5, 2)),
        "polars": pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [[1], []]}),
        "table": pa.table({"a": [1, None], "b": ["x", "y"]}),
        "record batch": pa.record_batch({"a": [1.5, None]}),
    }
    refused = {
        "mixed objects": pd.DataFrame({"a": [1, "x", object()]}),
        "subclass": Frame({"a": [1]}),
        "array": np.arange(3),
        "dict": {"a": [1]},
    }

    def change(self, value):
        if isinstance(value, pd.DataFrame) and value.size:
            value.iloc[0, 0] = value.iloc[-1, 0]
            value["new"] = "changed"
        elif isinstance(value, pd.Series):
            value.iloc[0] = 99
        elif isinstance(value, pl.DataFrame):
            value[0, "a"] = 99


class TestArrowWithZstandard(TestArrow):
    codec = ArrowCodec("zstd")


class TestArrowWithLz4(TestArrow):
    codec = ArrowCodec("lz4")


class TestBundle(Contract):
    codec = BundleCodec(ArrowCodec())
    values = {
        "dict": {"frame": pd.DataFrame({"a": [1, 2]}), "array": np.arange(3.0), "metrics": {"auc": 0.5}},
        "tuple": (np.arange(100_000), None, "text"),
        "deep": [[{"a": (pl.DataFrame({"a": [1]}),)}]],
        "dict of many": {f"a rather long name {number}": np.arange(number) for number in range(200)},
    }
    refused = {
        "frame": pd.DataFrame({"a": [1]}),
        "objects inside": [np.arange(3), object()],
        "OrderedDict": OrderedDict(a=np.arange(3)),
    }

    def reader(self):
        return BundleCodec(ArrowCodec())

    def change(self, value):
        if isinstance(value, dict) and "frame" in value:
            value["frame"].iloc[0, 0] = 99
            value["array"][:] = 99
        elif isinstance(value, tuple):
            value[0][:] = 99
        clear(value)


class TestPickle(Contract):
    codec = PickleCodec()
    values = {
        "range": range(3),
        "defaultdict": defaultdict(list, a=[1]),
        "objects": np.array([1, [2]], dtype=object),
        "frame of objects": pd.DataFrame({"a": [[1], {"b": 2}], "c": [1, 2]}),
        "large buffers": [np.arange(100_000), np.ones((300, 300))],
        "class": Counter,
    }
    refused = {"no file": pathlib.Path("/nothing/here")}

    def change(self, value):
        if isinstance(value, list):
            value[0][:] = 99
        clear(value)
