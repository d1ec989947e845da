"""The order that no value carries: writers and the handles they share with other nodes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from linepipe.node import Node

from airflow_linepipe.errors import SettingError
from airflow_linepipe.plan import build_plan, plan_pipeline


def read(*values):
    return values


def write(*values):
    return None


def order_of(nodes, **arguments):
    """For each step's id the ids it comes after."""
    return {step.id: step.after for step in build_plan(nodes, **arguments).steps}


def reader(*inputs, name):
    return Node(read, inputs, [name])


def writer(*inputs):
    return Node(write, inputs, [])


PLACE = {"place": "/there"}


def test_a_writer_comes_after_every_earlier_node_that_shares_its_handle():
    """R11."""
    nodes = [reader("place", name="a"), reader("place", name="b"), writer("place")]

    assert order_of(nodes, constants=PLACE) == {"read": (), "read__2": (), "write": ("read", "read__2")}


def test_a_reader_comes_after_the_last_writer_and_not_after_other_readers():
    nodes = [writer("place"), writer("place"), reader("place", name="a"), reader("place", name="b")]

    assert order_of(nodes, constants=PLACE) == {
        "write": (),
        "write__2": ("write",),
        "read": ("write__2",),
        "read__2": ("write__2",),
    }


def test_a_writer_after_readers_waits_for_them_and_for_the_writer_before_them():
    nodes = [writer("place"), reader("place", name="a"), writer("place"), reader("place", name="b"), writer("place")]

    assert order_of(nodes, constants=PLACE) == {
        "write": (),
        "read": ("write",),
        "write__2": ("write", "read"),
        "read__2": ("write__2",),
        "write__3": ("write__2", "read__2"),
    }


def test_readers_alone_are_in_no_order():
    nodes = [reader("place", name="a"), reader("place", name="b"), reader("place", "a", name="c")]

    assert order_of(nodes, constants=PLACE) == {"read": (), "read__2": (), "read__3": ()}


def test_writers_of_different_handles_are_in_no_order():
    nodes = [writer("here"), writer("there"), reader("here", name="a")]

    assert order_of(nodes, constants={"here": "a", "there": "b"}) == {"write": (), "write__2": (), "read": ("write",)}


def test_a_node_with_several_handles_waits_once_for_each_node_it_shares_one_with():
    nodes = [writer("here", "there"), reader("here", "there", "here", name="a"), writer("there", "here")]

    assert order_of(nodes, constants={"here": "a", "there": "b"}) == {
        "write": (),
        "read": ("write",),
        "write__2": ("write", "read"),
    }


def test_a_writer_without_inputs_or_of_artifacts_only_is_in_no_order_but_that_of_its_values():
    nodes = [reader(name="a"), writer("a"), writer(), writer("a"), reader("a", name="b")]
    plan = build_plan(nodes)

    assert all(step.after == () for step in plan.steps)
    assert [step.upstream for step in plan.steps] == [(), ("read",), (), ("read",), ("read",)]


HANDLES = {
    "text": "flights",
    "bytes": b"flights",
    "path": Path("flights"),
    "engine": object(),
    "list": ["flights"],
    "dict": {"table": "flights"},
    "namespace": SimpleNamespace(url="…"),
    "function": print,
    "class": Path,
}
NO_HANDLES = {
    "int": 3,
    "float": 0.1,
    "complex": 1j,
    "bool": True,
    "decimal": Decimal("0.1"),
    "fraction": Fraction(1, 3),
    "numpy-int": np.int64(3),
    "numpy-float": np.float32(0.1),
    "none": None,
    "date": date(2013, 1, 1),
    "datetime": datetime(2013, 1, 1, tzinfo=UTC),
    "time": time(12),
    "timedelta": timedelta(days=1),
}


@pytest.mark.parametrize("value", HANDLES.values(), ids=HANDLES)
@pytest.mark.parametrize("name", ["shared", "config.shared"])
def test_texts_paths_and_objects_can_lead_to_the_same_place(value, name):
    nodes = [writer(name), reader(name, name="a")]

    assert order_of(nodes, constants={"shared": value}, config={"shared": value}) == {"write": (), "read": ("write",)}


@pytest.mark.parametrize("value", NO_HANDLES.values(), ids=NO_HANDLES)
@pytest.mark.parametrize("name", ["shared", "config.shared"])
def test_numbers_and_dates_cannot(value, name):
    nodes = [writer(name), reader(name, name="a")]

    assert order_of(nodes, constants={"shared": value}, config={"shared": value}) == {"write": (), "read": ()}


def test_a_constant_and_a_config_value_of_one_name_are_two_handles():
    nodes = [writer("shared"), reader("config.shared", name="a")]

    assert order_of(nodes, constants={"shared": "x"}, config={"shared": "y"})["read"] == ()


@dataclass(frozen=True, kw_only=True)
class Database:
    url: str = "sqlite://"
    pool: int = 5


@dataclass(frozen=True, kw_only=True)
class Config:
    database: Database = Database()
    folder: str = "/there"


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("config", "config", True),
        ("config", "config.folder", True),
        ("config.folder", "config", True),
        ("config.database", "config.database.url", True),
        ("config.database.url", "config.database", True),
        ("config.database.url", "config", True),
        ("config.database.url", "config.folder", False),
        ("config.database", "config.folder", False),
        ("config", "config.database.pool", False),
    ],
)
def test_a_part_of_the_config_and_what_holds_it_are_one_handle(first, second, shared):
    """A writer that is given the whole config writes where a node reads that is given only the path."""
    config = Config()
    after = {"write": (), "read": ("write",) if shared else ()}

    assert order_of([writer(first), reader(second, name="a")], config=config) == after
    assert order_of([reader(first, name="a"), writer(second)], config=config) == {
        "read": (),
        "write": ("read",) if shared else (),
    }


def test_a_writer_of_the_whole_config_stands_for_the_writers_of_its_parts():
    nodes = [
        writer("config.folder"),
        reader("config.database", name="a"),
        writer("config"),
        reader("config.folder", name="b"),
        writer("config.database.url"),
        reader("config", name="c"),
    ]

    assert order_of(nodes, config=Config()) == {
        "write": (),
        "read": (),
        "write__2": ("write", "read"),
        "read__2": ("write__2",),
        "write__3": ("write__2",),
        "read__3": ("write__2", "write__3"),
    }


def test_readers_of_the_whole_config_are_remembered_by_every_writer_of_a_part():
    nodes = [reader("config", name="a"), writer("config.folder"), writer("config.database.url")]

    assert order_of(nodes, config=Config()) == {"read": (), "write": ("read",), "write__2": ("read",)}


def test_list_order_is_that_of_linepipe_for_every_node():
    """R02."""
    nodes = [reader(name="a"), writer("a"), reader(name="b"), reader("a", name="c")]

    assert order_of(nodes, order="list") == {
        "read": (),
        "write": ("read",),
        "read__2": ("write",),
        "read__3": ("read__2",),
    }
    assert order_of(nodes, order="data") == {"read": (), "write": (), "read__2": (), "read__3": ()}


@pytest.mark.parametrize("order", ["linear", "", None, "DATA"])
def test_another_order_is_refused_by_name(order):
    with pytest.raises(SettingError) as caught:
        plan_pipeline(SimpleNamespace(nodes=[], config=None, runtime_constants={}), order=order)

    assert str(caught.value) == f'order={order!r} is not known: use "data" or "list".'
    assert isinstance(caught.value, ValueError)
