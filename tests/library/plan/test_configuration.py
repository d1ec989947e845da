"""``config`` and ``config.a.b``: the same values as linepipe, and a sentence where it silently gives None."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import NamedTuple

import pytest
from linepipe.node import Node
from linepipe.pipeline import Pipeline
from nodes import ran
from pydantic import BaseModel

from airflow_linepipe.errors import PlanError, SettingError
from airflow_linepipe.plan import lookup, plan_pipeline
from airflow_linepipe.plan.configuration import config_path


class Instance:
    def __init__(self):
        self.lr = 0.1


class ClassAttribute:
    lr = 0.1


class Computed:
    @property
    def lr(self):
        return 0.1


@dataclass(frozen=True, slots=True)
class Slots:
    lr: float = 0.1


class Pair(NamedTuple):
    lr: float = 0.1


class Optimiser(BaseModel):
    lr: float = 0.1


class Training(BaseModel):
    optimiser: Optimiser = Optimiser()
    stages: dict[str, Optimiser] = {"first": Optimiser()}


KINDS = {
    "instance-attribute": (Instance(), "config.lr"),
    "class-attribute": (ClassAttribute(), "config.lr"),
    "class-itself": (ClassAttribute, "config.lr"),
    "property": (Computed(), "config.lr"),
    "slots": (Slots(), "config.lr"),
    "named-tuple": (Pair(), "config.lr"),
    "dict": ({"lr": 0.1}, "config.lr"),
    "read-only-mapping-in-object": (SimpleNamespace(train=dict(MappingProxyType({"lr": 0.1}))), "config.train.lr"),
    "object-in-dict": ({"train": Instance()}, "config.train.lr"),
    "dict-in-object": (SimpleNamespace(train={"lr": 0.1}), "config.train.lr"),
    "deep-mixture": ({"a": SimpleNamespace(b={"c": Slots()})}, "config.a.b.c.lr"),
    "pydantic": (Training(), "config.optimiser.lr"),
    "dict-in-pydantic": (Training(), "config.stages.first.lr"),
    "pydantic-in-dict": ({"train": Training()}, "config.train.optimiser.lr"),
}


def run_linepipe(config, *inputs):
    """The values that linepipe itself passes for these inputs."""
    pipeline = Pipeline([Node(_together, list(inputs), ["seen"])], config=config, track_history=True)
    pipeline.run()
    return pipeline.history[0]["outputs"]["seen"]


def run_ours(config, *inputs):
    pipeline = Pipeline([Node(_together, list(inputs), ["seen"])], config=config)
    return dict(ran(plan_pipeline(pipeline), given={}))["seen"]


def _together(*values):
    return list(values)


def problems_of(config, *inputs):
    with pytest.raises(PlanError) as caught:
        run_ours(config, *inputs)
    return [problem.message for problem in caught.value.problems]


@pytest.mark.parametrize(("config", "name"), KINDS.values(), ids=KINDS)
def test_a_path_gives_the_value_that_linepipe_gives(config, name):
    """R08."""
    assert run_ours(config, name) == run_linepipe(config, name) == [0.1]


@pytest.mark.parametrize("config", [{"lr": [0.1]}, Training(), [1], "text", 0], ids=lambda value: type(value).__name__)
def test_the_whole_config_is_an_input_like_any_other(config):
    """R08."""
    assert run_ours(config, "config") == run_linepipe(config, "config") == [config]


def test_none_false_and_empty_are_values_and_not_missing():
    """R08."""
    config = {"none": None, "off": False, "text": "", "zero": SimpleNamespace(rows=0)}
    names = ["config.none", "config.off", "config.text", "config.zero.rows"]

    assert run_ours(config, *names) == run_linepipe(config, *names) == [None, False, "", 0]


def test_the_whole_config_and_a_part_of_it_are_copies_of_their_own():
    config = {"rows": [1]}
    whole, part, again = run_ours(config, "config", "config.rows", "config.rows")

    assert whole["rows"] is not part
    assert part is again
    assert whole["rows"] is not config["rows"]


def test_a_config_given_to_the_plan_replaces_that_of_the_pipeline():
    pipeline = Pipeline([Node(_together, ["config.lr"], ["seen"])], config={"lr": 0.1})

    assert dict(ran(plan_pipeline(pipeline, config={"lr": 0.2}), given={})) == {"seen": [0.2]}
    assert dict(ran(plan_pipeline(pipeline), given={})) == {"seen": [0.1]}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("config", ()),
        ("config.lr", ("lr",)),
        ("config.a.b", ("a", "b")),
        ("config.model_config.lr", ("model_config", "lr")),
        ("config.config.m", ("config", "m")),
        ("config.", ("",)),
        ("configuration", None),
        ("configs.lr", None),
        ("my_config.lr", None),
        ("Config.lr", None),
        ("", None),
    ],
)
def test_only_a_whole_first_part_config_leads_into_the_config(name, path):
    assert config_path(name) == path


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"model_config": {"lr": 0.1}}, "config.model_config.lr"),
        ({"dbconfig": SimpleNamespace(lr=0.1)}, "config.dbconfig.lr"),
        ({"nested": {"config": {"lr": 0.1}}}, "config.nested.config.lr"),
        ({"config": {"lr": 0.1}}, "config.config.lr"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_part_that_ends_in_config_is_a_part_like_any_other_and_linepipe_gives_none(config, name):
    """R09, LP11: a deliberate difference."""
    assert run_ours(config, name) == [0.1]
    assert run_linepipe(config, name) == [None]


@pytest.mark.parametrize("key", ["items", "keys", "values", "get", "copy", "pop", "update"])
def test_a_key_named_like_a_method_of_dict_gives_the_key_and_linepipe_the_method(key):
    """R09, LP11: a deliberate difference."""
    assert run_ours({"batch": {key: 0.1}}, f"config.batch.{key}") == [0.1]
    assert callable(run_linepipe({"batch": {key: 0.1}}, f"config.batch.{key}")[0])


@pytest.mark.parametrize("key", ["items", "keys", "get"])
def test_a_method_of_dict_is_no_value_of_the_config(key):
    """R09."""
    assert problems_of({"lr": 0.1}, f"config.{key}") == [
        f"Node '_together': it reads 'config.{key}', and config has no attribute or key '{key}' (it has: lr)."
    ]


def test_an_attribute_of_a_mapping_of_its_own_kind_is_found():
    class Settings(dict):
        lr = 0.1

    assert lookup(Settings(), ("lr",)) == 0.1
    assert lookup(Settings(lr=0.2), ("lr",)) == 0.2


def test_a_defaultdict_gives_its_default_as_in_linepipe():
    assert run_ours(defaultdict(lambda: 0.1), "config.lr") == [0.1]
    assert run_linepipe(defaultdict(lambda: 0.1), "config.lr") == [0.1]


@pytest.mark.parametrize(
    ("config", "name", "reason"),
    [
        pytest.param(
            {"lr": 1, "seed": 2}, "config.rl", "config has no attribute or key 'rl' (it has: lr, seed)", id="key"
        ),
        pytest.param(
            SimpleNamespace(lr=1, _hidden=2), "config.rl", "config has no attribute or key 'rl' (it has: lr)", id="attr"
        ),
        pytest.param(
            Training(), "config.lr", "config has no attribute or key 'lr' (it has: optimiser, stages)", id="pydantic"
        ),
        pytest.param(
            Training(),
            "config.stages.second.lr",
            "config.stages has no attribute or key 'second' (it has: first)",
            id="second-depth",
        ),
        pytest.param(
            {"a": {"b": {"c": 1}}},
            "config.a.b.d",
            "config.a.b has no attribute or key 'd' (it has: c)",
            id="third-depth",
        ),
        pytest.param({"a": 1}, "config.a.b", "config.a has no attribute or key 'b' (it is a int)", id="below-a-number"),
        pytest.param(
            {"a": "text"}, "config.a.b", "config.a has no attribute or key 'b' (it is a str)", id="below-a-text"
        ),
        pytest.param({"a": [1]}, "config.a.0", "config.a has no attribute or key '0' (it is a list)", id="list-index"),
        pytest.param({"a": None}, "config.a.b", "config.a has no attribute or key 'b' (it is None)", id="below-none"),
        pytest.param(None, "config.lr", "config has no attribute or key 'lr' (it is None)", id="no-config"),
        pytest.param({}, "config.lr", "config has no attribute or key 'lr' (it is a dict)", id="empty"),
        pytest.param(Slots(), "config.rl", "config has no attribute or key 'rl' (it is a Slots)", id="slots"),
        pytest.param({"a": 1}, "config.", "config has no attribute or key '' (it has: a)", id="no-part"),
        pytest.param(
            {"a": {"b": 1}}, "config.a..b", "config.a has no attribute or key '' (it has: b)", id="empty-part"
        ),
        pytest.param({"a.b": 1}, "config.a.b", "config has no attribute or key 'a' (it has: a.b)", id="key-with-a-dot"),
        pytest.param({1: "x"}, "config.1", "config has no attribute or key '1' (it has: 1)", id="key-that-is-a-number"),
        pytest.param(
            {f"k{number}": 0 for number in range(20)},
            "config.lr",
            "config has no attribute or key 'lr' (it has: k0, k1, k2, k3, k4, k5, k6, k7, …)",
            id="many-keys",
        ),
    ],
)
def test_what_is_missing_is_named_at_its_depth_and_linepipe_gives_none(config, name, reason):
    """R09."""
    assert problems_of(config, name) == [f"Node '_together': it reads '{name}', and {reason}."]
    assert run_linepipe(config, name) == run_leniently(config, name) == [None]


class Environment:
    """A config that looks where it runs, as many do."""

    @property
    def token(self):
        return os.environ["A_VARIABLE_THAT_NOBODY_SETS"]

    @property
    def port(self):
        return int("none")

    @property
    def user(self):
        return self.not_there


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("config.token", "config.token cannot be read: KeyError: 'A_VARIABLE_THAT_NOBODY_SETS'"),
        ("config.port", "config.port cannot be read: ValueError: invalid literal for int() with base 10: 'none'"),
        ("config.user", "config has no attribute or key 'user' (it is a Environment)"),
    ],
)
def test_a_property_that_raises_is_a_problem_like_any_other(name, reason):
    assert problems_of(Environment(), name) == [f"Node '_together': it reads '{name}', and {reason}."]


def run_leniently(config, *names):
    plan = plan_pipeline(Pipeline([Node(_together, names, ["seen"])], config=config), missing_config="none")
    return dict(ran(plan, given={}))["seen"]


def test_what_a_property_misses_is_none_as_in_linepipe_and_what_it_raises_is_not():
    """R09: the compat position."""
    for name in ("config.token", "config.user"):
        assert run_linepipe(Environment(), name) == run_leniently(Environment(), name) == [None]
    with pytest.raises(PlanError, match="config.port cannot be read: ValueError"):
        run_leniently(Environment(), "config.port")
    with pytest.raises(ValueError, match="invalid literal"):
        run_linepipe(Environment(), "config.port")


def test_what_is_there_is_read_in_the_compat_position_too():
    assert run_leniently({"a": {"b": 1}}, "config.a.b", "config.a.c", "config") == [1, None, {"a": {"b": 1}}]


def test_an_unknown_position_of_the_switch_is_refused():
    with pytest.raises(SettingError, match='missing_config=\'nothing\' is not known: use "error" or "none"'):
        plan_pipeline(Pipeline([]), missing_config="nothing")


def test_a_lookup_keeps_what_the_property_raised():
    with pytest.raises(LookupError) as caught:
        lookup(Environment(), ("port",))

    assert isinstance(caught.value.__cause__, ValueError)


def test_a_lookup_gives_the_value_itself():
    config = {"rows": [1]}

    assert lookup(config, ("rows",)) is config["rows"]
    assert lookup(config, ()) is config
