"""Outputs that cannot travel between tasks: engines, connections, sessions, locks (design 4.5)."""

from __future__ import annotations

import typing
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from airflow_linepipe.errors import Problem
from airflow_linepipe.plan.arguments import did_you_mean
from airflow_linepipe.plan.hints import output_hints
from airflow_linepipe.plan.step import ArtifactBinding, Step

__all__ = ["ephemeral_artifacts", "ephemeral_problems", "is_live"]

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


def is_live(value: object) -> bool:
    """Whether a value exists in one process only, as engines, connections, sessions, locks and open files do."""
    return _is_live(type(value))


def _is_live(annotation: Any) -> bool:
    if isinstance(annotation, type) and not typing.get_origin(annotation):
        return any(f"{kind.__module__}.{kind.__qualname__}" in _LIVE for kind in annotation.__mro__)
    if typing.get_origin(annotation) in (typing.Union, type(int | None)):
        return any(_is_live(part) for part in typing.get_args(annotation))
    return False
