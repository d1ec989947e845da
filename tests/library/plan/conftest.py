"""A plan with every kind of input."""

from __future__ import annotations

import pytest
from linepipe.node import Node
from nodes import clean, fit, load, save

from airflow_linepipe.plan import build_plan


@pytest.fixture
def plan():
    return build_plan(
        [
            Node(load, ["path"], ["table", "rows"]),
            Node(clean, ["table", "config.limit"], ["table"]),
            Node(fit, ["table", "rows", "seed"], ["model"]),
            Node(save, ["model", "path"], []),
        ],
        config={"limit": 3},
        constants={"path": "/there"},
        given=["seed"],
    )
