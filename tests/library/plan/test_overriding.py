"""What a single run may replace of config and constants, and that nothing else changes."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pandas as pd
import pytest
from linepipe.node import Node
from linepipe.pipeline import Pipeline
from pydantic import BaseModel, ConfigDict, Field

from airflow_linepipe import run
from airflow_linepipe.errors import SettingError
from airflow_linepipe.plan import plan_overrides, plan_pipeline


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


class ReadOnly(Mapping):
    def __init__(self, **items):
        self._items = items

    def __getitem__(self, name):
        return self._items[name]

    def __iter__(self):
        return iter(self._items)

    def __len__(self):
        return len(self._items)


class Items:
    """Neither a mapping nor one with attributes."""

    def __init__(self):
        self._items = {"lr": 0.1}

    def __getitem__(self, name):
        return self._items[name]

    def __setitem__(self, name, value):
        self._items = {**self._items, name: value}


CONFIGS = {
    "dict": {"lr": 0.1}, "mapping": ReadOnly(lr=0.1), "namespace": SimpleNamespace(lr=0.1),
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
KINDS = [
    (True, {"type": "boolean"}, False, False),
    (5, {"type": "integer"}, 7, 7),
    (5, {"type": "integer"}, 7.0, 7),
    (0.5, {"type": "number"}, 1, 1.0),
    ("a", {"type": "string"}, "", ""),
    (None, {"type": ["null", "boolean", "integer", "number", "string", "array", "object"]}, {"a": [1]}, {"a": [1]}),
    (date(2026, 1, 1), {"type": "string", "format": "date"}, "2025-12-31", date(2025, 12, 31)),
    (NOW, {"type": "string", "format": "date-time"}, "2026-01-01T12:00:00Z", NOW),
    (Path("a"), {"type": "string"}, "b/c", Path("b/c")),
    (Solver.ADAM, {"enum": ["adam", "sgd"]}, "sgd", Solver.SGD),
    ([1, 2], {"type": "array", "items": {"type": "integer"}}, [], []),
    ((1.5, 2.5), {"type": "array", "items": {"type": "number"}}, [1], (1.0,)),
    (["a", 1], {"type": "array"}, ["b"], ["b"]),
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
    with pytest.raises(SettingError, match=r"^The param 'x' cannot be .*: give a value like .*\.$"):
        outcome("x", x=value, params={"x": given})


def test_the_models_own_rules_hold_for_what_a_run_sets():
    with pytest.raises(SettingError, match="The param 'config.lr' cannot be -1"):
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

    table = {str(number): number for number in range(51)}
    found = overrides(
        *("frame", "table", "nan", "config", "long", "loop", "function"), config={"a.b": 1, "sealed": Sealed(), 3: 4},
        frame=pd.DataFrame(), table=table, nan=float("nan"), long=list(range(51)), loop=loop, function=len,
    )  # fmt: skip
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
