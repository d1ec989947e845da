"""Everything that has no open format: models first of all."""

from __future__ import annotations

import datetime as dt
import pickle
import signal
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque

import numpy as np
import pytest

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
    assert [codec.name for codec in CodecRegistry()] == ["json", "text", "bytes", "file", "npy", "arrow", "pickle"]
