"""Which values a single run may set, by which names, and who sees them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
import pytest
from linepipe.node import Node
from linepipe.pipeline import Pipeline
from overridden import give, outcome, overrides

from airflow_linepipe import run
from airflow_linepipe.errors import SettingError

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
