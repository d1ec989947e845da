"""Node functions and pipelines that the provider's tests share; importable, as a user's own module would be."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
from linepipe.node import Node, create_named_partial_function
from linepipe.pipeline import Pipeline


def add(a, b):
    return a + b


def frame(rows):
    return pd.DataFrame({"row": range(rows), "even": [row % 2 == 0 for row in range(rows)]})


def split(table):
    return table[table["even"]], table[~table["even"]]


def mutate(table):
    table["row"] = 0
    return len(table)


def total(table):
    return int(table["row"].sum())


def write(table, path):
    with Path(path).open("a") as file:
        file.write(f"{len(table)}\n")


def append(table, folder, *, suffix):
    write(table, folder + suffix)


def read(path):
    return Path(path).read_text()


def mean(array):
    return np.float64(array.mean())


addition_node = Node(add, inputs=["x", "y"], outputs=["sum"])

addition = Pipeline([addition_node], x=2, y=3)

tables = Pipeline(
    [
        Node(frame, inputs=["config.rows"], outputs=["table"]),
        Node(split, inputs=["table"], outputs=["evens", "odds"]),
        Node(mutate, inputs=["table"], outputs=["length"]),
        Node(total, inputs=["table"], outputs=["total"]),
        Node(total, inputs=["odds"], outputs=["odd_total"]),
    ],
    config={"rows": 5},
)


def sleeper(name):
    """A node function that takes two seconds."""

    def sleep(seconds):
        time.sleep(seconds)
        return name

    return create_named_partial_function(sleep, f"sleep_{name}")


def increments(length):
    """A chain of ``x + 1``."""
    nodes = [Node(lambda x: x + 1, inputs=["x0"], outputs=["x1"])]
    nodes += [Node(lambda x: x + 1, inputs=[f"x{n}"], outputs=[f"x{n + 1}"]) for n in range(1, length)]
    return Pipeline(nodes, x0=0)
