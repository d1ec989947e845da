"""Values as typed parameters: each kind keeps its type, and what a form cannot hold is none."""

from __future__ import annotations

import enum
from collections import UserDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from overridden import outcome, overrides

from airflow_linepipe.errors import SettingError


class Solver(enum.Enum):
    ADAM = "adam"
    SGD = "sgd"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
ANY = ["null", "boolean", "integer", "number", "string", "array", "object"]
DATE_TIME = {"type": "string", "format": "date-time"}
KINDS = [
    (True, {"type": "boolean"}, False, False),
    (5, {"type": "integer"}, 7, 7),
    (5, {"type": "integer"}, 7.0, 7),
    (0.5, {"type": "number"}, 1, 1.0),
    ("a", {"type": "string"}, "", ""),
    (None, {"type": ANY}, {"a": [1]}, {"a": [1]}),
    (date(2026, 1, 1), {"type": "string", "format": "date"}, "2025-12-31", date(2025, 12, 31)),
    (NOW, DATE_TIME, "2026-01-01T12:00:00Z", NOW),
    (Path("a"), {"type": "string"}, "b/c", Path("b/c")),
    (Solver.ADAM, {"type": "string", "enum": ["adam", "sgd"]}, "sgd", Solver.SGD),
    (Level.LOW, {"type": "integer", "enum": [1, 2]}, 2, Level.HIGH),
    ("", {"type": ["string", "null"]}, "b", "b"),
    ("", {"type": ["string", "null"]}, None, ""),
    ("a\nb", {"type": "string", "format": "multiline"}, "c\nd", "c\nd"),
    (NAIVE, DATE_TIME, "2026-01-01T13:00:00.000Z", NAIVE.replace(hour=13)),
    (NAIVE, DATE_TIME, "2026-01-01T13:00:00", NAIVE.replace(hour=13)),
    ([], {"type": "array", "items": {"type": ANY}}, [1, "a"], [1, "a"]),
    ([1, 2], {"type": "array", "items": {"type": "integer"}}, [], []),
    ((1.5, 2.5), {"type": "array", "items": {"type": "number"}}, [1], (1.0,)),
    (["a", 1], {"type": "array", "items": {"type": ANY}}, ["b"], ["b"]),
]


@pytest.mark.parametrize(("value", "schema", "given", "expected"), KINDS)
def test_each_kind_of_value_is_typed_and_keeps_its_type(value, schema, given, expected):
    assert overrides("x", x=value)["x"].parameter.schema == schema
    (got,) = outcome("x", x=value, params={"x": given})
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("value", "given"),
    [(True, 1), (5, True), (5, 5.5), (5, "5"), (0.5, "x"), (0.5, None), ("a", 1), (date(2026, 1, 1), "soon"),
     (Path("a"), 1), (Solver.ADAM, "adagrad"), ([1], 1), ([1], ["x"])],
)  # fmt: skip
def test_a_value_of_another_kind_is_refused_with_its_name(value, given):
    with pytest.raises(SettingError, match=r"^The param 'x' must be .*\.$"):
        outcome("x", x=value, params={"x": given})


@pytest.mark.parametrize(
    ("value", "given", "expected"),
    [
        ((date(2026, 1, 1),), ["2026-02-01"], (date(2026, 2, 1),)),
        ([0, 0.5], [1, 2.5], [1, 2.5]),
        ([1, 0], [2], [2]),
        ([[1, 2], [3]], [[4]], [[4]]),
        ([(1, 2)], [[3, 4]], [(3, 4)]),
        (0.0, -0.0, -0.0),
    ],
)
def test_items_keep_their_types(value, given, expected):
    assert repr(outcome("x", x=value, params={"x": given})) == repr((expected,))


@pytest.mark.parametrize(
    ("value", "given"), [([0, 0.5], ["x"]), ([1, 0], [True, False]), ([[1]], [1]), (0.5, float("inf")), (5, 10**400)]
)
def test_items_of_another_kind_are_refused(value, given):
    with pytest.raises(SettingError, match="The param 'x' must be"):
        outcome("x", x=value, params={"x": given})


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Things(enum.Enum):
    TEXT = "a"
    OBJECT = frozenset("ab")


@dataclass
class Late:
    lr: float = 0.1
    cache: dict = field(init=False, repr=False, compare=False)


class Lazy(UserDict):
    def __getitem__(self, name):
        if name == "broken":
            raise OSError
        return super().__getitem__(name)


def test_what_a_form_cannot_hold_is_no_override():
    """Found by an attacker: data, and values that change or break on their way through a form."""
    endless = [1]
    endless.append(endless)
    values = {
        "flag": Rights.READ | Rights.WRITE, "thing": Things.TEXT, "huge": 10**20, "surrogate": "\ud800",
        "long": "x" * 5000, "wide": [[0.5] * 100] * 2, "endless": endless, "mixed": [date(2026, 1, 1), None],
        "two": [Path("a"), "b"],
    }  # fmt: skip
    assert overrides(*values, **values) == {}
    assert list(overrides("config", config=Late())) == ["config.lr"]
    assert list(overrides("config", config=Lazy(lr=1, broken=2))) == ["config.lr"]


def test_no_message_shows_a_value():
    """It may be a secret."""
    with pytest.raises(SettingError) as caught:
        outcome("password", password="hunter2", params={"password": 12345})
    assert str(caught.value) == "The param 'password' must be a text."
