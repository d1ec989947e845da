"""Every consumer has a value of its own: what it does to it changes nothing for the others."""

from __future__ import annotations

import pathlib

import numpy as np
import pandas as pd
import polars as pl
import pytest
from fingerprint import fingerprint


def fill(array):
    array.fill(0)


def write_into(frame):
    frame.loc[0, "a"] = 99
    frame.iloc[1, 0] = 98
    frame["b"] = "changed"


def write_into_every_array(frame):
    for position in range(frame.shape[1]):
        frame.iloc[:, position].array[0] = frame.iloc[:, position].array[1]


def write_into_memory(frame):
    """Past everything that pandas does against it."""
    frame["a"].array._ndarray[:] = 0


def change_categories(frame):
    frame["c"].array[0] = "y"
    frame["c"] = frame["c"].cat.rename_categories({"x": "renamed"})


def drop_all(frame):
    for name in list(frame.columns):
        del frame[name]


def rename_index(frame):
    frame.index.name = "renamed"
    frame.columns = ["x"] * frame.shape[1]


def append(value):
    value.append("changed")


CASES = {
    "list": ([1, [2], {"a": 3}], append),
    "inner list": ([1, [2]], lambda value: value[1].clear()),
    "dict": ({"a": [1]}, lambda value: value["a"].append(2)),
    "set": ({1, 2}, set.clear),
    "bytearray": (bytearray(b"abc"), bytearray.clear),
    "array": (np.arange(1.0, 100), fill),
    "Fortran array": (np.asfortranarray(np.ones((3, 4))), fill),
    "structured array": (np.ones(3, [("a", "i4")]), lambda value: fill(value["a"])),
    "array of objects": (np.array([1, [2]], dtype=object), fill),
    "frame": (pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), write_into),
    "frame's arrays": (
        pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [1.5, 2.5], "d": pd.array([1, 2], "Int8")}),
        write_into_every_array,
    ),
    "frame's times": (
        pd.DataFrame({"a": pd.date_range("2020", periods=2), "b": pd.date_range("2020", periods=2, tz="UTC")}),
        write_into_every_array,
    ),
    "frame's memory": (pd.DataFrame({"a": np.arange(1, 1000)}), write_into_memory),
    "categories": (pd.DataFrame({"c": pd.Categorical(["x", "y"])}), change_categories),
    "columns": (pd.DataFrame({"a": [1]}), drop_all),
    "labels": (pd.DataFrame({"a": [1]}, index=["x"]), rename_index),
    "series": (pd.Series([1, 2], name="a"), lambda value: value.__setitem__(0, 99)),
    "categorical series": (pd.Series(pd.Categorical(["x", "y"])), lambda value: value.array.__setitem__(0, "y")),
    "polars": (pl.DataFrame({"a": [1, 2]}), lambda value: value.insert_column(0, pl.Series("b", [0, 0]))),
    "polars cell": (pl.DataFrame({"a": [1, 2]}), lambda value: value.__setitem__((0, "a"), 99)),
    "file": (pathlib.Path(__file__), lambda value: value.write_bytes(b"changed")),
}


@pytest.mark.parametrize(("value", "change"), CASES.values(), ids=CASES.keys())
def test_what_a_consumer_does_to_its_value_changes_nothing(value, change, exchange, producer):
    def content(read):
        return read.read_bytes() if isinstance(read, pathlib.Path) else fingerprint(read)

    with exchange:
        reference = exchange.put(value, name="x", producer=producer)
        path = pathlib.Path(reference.uri.removeprefix("file://"))
        stored, expected = path.read_bytes(), content(value)
        other = exchange.get(reference)
        mine = exchange.get(reference)
        change(mine)
        assert content(mine) != expected, "the change did nothing"
        assert path.read_bytes() == stored
        assert content(other) == expected
        assert content(exchange.get(reference)) == expected
        assert content(value) == expected, "the producer's own value has changed"


@pytest.mark.parametrize(
    ("value", "change"),
    [(np.arange(10), fill), (pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), write_into), ([1], append)],
    ids=["array", "frame", "list"],
)
def test_what_the_producer_does_to_its_value_afterwards_changes_nothing(value, change, exchange, producer):
    value = value.copy()
    expected = fingerprint(value)
    reference = exchange.put(value, name="x", producer=producer)
    change(value)
    assert fingerprint(exchange.get(reference)) == expected


@pytest.mark.parametrize("value", [np.arange(100_000), pd.DataFrame({"a": range(100_000)})], ids=["array", "frame"])
def test_a_value_outlives_its_artifact(value, exchange, producer):
    reference = exchange.put(value, name="x", producer=producer)
    back = exchange.get(reference)
    path = pathlib.Path(reference.uri.removeprefix("file://"))
    path.unlink()
    exchange.put("something else", name="x", producer=producer)
    assert fingerprint(back) == fingerprint(value)
