"""Configs of every kind with some values replaced: the originals stay, and nothing else changes."""

from __future__ import annotations

from collections import UserDict, defaultdict
from collections.abc import Mapping
from configparser import ConfigParser
from dataclasses import InitVar, dataclass, field
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from linepipe.node import Node
from linepipe.pipeline import Pipeline
from overridden import give, outcome, overrides
from pydantic import BaseModel, ConfigDict, Field, model_validator

from airflow_linepipe.errors import SettingError
from airflow_linepipe.plan import lookup, override_plan, plan_overrides, plan_pipeline


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


def test_the_models_own_rules_hold_for_what_a_run_sets():
    with pytest.raises(
        SettingError, match="'config.lr' do not fit together with the rest of 'config': Input should be greater than 0"
    ):
        outcome("config.lr", config=Model(), params={"config.lr": -1})


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


def test_a_class_as_config_gets_no_subclass_while_it_is_planned():
    class Registered:
        lr = 0.1

        def __init_subclass__(cls):
            raise AssertionError

    assert list(overrides("config.lr", config=Registered)) == ["config.lr"]
