"""An author's modules, config and inputs, which change between two runs, and what the runs then do."""

from __future__ import annotations

import logging
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Self

from fingerprint import fingerprint
from linepipe.node import Node
from linepipe.pipeline import Pipeline

import airflow_linepipe
from airflow_linepipe import RunResult


def import_from_source(sources: Mapping[str, str]) -> ModuleType:
    """Put modules of these sources in place of what is imported under their names; the last one."""
    for name, source in sources.items():
        module = ModuleType(name)
        sys.modules[name] = module
        code = compile(textwrap.dedent(source), f"{name}.py", "exec", dont_inherit=True)
        exec(code, module.__dict__)
    return module


@dataclass(frozen=True)
class Ran:
    """A run, the functions that it called (see `called`), in order, and what its outputs are."""

    result: RunResult
    calls: list[str]

    @property
    def made(self) -> dict[str, str]:
        """The fingerprints of all outputs that were kept; as texts: a class is another one when it is imported anew."""
        return {name: repr(fingerprint(self.result[name])) for name, step in self.result.outputs.items() if step}

    def why(self, step_id: str) -> str:
        """Why a step was called, or was not."""
        return self.result.steps[step_id].why

    @property
    def cached(self) -> set[str]:
        """The steps that were not called."""
        return {step_id for step_id, step in self.result.steps.items() if step.cached}


@dataclass(kw_only=True)
class World:
    """What an author has written.

    Attributes:
        sources: The text of the modules by name, each after those that it imports; nodes stand in the last one.
        nodes: For each node an expression that is its function, its inputs and its outputs.
        config: The config.
        inputs: What the run is given.
        constants: The runtime constants.
        arguments: Whatever else `run` takes.
    """

    sources: dict[str, str]
    nodes: list[tuple[str, Sequence[str], Sequence[str]]]
    config: Any = None
    inputs: dict[str, Any] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)

    def copy(self) -> Self:
        """Another one, to be changed."""
        return deepcopy(self)

    def edit(self, module: str, *changes: tuple[str, str]) -> None:
        """Replace text in a module."""
        for old, new in changes:
            assert old in self.sources[module], f"{old!r} does not stand in {module}"
            self.sources[module] = self.sources[module].replace(old, new)

    def run(self, storage: object = None, **arguments: Any) -> Ran:
        """Import it all anew and run it."""
        module = import_from_source(self.sources)
        nodes = [
            Node(eval(function, module.__dict__), list(inputs), list(outputs))
            for function, inputs, outputs in self.nodes
        ]
        with counted() as calls:
            result = airflow_linepipe.run(
                Pipeline(nodes, config=deepcopy(self.config), **deepcopy(self.constants)),
                inputs=self.inputs,
                storage=storage and str(storage),
                quiet=True,
                **{**self.arguments, **arguments},
            )
        return Ran(result, calls)


def one_node(source: str, inputs: Mapping[str, Any] | None = None, **settings: Any) -> World:
    """A world of one module ``author`` with a function ``node``, which reads the inputs, or one of ``x=1``."""
    inputs = {"x": 1} if inputs is None else dict(inputs)
    return World(
        sources={"author": textwrap.dedent(source)}, nodes=[("node", [*inputs], ["y"])], inputs=inputs, **settings
    )


@contextmanager
def counted() -> Iterator[list[str]]:
    """The names of the functions that are called meanwhile, in order."""
    calls: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: calls.append(record.getMessage())
    logger = logging.getLogger("called")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield calls
    finally:
        logger.removeHandler(handler)
