"""Containers of tables and arrays: one archive of open formats, everything in it as it was."""

from __future__ import annotations

import datetime as dt
import io
import json
import pathlib
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest
from fingerprint import fingerprint
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_linepipe.errors import PickleRefusedError
from airflow_linepipe.handoff import Exchange

FRAME = pd.DataFrame({"carrier": ["UA", None], "delay": [1.5, np.nan]}, index=pd.Index([3, 1], name="flight"))
ARRAY = np.arange(6.0).reshape(2, 3)

BUNDLES = {
    "dict": {"train": FRAME, "weights": ARRAY, "n": 3},
    "list": [FRAME, ARRAY],
    "tuple": (FRAME, None, ARRAY),
    "deep": {"a": [{"b": (ARRAY, {"c": FRAME})}, dt.date(2020, 1, 1)], "text": "x", "set": {1, 2}},
    "keys of any kind": {1: FRAME, (1, "a"): ARRAY, None: 1.5},
    "a key like the tag": {"$type": FRAME, "file": "0.arrow"},
    "what looks like a file": [{"$type": "pandas.DataFrame", "file": "0.npy"}, ARRAY],
    "every kind of table": [FRAME, FRAME["delay"], pl.DataFrame({"a": [1]}), pa.table({"a": [1]})],
    "arrays": [np.float64(1), np.array(5), np.zeros((0, 3)), np.asfortranarray(ARRAY), np.array(["x", "yy"])],
    "empty frames": {"rows": FRAME[:0], "array": np.zeros(0)},
    "times": [np.array(["2020", "NaT"], "M8[D]"), pd.Series(pd.date_range("2020", periods=2, tz="UTC"), name="t")],
}


@pytest.mark.parametrize("value", BUNDLES.values(), ids=BUNDLES.keys())
def test_a_container_of_tables_and_arrays_comes_back_as_it_was(value, travel):
    trip = travel(value)
    assert trip.reference.codec == "bundle"
    assert fingerprint(trip.value) == fingerprint(value)


def test_it_needs_no_pickle(tmp_path, producer):
    exchange = Exchange(f"file://{tmp_path}", allow_pickle=False)
    reference = exchange.put(BUNDLES["deep"], name="x", producer=producer)
    assert fingerprint(exchange.get(reference)) == fingerprint(BUNDLES["deep"])
    with pytest.raises(PickleRefusedError, match=r"'y' of task .* is a dict, which only pickle could carry"):
        exchange.put({"frame": FRAME, "model": object}, name="y", producer=producer)


def test_everybody_can_open_the_archive(travel):
    value = {"train": FRAME, "weights": ARRAY, "rate": 0.5}
    path = pathlib.Path(travel(value).reference.uri.removeprefix("file://"))
    assert path.suffix == ".zip"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        tree = json.loads(archive.read("value.json"))
        assert tree == {
            "train": {"$type": "pandas.DataFrame", "file": "0.arrow"},
            "weights": {"$type": "numpy.ndarray", "file": "1.npy"},
            "rate": 0.5,
        }
        pd.testing.assert_frame_equal(pd.read_feather(io.BytesIO(archive.read("0.arrow"))), FRAME)
        assert np.array_equal(np.load(io.BytesIO(archive.read("1.npy"))), ARRAY)


def test_the_reference_shows_what_is_in_it(travel):
    summary = travel({"train": FRAME, "weights": ARRAY, "rate": 0.5}).reference.summary
    items = {"train": "pandas.DataFrame", "weights": "numpy.ndarray", "rate": "float"}
    assert summary == {"length": 3, "items": items}
    wide = {f"table {number}": ARRAY for number in range(1000)}
    reference = travel(wide).reference
    assert reference.summary["length"] == 1000
    assert 10 < len(reference.summary["items"]) < 100


def test_what_stands_in_two_places_is_written_once_and_is_one_again(travel):
    shared = [1]
    trip = travel({"a": ARRAY, "b": [ARRAY, shared], "c": shared})
    back = trip.value
    assert back["a"] is back["b"][0]
    assert back["c"] is back["b"][1]
    with zipfile.ZipFile(trip.reference.uri.removeprefix("file://")) as archive:
        assert sorted(archive.namelist()) == ["0.npy", "value.json"]


def test_nothing_of_the_large_parts_is_copied(travel):
    value = {"matrix": np.arange(300_000.0).reshape(3, 100_000), "frame": pd.DataFrame(np.ones((50_000, 4)))}
    back = travel(value).value
    addresses = [array.__array_interface__["data"][0] for array in (back["matrix"], back["frame"].to_numpy())]
    assert all(address % 8 == 0 for address in addresses)
    assert addresses[1] - addresses[0] < value["matrix"].nbytes * 1.1, "one of them lies outside the mapping"
    back["matrix"][0, 0] = -1
    back["frame"].iloc[0, 0] = -1


class Split(NamedTuple):
    train: pd.DataFrame
    test: pd.DataFrame


@dataclass
class Fold:
    features: pd.DataFrame
    weights: np.ndarray


class Batch(pydantic.BaseModel, arbitrary_types_allowed=True):
    frame: pd.DataFrame
    names: list[str]


LARGE = np.arange(100_000.0)
OBJECTS = {
    "named tuple": Split(FRAME, FRAME[:1]),
    "dataclass": Fold(features=FRAME, weights=LARGE),
    "pydantic": Batch(frame=pd.DataFrame({"a": LARGE}), names=["a"]),
    "subclass": OrderedDict(a=LARGE, b=FRAME),
    "an array of objects": {"a": np.array([1, "x"], dtype=object), "b": LARGE},
    "a frame that Arrow would change": [pd.DataFrame({"a": [1, "x"]}), LARGE],
    "a list in itself": [LARGE, []],
}
OBJECTS["a list in itself"][1].append(OBJECTS["an array of objects"])


@pytest.mark.parametrize("value", OBJECTS.values(), ids=OBJECTS.keys())
def test_other_containers_are_pickles_whose_large_arrays_stand_beside_the_pickle(value, travel):
    trip = travel(value)
    assert trip.reference.codec == "pickle"
    assert type(trip.value) is type(value)
    assert fingerprint(_plain(trip.value)) == fingerprint(_plain(value))


def _plain(value):
    if isinstance(value, tuple | list):
        return list(value)
    if isinstance(value, pydantic.BaseModel):
        return dict(value)
    return dict(value) if isinstance(value, dict) else dict(vars(value))


leaves = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.dates(),
    st.builds(np.arange, st.integers(0, 5)),
    st.builds(lambda rows: FRAME.iloc[:rows], st.integers(0, 2)),
)
containers = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=4),
        inner.map(lambda item: [item, item]),
        inner.map(lambda item: {"a": item, "b": [item]}),
    ),
    max_leaves=12,
)


def sharing(value, met=None):
    """For each mutable thing, in order, the first place where it stood."""
    met = {} if met is None else met
    places = []
    if isinstance(value, list | dict | np.ndarray | pd.DataFrame):
        places.append(met.setdefault(id(value), len(met)))
        if places[-1] < len(met) - 1:
            return places
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return places + [place for item in inner for place in sharing(item, met)]


@settings(max_examples=200)
@given(value=containers)
def test_any_container_comes_back_as_it_was_and_shares_what_it_shared(value, travel):
    trip = travel(value)
    assert trip.reference.codec != "pickle"
    assert fingerprint(trip.value) == fingerprint(value)
    assert sharing(trip.value) == sharing(value)
