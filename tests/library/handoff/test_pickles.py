"""Pickles are opened only when they are what was written, and only when they may be."""

from __future__ import annotations

import dataclasses
import pathlib
import pickle

import pytest
from artifacts import VALUES, file_of
from fingerprint import fingerprint

from airflow_linepipe.errors import (
    ArtifactAlteredError,
    PickleRefusedError,
)
from airflow_linepipe.handoff import Exchange
from airflow_linepipe.handoff import exchange as exchange_module

ORIGIN = "task 'features.clean' of DAG 'flights', run 'manual__2013-01-01T00:00:00[+]00:00', try 1"


class Evil:
    """A pickle that leaves a trace when it is opened."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (pathlib.Path.touch, (self.trace,))


@pytest.fixture
def trace(tmp_path_factory):
    return tmp_path_factory.mktemp("trace") / "opened"


def test_the_trace_is_left_when_a_trusted_pickle_is_opened(exchange, producer, trace):
    exchange.get(exchange.put(Evil(trace), name="model", producer=producer))
    assert trace.exists()


@pytest.mark.parametrize("padding", [b"", b"\0" * 1000], ids=["other size", "long"])
def test_a_pickle_that_someone_put_in_its_place_is_never_opened(padding, exchange, producer, trace):
    reference = exchange.put(range(3), name="model", producer=producer)
    file_of(reference).write_bytes(pickle.dumps(Evil(trace)) + padding)
    with pytest.raises(ArtifactAlteredError):
        exchange.get(reference)
    assert not trace.exists()


def test_a_pickle_of_the_right_size_is_never_opened_either(exchange, producer, trace):
    evil = pickle.dumps(Evil(trace))
    reference = dataclasses.replace(exchange.put(range(3), name="model", producer=producer), nbytes=len(evil))
    file_of(reference).write_bytes(evil)
    with pytest.raises(ArtifactAlteredError, match="its digest differs"):
        exchange.get(reference)
    assert not trace.exists()


def test_what_was_verified_is_what_is_opened_even_if_the_file_is_changed_in_between(
    exchange, producer, trace, monkeypatch
):
    evil = pickle.dumps(Evil(trace))
    reference = exchange.put([..., "x" * len(evil)], name="model", producer=producer)
    verify = exchange_module._difference

    def verify_and_be_too_late(view, reference):
        problem = verify(view, reference)
        with file_of(reference).open("r+b") as file:
            file.write(evil)
        return problem

    monkeypatch.setattr(exchange_module, "_difference", verify_and_be_too_late)
    assert exchange.get(reference) == [..., "x" * len(evil)]
    assert not trace.exists()


def test_without_pickles_none_is_written(producer, tmp_path, stored):
    exchange = Exchange(f"file://{tmp_path}", allow_pickle=False)
    with pytest.raises(PickleRefusedError) as caught:
        exchange.put(range(3), name="model", producer=producer)
    assert isinstance(caught.value, PermissionError)
    message = str(caught.value)
    assert "Output 'model' of task 'features.clean' of DAG 'flights'" in message
    assert "is a range, which only pickle could carry, and [linepipe] allow_pickle is off" in message
    assert "return a table, an array or plain data, or register a codec" in message
    assert stored() == []


def test_without_pickles_none_is_opened_not_even_a_right_one(exchange, producer, tmp_path, trace):
    reference = exchange.put(Evil(trace), name="model", producer=producer)
    with pytest.raises(PickleRefusedError, match=f"'model' .*is a pickle.*stays closed.*{ORIGIN}"):
        Exchange(f"file://{tmp_path}", allow_pickle=False).get(reference)
    assert not trace.exists()


@pytest.mark.parametrize("key", [key for key in VALUES if key not in ("pickle", "file")])
def test_without_pickles_open_formats_travel_all_the_same(key, producer, tmp_path):
    exchange = Exchange(f"file://{tmp_path}", allow_pickle=False)
    reference = exchange.put(VALUES[key], name="x", producer=producer)
    assert fingerprint(exchange.get(reference)) == fingerprint(VALUES[key])
