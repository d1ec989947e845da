"""What a single run may replace of config and constants, and that nothing else changes."""

from __future__ import annotations

import enum
from collections import UserDict, defaultdict
from collections.abc import Mapping
from configparser import ConfigParser
from dataclasses import InitVar, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pandas as pd
import pytest
from linepipe.node import Node
from linepipe.pipeline import Pipeline
from pydantic import BaseModel, ConfigDict, Field, model_validator

from airflow_linepipe import run
from airflow_linepipe.errors import SettingError
from airflow_linepipe.plan import lookup, override_plan, plan_overrides, plan_pipeline


def give(*values):
    return values


def outcome(*inputs, config=None, params=None, **constants):
    """What a node gets of its inputs."""
    pipeline = Pipeline([Node(give, list(inputs), ["got"])], config=config, **constants)
    return run(pipeline, params=params, quiet=True)["got"]


def overrides(*inputs, config=None, **constants):
    return plan_overrides(plan_pipeline(Pipeline([Node(give, list(inputs), [])], config=config, **constants)))


class Solver(enum.Enum):
    ADAM = "adam"
    SGD = "sgd"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass(frozen=True)
class Frozen:
    lr: float = 0.1


class Model(BaseModel):
    lr: float = Field(default=0.1, gt=0)


class FrozenModel(BaseModel):
    model_config = ConfigDict(frozen=True)
    lr: float = 0.1


class Pair(NamedTuple):
    lr: float = 0.1


class Plain:
    lr = 0.1


class Instance:
    def __init__(self):
        self.lr = 0.1


class Items:
    """Neither a mapping nor one with attributes."""

    def __init__(self):
        self._items = {"lr": 0.1}

    def __getitem__(self, name):
        return self._items[name]

    def __setitem__(self, name, value):
        self._items = {**self._items, name: value}


CONFIGS = {
    "dict": {"lr": 0.1}, "namespace": SimpleNamespace(lr=0.1),
    "dataclass": Frozen(), "pydantic": Model(), "frozen-pydantic": FrozenModel(), "named-tuple": Pair(),
    "class": Plain, "class-attribute": Plain(), "instance": Instance(), "items": Items(),
}  # fmt: skip


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("path", [("config.lr",), ("config.inner.lr", "deeper"), ("config.inner", "whole")])
def test_a_value_of_any_kind_of_config_is_replaced_in_one_run_only(config, path):
    """R30, R31: an override in one run is not there in the next, and never in the config itself."""
    name = path[0]
    below = "config.inner.lr" if len(path) > 1 else name
    whole = {"inner": config} if len(path) > 1 else config
    walked = name == below or type(config) not in (type, Plain, Instance, Items)
    assert (below in overrides(name, config=whole)) is walked
    if walked:
        (got,) = outcome(name, config=whole, params={below: 0.5})
        assert (got if name == below else _lr(got)) == 0.5
    (got,) = outcome(name, config=whole)
    assert (got if name == below else _lr(got)) == 0.1
    assert _lr(config) == 0.1


def _lr(config):
    return config.lr if hasattr(config, "lr") else config["lr"]


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


def test_the_models_own_rules_hold_for_what_a_run_sets():
    with pytest.raises(
        SettingError, match="'config.lr' do not fit together with the rest of 'config': Input should be greater than 0"
    ):
        outcome("config.lr", config=Model(), params={"config.lr": -1})


NOWHERE = "no node reads such a value from config or constants"


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"config.lx": 1}, f"params['config.lx']: {NOWHERE}: did you mean 'config.lr'?"),
        ({"y": 1}, f"params['y']: {NOWHERE}: a run may replace config.lr, x."),
        ([], "params=[]: give a dict whose keys are names."),
    ],
)  # fmt: skip
def test_what_no_node_reads_cannot_be_set(params, sentence):
    with pytest.raises(SettingError) as caught:
        outcome("config.lr", "x", config={"lr": 0.1, "unread": 3}, x="a", params=params)
    assert str(caught.value) == sentence


def test_what_is_no_setting_is_no_override():
    @dataclass
    class Loop:
        name: str = "a"
        own: object = field(default=None, compare=False)

    loop = Loop()
    loop.own = loop

    class Sealed:
        lr = property(lambda self: 0.1)

    constants = {
        "frame": pd.DataFrame(), "table": {str(number): number for number in range(51)}, "nan": float("nan"),
        "huge": 2**53 + 1, "long": list(range(51)), "loop": loop, "function": len,
    }  # fmt: skip
    found = overrides("config", *constants, config={"a.b": 1, "sealed": Sealed(), 3: 4}, **constants)
    assert list(found) == ["loop.name"]
    assert overrides("config.lr", config=Sealed()) == {}


def test_an_override_of_a_part_is_seen_by_whoever_reads_the_whole():
    """R06: a constant's and a config's value, visible to every consumer."""
    config = {"model": {"depth": 3, "solver": "a"}}
    names = ("config", "config.model", "config.model.depth", "x")
    got = outcome(*names, config=config, x={"k": 1}, params={"config.model.depth": 9, "x.k": 2})
    assert got == ({"model": {"depth": 9, "solver": "a"}}, {"depth": 9, "solver": "a"}, 9, {"k": 2})
    assert config == {"model": {"depth": 3, "solver": "a"}}
    assert overrides(*names, config=config, x={})["config.model.depth"].readers == ("give",)


