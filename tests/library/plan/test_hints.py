"""Annotations: a mismatch is warned of while the pipeline is planned, and nothing else is."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterable, Reversible, Sequence
from functools import wraps
from typing import Any, Protocol, TypeVar

import numpy as np
import pandas as pd
import pytest
from linepipe.node import Node, create_named_partial_function
from linepipe.pipeline import Pipeline

from airflow_linepipe.errors import HintWarning
from airflow_linepipe.plan import check_travel, plan_parts, plan_pipeline

T = TypeVar("T")


class Sized(Protocol):
    def __len__(self) -> int: ...


def plan(given, wanted, *, rest=False):
    def make():
        return None

    def use(value):
        return value

    def use_all(*values):
        return values

    make.__annotations__["return"] = given
    use.__annotations__["value"] = wanted
    use_all.__annotations__["values"] = wanted
    inputs = ["x", "x"] if rest else ["x"]
    return plan_pipeline(Pipeline([Node(make, [], ["x"]), Node(use_all if rest else use, inputs, ["y"])]))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(str, int), (pd.DataFrame, np.ndarray), (list[int], dict), (str, int | None), (str | None, float),
     (str | bytes, list), (None, int), (dict[str, int], list)],
)  # fmt: skip
@pytest.mark.parametrize("rest", [False, True])
def test_a_mismatch_is_warned_of_with_both_nodes(given, wanted, rest):
    """R22."""
    with pytest.warns(HintWarning, match=r"Node 'use\w*' expects 'x' to be .*, and node 'make' is annotated to return"):
        plan(given, wanted, rest=rest)


class One:
    pass


class Other:
    pass


class Both(One, Other):
    """For all that is known it is what a node returns."""


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(int, float), (bool, int), (int, int), (list[int], Sequence[str]), (Any, int), (int, Any), (int, object),
     (object, int), (str, "Missing"), (str, T), (str, Sized), (int | None, int), (list, list[int]),
     (np.floating, float), (np.int64, int), (np.bool_, bool), (list, Reversible), (Iterable, Sized), (One, Other),
     (float, int | float),
     (np.ndarray, "np.ndarray"), (type[int], type)],
)  # fmt: skip
def test_what_may_be_right_is_not_warned_of(given, wanted):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan(given, wanted)


def test_the_sentence_says_what_is_wrong():
    def split(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
        return table, 1

    def fit(count: int, table: pd.DataFrame) -> object:
        return table

    nodes = [Node(split, ["raw"], ["table", "count"]), Node(fit, ["table", "count"], ["model"])]
    with pytest.warns(HintWarning) as caught:
        plan_pipeline(Pipeline(nodes, raw=1))
    assert [str(one.message) for one in caught] == [
        f"Node 'fit' expects '{name}' to be {wanted}, and node 'split' is annotated to return {given}: correct one of "
        f"the annotations, or the order of the inputs."
        for name, wanted, given in (("table", "int", "DataFrame"), ("count", "DataFrame", "int"))
    ]


def test_methods_have_hints_too():
    class Model:
        def fit(self, table: pd.DataFrame) -> int:
            return len(table)

    def load() -> str:
        return ""

    with pytest.warns(HintWarning, match="Node 'fit' expects 'x' to be DataFrame"):
        plan_pipeline(Pipeline([Node(load, [], ["x"]), Node(Model().fit, ["x"], ["y"])]))


def test_a_decorator_may_change_what_is_returned_and_taken():
    def summed(function):
        @wraps(function)
        def call(*values):
            return str(function(*values))

        return call

    @summed
    def load() -> Generator[int, None, None]:
        return 1

    @summed
    def use(value: dict) -> int:
        return value

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan = plan_pipeline(Pipeline([Node(load, [], ["x"]), Node(use, ["x"], ["y"]), Node(use, ["y"], ["z"])]))
        check_travel(plan_parts(plan))


@pytest.mark.parametrize("annotation", ["in metres", "list['in metres']", "1/0", "int.nowhere"])
def test_an_annotation_that_is_no_type_says_nothing(annotation):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plan(int, annotation)


def test_functions_without_a_signature_or_hints_are_taken_as_they_are():
    def half(value: int) -> float:
        return value / 2

    partial = create_named_partial_function(half, "partial", value=2)
    nodes = [Node(max, ["a", "b"], ["x"]), Node(partial, [], ["y"]), Node(dict, [], ["z"]), Node(len, ["y"], ["n"])]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(plan_pipeline(Pipeline(nodes, a=1, b=2)).steps) == 4
