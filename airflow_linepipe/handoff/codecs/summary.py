"""What a reference shows of a value with many parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from airflow_linepipe.handoff.reference import Json, json_size, printable

__all__ = ["first_that_fit"]

_MAX_BYTES: Final = 900


def first_that_fit(parts: Iterable[tuple[str, str]]) -> dict[str, Json]:
    """The first parts, by name, each with its type, as many as a reference has room for."""
    shown: dict[str, Json] = {}
    for name, kind in parts:
        candidate = {**shown, printable(name)[:100]: printable(kind)[:60]}
        if json_size(candidate) > _MAX_BYTES:
            break
        shown = candidate
    return shown
