"""Pipelines whose nodes leave a line in a file for each call; see test_real_caching.py."""

from __future__ import annotations

import os
from pathlib import Path
from time import sleep

from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag


def note(folder, name):
    with Path(folder, "calls.txt").open("a") as file:
        file.write(f"{name}\n")


def load(folder):
    note(folder, "load")
    return [1, 2, 3]


def scale(rows, factor, folder):
    note(folder, "scale")
    return [row * factor for row in rows]


def total(scaled, folder):
    note(folder, "total")
    if Path(folder, "broken").exists():
        message = "not yet"
        raise ValueError(message)
    return sum(scaled)


def toil(folder):
    """What takes its time, so that a second run begins meanwhile."""
    note(folder, "toil")
    Path(folder, f"toiled-{os.getpid()}").touch()
    sleep(3)
    return 42


LinepipeDag(
    "cached",
    pipeline=Pipeline(
        [
            Node(load, ["folder"], ["rows"]),
            Node(scale, ["rows", "config.factor", "folder"], ["scaled"]),
            Node(total, ["scaled", "folder"], ["sum"]),
        ],
        config={"factor": 2},
        folder="",
    ),
    cache=True,
)
LinepipeDag("cached_at_once", pipeline=Pipeline([Node(toil, ["folder"], ["made"])], folder=""), cache=True)
