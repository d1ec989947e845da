"""Several pipelines as one: their nodes one after the other, their configs and constants together."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from airflow_linepipe.errors import PipelineTypeError, PlanError, Problem
from airflow_linepipe.plan.configuration import config_path, lookup
from airflow_linepipe.plan.naming import function_label
from airflow_linepipe.plan.target import load_target

if TYPE_CHECKING:
    from linepipe.node import Node
    from linepipe.pipeline import Pipeline

__all__ = ["Composition", "Pipelines", "compose"]

_MAX_DEPTH: Final = 50

Pipelines: TypeAlias = "Pipeline | str | Sequence[Pipeline | str]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Composition:
    """What a pipeline, or several, bring to a plan."""

    nodes: Sequence[Node]
    config: Any
    constants: Mapping[str, Any]


def compose(pipelines: Pipelines, *, config: Any = None, outside: Collection[str] = ()) -> Composition:
    """Put pipelines together.

    linepipe's own ``+`` keeps the left config only, lets the right constant win, and needs annotations; here a value
    that two pipelines have differently is an error.

    Args:
        pipelines: A pipeline or a list of them, or "package.module:attribute" that leads to either, also in a list.
        config: Replaces the pipelines' own configs.
        outside: The names that come from outside, whatever constants there are.

    Raises:
        PlanError: They cannot be put together; the message names both pipelines by their place in the list.
        PipelineTypeError: One is no pipeline.
        PipelineNotFoundError: A target leads nowhere.
    """
    found: Any = load_target(pipelines) if isinstance(pipelines, str) else pipelines
    loaded = [_pipeline(one) for one in (found if isinstance(found, list | tuple) else [found])]
    if not loaded:
        raise PlanError([Problem(node="", value="pipeline", message="There is no pipeline: the list is empty.")])
    merger = _Merger()
    nodes = [node for pipeline in loaded for node in pipeline.nodes]
    merger.check_outputs(loaded)
    constants = merger.constants(loaded, outside)
    if config is None:
        config = merger.config([pipeline.config for pipeline in loaded], _read_paths(nodes))
    if merger.problems:
        raise PlanError(merger.problems)
    return Composition(nodes=nodes, config=config, constants=constants)


def _pipeline(target: Pipeline | str) -> Pipeline:
    pipeline: Any = load_target(target) if isinstance(target, str) else target
    if not isinstance(getattr(pipeline, "nodes", None), Sequence):
        message = f"Expected a linepipe Pipeline, not {type(pipeline).__name__}{_advice(pipeline)}."
        raise PipelineTypeError([Problem(node="", value="pipeline", message=message)])
    return pipeline


def _advice(found: Any) -> str:
    if isinstance(found, Exception):  # linepipe's ``pipeline + 3`` returns one instead of raising it
        return f" ({found})"
    if hasattr(found, "func") and hasattr(found, "inputs"):
        return ": write Pipeline([…]) around the nodes"
    return ": if it makes the pipeline, call it" if callable(found) else ""


def _read_paths(nodes: Sequence[Any]) -> set[tuple[str, ...]]:
    names = {name for node in nodes for name in getattr(node, "inputs", ()) if isinstance(name, str)}
    return {path for name in names if (path := config_path(name)) is not None}


@dataclass(kw_only=True, slots=True)
class _Merger:
    problems: list[Problem] = field(default_factory=list)

    def check_outputs(self, pipelines: Sequence[Pipeline]) -> None:
        """As in linepipe, one output name belongs to one of the pipelines."""
        makers: dict[str, tuple[int, str]] = {}
        for number, pipeline in enumerate(pipelines, 1):
            # What is no node at all is reported by the planner.
            nodes = [node for node in pipeline.nodes if hasattr(node, "func") and hasattr(node, "outputs")]
            own = {name: function_label(node.func) for node in nodes for name in node.outputs}
            for name, label in own.items():
                if name in makers:
                    other, other_label = makers[name]
                    message = (
                        f"'{name}' is an output of node '{other_label}' in pipeline {other} and of node '{label}' in "
                        f"pipeline {number}: rename one of them."
                    )
                    self.problems.append(Problem(node=label, value=name, message=message))
                makers.setdefault(name, (number, label))

    def constants(self, pipelines: Sequence[Pipeline], outside: Collection[str]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        homes: dict[str, int] = {}
        for number, pipeline in enumerate(pipelines, 1):
            for name, value in pipeline.runtime_constants.items():
                if name in merged and name not in outside and not _same(merged[name], value):
                    message = (
                        f"The constant '{name}' has one value in pipeline {homes[name]} and another in pipeline "
                        f"{number}: give both the same, or give it from outside with inputs={{'{name}': …}}."
                    )
                    self.problems.append(Problem(node="", value=name, message=message))
                merged.setdefault(name, value)
                homes.setdefault(name, number)
        return merged

    def config(self, configs: Sequence[Any], paths: Collection[tuple[str, ...]]) -> Any:
        """The config of all: at each path that is read, what those that have it agree on."""
        there = {number: config for number, config in enumerate(configs, 1) if config is not None}
        return self._value(there, paths, ()) if there else None

    def _value(self, values: Mapping[int, Any], paths: Collection[tuple[str, ...]], above: tuple[str, ...]) -> Any:
        first, *others = values.values()
        if all(_same(first, other) for other in others):
            return first
        if () not in paths:
            names = dict.fromkeys(path[0] for path in sorted(paths))
            merged = {
                name: self._value(having, {path[1:] for path in paths if path[0] == name}, (*above, name))
                for name in names
                if (having := _having(values, name))
            }
            return SimpleNamespace(**merged)
        if all(isinstance(value, Mapping) for value in values.values()):
            keys = dict.fromkeys(key for value in values.values() for key in value)
            having = {key: {number: value[key] for number, value in values.items() if key in value} for key in keys}
            return {key: self._value(found, {()}, (*above, str(key))) for key, found in having.items()}
        where = ".".join(("config", *above))
        one, *differing = [number for number, value in values.items() if value is first or not _same(value, first)]
        message = (
            f"The configs of pipelines {one} and {differing[0]} have different values at {where}: give them one, "
            "or give config=… for all."
        )
        self.problems.append(Problem(node="", value=where, message=message))
        return first


def _having(values: Mapping[int, Any], name: str) -> dict[int, Any]:
    """Those that have an attribute or key of this name, with its value."""
    found = {}
    for number, value in values.items():
        try:
            found[number] = lookup(value, (name,))
        except LookupError:
            continue
    return found


def _same(one: Any, other: Any, depth: int = 0) -> bool:
    """Whether two values are equal in all they hold; a pipeline copies what it is given, so identity is not enough."""
    if one is other:
        return True
    if type(one) is not type(other) or depth > _MAX_DEPTH:
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(_same(one[key], other[key], depth + 1) for key in one)
    if isinstance(one, list | tuple):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(_same(*pair, depth=depth + 1) for pair in pairs)
    if _holds_attributes(one):
        return _same(vars(one), vars(other), depth + 1)
    try:
        equal = one == other
        return equal if isinstance(equal, bool) and equal else pickle.dumps(one) == pickle.dumps(other)
    except Exception:  # noqa: BLE001  (whatever a class of the author's makes of it)
        return False


def _holds_attributes(value: Any) -> bool:
    """Whether a value is nothing but its attributes: a namespace, a dataclass, a class without an == of its own."""
    own_equality = any("__eq__" in vars(kind) for kind in type(value).__mro__[:-1])
    return (
        hasattr(value, "__dict__")
        and (isinstance(value, SimpleNamespace) or is_dataclass(value) or not own_equality)
        and not isinstance(value, type | FunctionType)
    )
