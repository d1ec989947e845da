"""What a function returned, under the names its node declares."""

from __future__ import annotations

from collections import OrderedDict, deque, namedtuple
from typing import NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pytest
from linepipe.node import Node

from airflow_linepipe.errors import OutputCountError, OutputTypeError, RunError
from airflow_linepipe.runtime import name_outputs


class Split(NamedTuple):
    """A result whose fields happen to be called as those of a table."""

    rows: int
    columns: int


class Custom:
    def __len__(self):
        return 2

    def __getitem__(self, position):
        return "ab"[position]


def linepipe_outputs(result, outputs):
    return Node(lambda: result, [], outputs).run({})


@pytest.mark.parametrize(
    "result",
    [
        pytest.param((1, 2), id="tuple"),
        pytest.param([1, 2], id="list"),
        pytest.param(Split(1, 2), id="named-tuple-with-columns"),
        pytest.param(namedtuple("Pair", "a b")(1, None), id="named-tuple"),  # noqa: PYI024
        pytest.param((None, None), id="nones"),
        pytest.param(np.array([1, 2]), id="array"),
        pytest.param(range(2), id="range"),
        pytest.param(deque([1, 2]), id="deque"),
        pytest.param(pd.Series([1, 2], index=["x", "y"]), id="series"),
        pytest.param(Custom(), id="sequence-of-its-own-kind"),
    ],
)
def test_several_outputs_are_the_items_in_order_as_in_linepipe(result):
    """R10."""
    named = name_outputs(result, label="split", outputs=("a", "b"))

    assert list(named) == ["a", "b"]
    assert named == linepipe_outputs(result, ["a", "b"])


def test_the_rows_of_an_array_can_be_outputs():
    """R10."""
    named = name_outputs(np.arange(6).reshape(2, 3), label="split", outputs=("a", "b"))

    assert [named["a"].tolist(), named["b"].tolist()] == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    "result",
    [
        pytest.param((1, 2), id="tuple"),
        pytest.param([1, 2], id="list"),
        pytest.param({"a": 1}, id="dict"),
        pytest.param("hi", id="text"),
        pytest.param({1, 2}, id="set"),
        pytest.param(pd.DataFrame({"a": [1]}), id="frame"),
        pytest.param((), id="empty-tuple"),
        pytest.param(None, id="none"),
        pytest.param(iter([1]), id="iterator"),
    ],
)
def test_one_output_is_the_result_whole(result):
    """R10."""
    named = name_outputs(result, label="load", outputs=("a",))

    assert list(named) == ["a"]
    assert named["a"] is result


@pytest.mark.parametrize("result", [None, 1, (1, 2), {"a": 1}, pd.DataFrame()], ids=lambda value: type(value).__name__)
def test_without_outputs_the_result_is_dropped(result):
    """R11."""
    assert name_outputs(result, label="save", outputs=()) == {}


@pytest.mark.parametrize(
    ("result", "count"),
    [
        pytest.param((1, 2, 3), 3, id="one-too-many"),
        pytest.param((1,), 1, id="one-too-few"),
        pytest.param((), 0, id="none"),
        pytest.param([1, 2, 3], 3, id="list"),
        pytest.param(Split(1, 2) + (3,), 3, id="longer-named-tuple"),
        pytest.param(np.zeros((5, 2)), 5, id="array"),
        pytest.param(pd.Series([1]), 1, id="series"),
    ],
)
def test_another_number_of_values_fails_with_both_counts(result, count):
    """R10."""
    with pytest.raises(OutputCountError) as caught:
        name_outputs(result, label="split", outputs=("a", "b"))

    assert str(caught.value) == f"Node 'split' returned {count} values, but 2 outputs were declared (a, b)."
    assert isinstance(caught.value, RunError | ValueError)
    with pytest.raises(ValueError, match=f"returned {count} values"):
        linepipe_outputs(result, ["a", "b"])


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        pytest.param({"a": 1, "b": 2}, "dict", id="dict"),
        pytest.param(OrderedDict(a=1, b=2), "OrderedDict", id="ordered-dict"),
        pytest.param({"a": 1, "b": 2}.keys(), "dict_keys", id="keys"),
        pytest.param("hi", "str", id="text"),
        pytest.param(b"hi", "bytes", id="bytes"),
        pytest.param({1, 2}, "set", id="set"),
        pytest.param(frozenset({1, 2}), "frozenset", id="frozenset"),
        pytest.param(pd.DataFrame({"a": [1], "b": [2]}), "DataFrame", id="pandas"),
        pytest.param(pl.DataFrame({"a": [1], "b": [2]}), "DataFrame", id="polars"),
        pytest.param(pl.LazyFrame({"a": [1], "b": [2]}), "LazyFrame", id="polars-lazy"),
        pytest.param(None, "NoneType", id="none"),
        pytest.param(1, "int", id="int"),
        pytest.param(np.float64(1), "float64", id="numpy-scalar"),
        pytest.param(np.array(1), "ndarray", id="array-without-a-dimension"),
        pytest.param((value for value in (1, 2)), "generator", id="generator"),
        pytest.param(zip("ab", "cd", strict=True), "zip", id="iterator"),
        pytest.param(object(), "object", id="object"),
        pytest.param(Split, "type", id="class"),
    ],
)
def test_what_is_no_sequence_of_values_is_refused_although_linepipe_may_split_it(result, kind):
    """R10."""
    with pytest.raises(OutputTypeError) as caught:
        name_outputs(result, label="split", outputs=("a", "b"))

    assert str(caught.value) == (
        f"Node 'split' declares 2 outputs (a, b) and returned a {kind}: return a tuple of 2 values."
    )
    assert isinstance(caught.value, RunError | TypeError)
