"""References wherever they stand in what a task was handed."""

from __future__ import annotations

import json
from collections import OrderedDict

import numpy as np
import pytest

from airflow_linepipe.errors import ArtifactNotFoundError, InvalidReferenceError
from airflow_linepipe.runtime import load_references


@pytest.fixture
def stored(exchange, producer):
    """Store a value and give its reference as it comes out of XCom."""
    return lambda value, name="x": json.loads(
        json.dumps(exchange.put(value, name=name, producer=producer).to_wire(), allow_nan=False)
    )


@pytest.mark.parametrize(
    "value", [None, 0, "text", [1, {"a": (2,)}], {"rows": [1]}, float("inf")], ids=lambda value: type(value).__name__
)
def test_a_reference_becomes_its_value(stored, exchange, value):
    assert load_references(stored(value), exchange) == value


def test_references_in_lists_tuples_and_dicts_become_values(stored, exchange):
    handed = {"a": stored([1], "a"), "more": [stored("b", "b"), (stored(None, "c"), 4)], "plain": {"deep": [5]}}

    assert load_references(handed, exchange) == {"a": [1], "more": ["b", (None, 4)], "plain": {"deep": [5]}}


def test_an_array_comes_back_as_it_was(stored, exchange):
    value = load_references([stored(np.arange(3.0))], exchange)[0]

    assert value.tolist() == [0.0, 1.0, 2.0]
    assert value.dtype == np.float64


def test_a_reference_that_stands_twice_is_two_values(stored, exchange):
    reference = stored([1])
    first, second = load_references([reference, reference], exchange)
    first.append(2)

    assert second == [1]


def test_what_a_reference_holds_is_not_searched_again(stored, exchange):
    inner = stored([1])

    assert load_references(stored([inner]), exchange) == [inner]


@pytest.mark.parametrize("value", [None, 3, "s3://bucket/x", [], {}, (), {"uri": "file:///x"}, {1: [2]}], ids=repr)
def test_what_holds_no_reference_is_returned_equal(exchange, value):
    loaded = load_references(value, exchange)

    assert loaded == value
    assert type(loaded) is type(value)


def test_containers_are_new_and_other_objects_are_the_same(exchange):
    rows, handed = object(), {"deep": [1]}
    loaded = load_references([rows, handed], exchange)

    assert loaded[0] is rows
    assert loaded[1] is not handed
    assert loaded[1]["deep"] is not handed["deep"]


def test_containers_of_other_kinds_are_values_like_any_other(exchange):
    value = OrderedDict(a=[1])

    assert load_references(value, exchange) is value


def test_a_dict_that_claims_to_be_a_reference_and_is_none_is_refused(exchange):
    with pytest.raises(InvalidReferenceError, match="'uri' is missing"):
        load_references([{"linepipe_artifact": 1, "name": "x"}], exchange)


def test_a_value_that_is_gone_names_who_made_it(stored, exchange, producer, tmp_path):
    reference = stored([1])
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        path.unlink()

    with pytest.raises(ArtifactNotFoundError, match=r"task 'features\.clean' of DAG 'flights'"):
        load_references({"a": reference}, exchange)
