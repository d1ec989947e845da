"""Step ids: stable, unique, legal in Airflow (design 4.6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

__all__ = ["MAX_ID_LENGTH", "function_label", "is_task_id", "step_ids"]

# airflow.sdk.definitions._internal.node: KEY_REGEX and the length it checks.
MAX_ID_LENGTH = 250
# A dot is legal in a task id, and separates a group from its tasks: not ours to use.
_ILLEGAL = re.compile(r"[^\w-]+")


def function_label(function: Callable[..., Any]) -> str:
    """The name linepipe shows for a function, also for callables that have none of their own."""
    name = getattr(function, "__name__", None)
    if isinstance(name, str) and name:
        return name
    if isinstance(function, partial):
        return function_label(function.func)
    return type(function).__name__


def is_task_id(name: object) -> bool:
    """Whether a name can be a task's id, with no groups around it."""
    return isinstance(name, str) and bool(name) and not _ILLEGAL.search(name) and len(name) <= MAX_ID_LENGTH


def step_ids(labels: Sequence[str]) -> Iterator[str]:
    """One id for each label, in order: made safe, repeats numbered ``__2``, ``__3``, ….

    A number that another label already spells out is passed over, so ids never collide.
    """
    safe = [_safe(label) for label in labels]
    taken: set[str] = set()
    reserved = set(safe)
    counts: dict[str, int] = {}
    for name in safe:
        candidate = name
        while candidate in taken or (candidate != name and candidate in reserved):
            counts[name] = counts.get(name, 1) + 1
            candidate = f"{name}__{counts[name]}"
        taken.add(candidate)
        yield candidate


def _safe(label: str) -> str:
    safe = _ILLEGAL.sub("_", label)
    return (safe if safe == label else safe.strip("_")) or "node"
