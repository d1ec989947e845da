"""What a real scheduler makes of clean-ups; see test_real_retention.py."""

from __future__ import annotations

import time
from pathlib import Path

import pendulum
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag, Retention

COMMON = {"start_date": pendulum.datetime(2026, 1, 1), "schedule": None}


def load(mine):
    return [mine]


def double(raw):
    return raw * 2


def check(doubled, fail):
    if fail:
        raise ValueError(doubled)
    return doubled[0]


def linger(raw, wait_for):
    """Outlive the failure of another branch, and read what it must not lose."""
    deadline = time.monotonic() + 60
    while wait_for and not Path(wait_for).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(wait_for)
        time.sleep(0.1)
    return len(raw)


LinepipeDag(
    "r54_cleanup",
    pipeline=Pipeline(
        [
            Node(load, ["config.mine"], ["raw"]),
            Node(double, ["raw"], ["doubled"]),
            Node(check, ["doubled", "config.fail"], ["checked"]),
        ],
        config={"mine": "", "fail": False},
    ),
    temporary="inner",
    **COMMON,
)

LinepipeDag(
    "r04_retention",
    pipeline=Pipeline(
        [Node(load, ["config.mine"], ["raw"]), Node(linger, ["raw", "wait_for"], ["length"])],
        config={"mine": ""},
        wait_for="",
    ),
    retention=Retention(keep_runs=0),
    **COMMON,
)
