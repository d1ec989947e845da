"""What authors write as arguments: checked in one way, refused in one sentence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from airflow_linepipe.errors import SettingError

__all__ = ["checked_choice", "checked_mapping", "checked_names", "did_you_mean"]


def checked_choice(argument: str, value: object, choices: tuple[str, ...]) -> None:
    """Make sure that an argument is one of some words.

    Raises:
        SettingError: It is something else; the sentence begins with the argument.
    """
    if value not in choices:
        *others, last = (f'"{choice}"' for choice in choices)
        message = f"{argument}={value!r} is not known: use {', '.join(others)} or {last}."
        raise SettingError(message)


def checked_names(argument: str, names: object) -> tuple[str, ...]:
    """An argument that is a list of names.

    Raises:
        SettingError: It is something else; the sentence begins with the argument.
    """
    if isinstance(names, str):
        return (names,)
    if not isinstance(names, Collection) or not all(isinstance(name, str) for name in names):
        message = f"{argument}={names!r}: give a list of names."
        raise SettingError(message)
    return tuple(names)


def checked_mapping(argument: str, values: object) -> dict[str, Any]:
    """An argument that is a dict by name, or None for an empty one.

    Raises:
        SettingError: It is something else; the sentence begins with the argument.
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping) or not all(isinstance(name, str) for name in values):
        message = f"{argument}={values!r}: give a dict whose keys are names."
        raise SettingError(message)
    return dict(values)


def did_you_mean(name: object, known: Iterable[str], *, otherwise: str) -> str:
    """The end of a sentence about a name that nothing has: the closest that something has, or something else.

    Args:
        name: What was written.
        known: What could have been meant.
        otherwise: The end if nothing is close.
    """
    close = get_close_matches(str(name), known, n=1)
    return f"did you mean '{close[0]}'?" if close else otherwise
