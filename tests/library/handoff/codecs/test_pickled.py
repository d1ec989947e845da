"""Everything that has no open format: models first of all."""

from __future__ import annotations

import datetime as dt
import json
import pathlib
import pickle
import signal
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque

import numpy as np
import pytest
from fingerprint import fingerprint

from airflow_linepipe.handoff import ABSENT, CodecRegistry


def test_a_model_comes_back_and_predicts_the_same(travel):
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    features = np.arange(20.0).reshape(10, 2)
    model = make_pipeline(StandardScaler(), LinearRegression()).fit(features, features.sum(axis=1))
    trip = travel(model)
    assert (trip.reference.codec, trip.reference.type) == ("pickle", "sklearn.pipeline.Pipeline")
    assert trip.reference.value is ABSENT
    assert np.array_equal(trip.value.predict(features), model.predict(features))


def test_a_forest_comes_back_and_can_be_fitted_again(travel):
    from sklearn.ensemble import RandomForestClassifier

    features, labels = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    model = RandomForestClassifier(5, random_state=0).fit(features, labels)
    trip = travel(model)
    back = trip.value
    # Without the private module that holds it.
    assert trip.reference.type == "sklearn.ensemble.RandomForestClassifier"
    assert np.array_equal(back.predict_proba(features), model.predict_proba(features))
    assert back.fit(features, labels).n_estimators == 5


VALUES = {
    "zone with rules": dt.datetime(2020, 10, 25, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    "range": range(3),
    "enum member": signal.SIGTERM,
    "zone": zoneinfo.ZoneInfo("UTC"),
    "defaultdict": defaultdict(list, {"a": [1]}),
    "ordered": OrderedDict(b=1, a=2),
    "counter": Counter("aab"),
    "deque": deque([1, 2], maxlen=3),
    "function": sorted,
    "class": dict,
    "exception": ValueError("x"),
    "ellipsis": [...],
    "large": [object, bytes(200_000)],
}


@pytest.mark.parametrize("key", VALUES)
def test_other_values_come_back_as_they_were(key, travel):
    trip = travel(VALUES[key])
    assert trip.reference.codec == "pickle"
    assert type(trip.value) is type(VALUES[key])
    assert repr(trip.value) == repr(VALUES[key])


def test_the_stored_bytes_are_a_pickle_that_anyone_can_open(exchange, producer, tmp_path):
    exchange.put(Counter("aab"), name="x", producer=producer)
    (path,) = tmp_path.rglob("x.pickle")
    assert pickle.loads(path.read_bytes()) == Counter("aab")


def test_pickle_is_asked_last():
    names = [codec.name for codec in CodecRegistry()]
    assert names == ["json", "text", "bytes", "file", "npy", "arrow", "bundle", "pickle"]
    assert [codec.unpickles for codec in CodecRegistry()] == [False] * 7 + [True]


class Model:
    """Holds arrays of several sizes, as a model does."""

    def __init__(self, *arrays):
        self.arrays = arrays


def read_only(array):
    array.flags.writeable = False
    return array


ARRAYS = {
    "small": np.arange(8191.0),
    "large": np.arange(8192.0),
    "Fortran": np.asfortranarray(np.arange(90_000.0).reshape(300, 300)),
    "every second": np.arange(200_000)[::2],
    "read-only": read_only(np.arange(100_000.0)),
    "bytes": np.frombuffer(b"linepipe\n" * 10_000, dtype="S1"),
}


@pytest.mark.parametrize("names", [[name] for name in ARRAYS] + [list(ARRAYS), list(ARRAYS)[::-1]], ids="-".join)
def test_the_arrays_of_a_model_come_back_as_they_were(names, travel):
    trip = travel(Model(*(ARRAYS[name] for name in names)))
    assert trip.reference.codec == "pickle"
    for name, array in zip(names, trip.value.arrays, strict=True):
        assert fingerprint(array) == fingerprint(ARRAYS[name])
        assert array.flags.writeable == ARRAYS[name].flags.writeable


def test_large_arrays_stand_behind_the_pickle_and_are_read_without_a_copy(travel):
    trip = travel(Model(ARRAYS["large"], ARRAYS["Fortran"]))
    addresses = [array.__array_interface__["data"][0] for array in trip.value.arrays]
    assert addresses[1] - addresses[0] == ARRAYS["large"].nbytes

    # What the docstring says of the format, step by step.
    data = pathlib.Path(trip.reference.uri.removeprefix("file://")).read_bytes()
    assert data.endswith(b"linepipe\n")
    length = int.from_bytes(data[-17:-9], "little")
    places = json.loads(data[-17 - length : -17])
    assert [start % 64 for start, _ in places] == [0, 0]
    buffers = [data[start : start + nbytes] for start, nbytes in places]
    assert pickle.loads(data, buffers=buffers).arrays[1].tolist() == ARRAYS["Fortran"].tolist()
