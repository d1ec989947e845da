"""Outputs that cannot travel between tasks: engines, connections, sessions, locks (design 4.5)."""

from __future__ import annotations

import typing
from collections.abc import AsyncGenerator, Collection, Coroutine, Generator, Iterator, Mapping, Sequence
from typing import Any, Final

from airflow_linepipe.errors import PlanError, Problem
from airflow_linepipe.plan.arguments import did_you_mean
from airflow_linepipe.plan.hints import output_hints, own_output_hints
from airflow_linepipe.plan.part import Part
from airflow_linepipe.plan.step import ArtifactBinding, ConfigBinding, Plan, Step

__all__ = ["check_live", "check_travel", "ephemeral_artifacts", "ephemeral_problems"]

# By name, so that nothing is imported to know them; subclasses count too.
_LIVE: Final = frozenset(
    {
        "_io._IOBase",
        "_thread.RLock",
        "_thread.lock",
        "socket.socket",
        "sqlalchemy.engine.base.Connection",
        "sqlalchemy.engine.base.Engine",
        "sqlalchemy.ext.asyncio.engine.AsyncEngine",
        "sqlalchemy.orm.session.Session",
        "sqlite3.Connection",
        "sqlite3.Cursor",
    }
)
# Their kind, and yet all in memory: pickle takes them.
_IN_MEMORY: Final = frozenset({"_io.BytesIO", "_io.StringIO"})
# Neither pickle nor any other format takes these; what they give one after the other can travel as a list.
_STREAMS: Final = (Generator, AsyncGenerator, Coroutine)


def ephemeral_artifacts(steps: Sequence[Step], names: Collection[str]) -> frozenset[ArtifactBinding]:
    """What never leaves a task.

    Args:
        steps: All steps.
        names: The outputs that the author declared.

    Returns:
        These, and every output whose node is annotated to return a live type such as ``sqlalchemy.Engine``.
    """
    return frozenset(
        ArtifactBinding(producer=step.id, name=name)
        for step in steps
        for name, annotation in zip(step.outputs, output_hints(step), strict=True)
        if name in names or _is_live(annotation)
    )


def ephemeral_problems(steps: Sequence[Step], names: Collection[str]) -> Iterator[Problem]:
    """What is wrong with the declared names: no step makes them."""
    made = {name for step in steps for name in step.outputs}
    for name in names:
        if name not in made:
            hint = did_you_mean(name, sorted(made), otherwise="name an output of the pipeline.")
            yield Problem(node="", value=name, message=f"ephemeral: no node outputs '{name}': {hint}")


def check_travel(parts: Sequence[Part]) -> None:
    """Make sure that nothing leaves a task of which its node's annotation says that it cannot travel.

    Args:
        parts: All parts of a plan.

    Raises:
        PlanError: A node is annotated to return a generator or the like, and other tasks read it.
    """
    problems = []
    for part in parts:
        for artifact in part.outputs.values():
            step = part.plan.step(artifact.producer)
            hint = own_output_hints(step)[step.outputs.index(artifact.name)]
            kind = typing.get_origin(hint) or hint
            if isinstance(kind, type) and issubclass(kind, _STREAMS):
                message = (
                    f"Node '{step.label}': its output '{artifact.name}' is annotated as {kind.__name__}, which cannot "
                    "travel between tasks: return a list."
                )
                problems.append(Problem(node=step.label, value=artifact.name, message=message))
    if problems:
        raise PlanError(problems)


def check_live(plan: Plan, given: Mapping[str, Any]) -> None:
    """Make sure that no node is given an open connection or the like.

    Each reading of the DAG file would open it anew, on every machine, whether a task runs or not.

    Args:
        plan: The plan, with its constants.
        given: What it is given from outside, by name.

    Raises:
        PlanError: One is live.
    """
    values = {**plan.constants, **given}
    read = {}
    for step in plan.steps:
        for name, binding in zip(step.inputs, step.bindings, strict=True):
            if isinstance(binding, ConfigBinding):
                read[name] = plan.config_value(binding)
            elif name in values:
                read[name] = values[name]
    problems = [
        Problem(node="", value=name, message=_reopened(name, type(value)))
        for name, value in read.items()
        if _is_live(type(value))
    ]
    if problems:
        raise PlanError(problems)


def _reopened(name: str, kind: type) -> str:
    resource = name.rpartition(".")[2]
    advice = "" if resource == name else f"under a name of its own, '{resource}', and "
    return (
        f"'{name}' is a live {kind.__module__}.{kind.__qualname__}, which each reading of the DAG file would open "
        f"anew: open it in the tasks that read it, {advice}with resources={{'{resource}': AirflowConnection(…)}} or an "
        "object of your own that has open()."
    )


def _is_live(annotation: Any) -> bool:
    if isinstance(annotation, type) and not typing.get_origin(annotation):
        names = {f"{kind.__module__}.{kind.__qualname__}" for kind in annotation.__mro__}
        return bool(names & _LIVE) and not names & _IN_MEMORY
    if typing.get_origin(annotation) in (typing.Union, type(int | None)):
        return any(_is_live(part) for part in typing.get_args(annotation))
    return False