def test_an_output_is_no_param():
    """R30: a param never replaces data."""
    pipeline = Pipeline([Node(lambda: 1, [], ["x"]), Node(give, ["x"], ["got"])])
    with pytest.raises(SettingError, match="params\\['x'\\]: no node reads such a value"):
        run(pipeline, params={"x": 100}, quiet=True)


class Wrapped:
    """Keeps what is set in a dict that a shallow copy would share."""

    def __init__(self, **items):
        self.__dict__["_items"] = items

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self._items[name]

    def __setattr__(self, name, value):
        self._items[name] = value


def configparser_of(text):
    parser = ConfigParser()
    parser.read_string(text)
    return parser


@pytest.mark.parametrize(
    ("config", "name", "old", "new"),
    [
        (configparser_of("[m]\nlr = 0.1"), "config.m.lr", "0.1", "0.2"),
        (Wrapped(lr=0.1), "config.lr", 0.1, 0.2),
        (UserDict(lr=0.1), "config.lr", 0.1, 0.2),
        (defaultdict(dict, lr=0.1), "config.lr", 0.1, 0.2),
    ],
)
def test_a_config_that_keeps_its_values_elsewhere_is_never_touched(config, name, old, new):
    """Found by an attacker: finding out what can be replaced, or replacing it, changed the author's own config."""
    plan = plan_pipeline(Pipeline([Node(give, [name], [])]), config=config)
    assert list(plan_overrides(plan)) == [name]
    changed = override_plan(plan, {name: new}, plan_overrides(plan))
    path = tuple(name.split(".")[1:])
    assert (lookup(plan.config, path), lookup(changed.config, path)) == (old, new)


@dataclass
class Prefixed:
    root: str = "/data"
    path: str = "x"
    window: int = 3

    def __post_init__(self):
        self.path = f"{self.root}/{self.path}"


@dataclass
class Scaled:
    scale: InitVar[int] = 1
    lr: float = 0.1
    step: float = 0.0

    def __post_init__(self, scale):
        self.step = self.lr * scale


@dataclass
class Derived:
    lr: float = 0.1
    step: float = field(init=False)

    def __post_init__(self):
        self.step = self.lr * 10


class Normalised(BaseModel):
    path: str = "x"
    window: int = 3

    @model_validator(mode="after")
    def normalise(self):
        self.__dict__["path"] = f"/{self.path}"
        return self


class Computed(BaseModel):
    model_config = ConfigDict(extra="allow")
    width: int = 2

    @property
    def area(self):
        return self.width * 2


class ReadOnly(Mapping):
    def __init__(self, **items):
        self._items = items

    def __getitem__(self, name):
        return self._items[name]

    def __iter__(self):
        return iter(self._items)

    def __len__(self):
        return len(self._items)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (Prefixed(), "config.window"),
        (Scaled(scale=10), "config.lr"),
        (Normalised(), "config.window"),
        (Computed(), "config.area"),
        (ReadOnly(lr=0.1), "config.lr"),
    ],
)
def test_what_cannot_be_replaced_alone_is_no_override(config, name):
    """Found by an attacker: another field changed, or nothing did."""
    assert overrides(name, config=config) == {}


def test_what_depends_on_a_value_follows_it():
    assert outcome("config.lr", "config.step", config=Derived(), params={"config.lr": 0.5}) == (0.5, 5.0)


class Range(BaseModel):
    low: int = 1
    high: int = 5

    @model_validator(mode="after")
    def is_range(self):
        if self.low >= self.high:
            message = "low must be below high"
            raise ValueError(message)
        return self


def test_values_that_belong_together_are_set_together():
    params = {"config.low": 10, "config.high": 20}
    (got,) = outcome("config", config=Range(), params=params)
    assert (got.low, got.high) == (10, 20)
    with pytest.raises(SettingError, match="'config.low' do not fit together with the rest of 'config': .*below high"):
        outcome("config", config=Range(), params={"config.low": 10})


def test_a_frozen_model_keeps_its_fields_rules():
    class Strict(BaseModel):
        model_config = ConfigDict(frozen=True)
        lr: float = Field(default=0.1, gt=0)

    assert outcome("config.lr", config=Strict(), params={"config.lr": 2}) == (2.0,)
    with pytest.raises(SettingError, match="Input should be greater than 0"):
        outcome("config.lr", config=Strict(), params={"config.lr": -1})


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


def test_a_class_as_config_gets_no_subclass_while_it_is_planned():
    class Registered:
        lr = 0.1

        def __init_subclass__(cls):
            raise AssertionError

    assert list(overrides("config.lr", config=Registered)) == ["config.lr"]


def test_no_message_shows_a_value():
    """It may be a secret."""
    with pytest.raises(SettingError) as caught:
        outcome("password", password="hunter2", params={"password": 12345})
    assert str(caught.value) == "The param 'password' must be a text."
