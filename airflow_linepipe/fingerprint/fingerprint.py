"""A function with everything of its author's own that it reaches, or a value, as one short text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_linepipe.fingerprint.origin import PYTHON
from airflow_linepipe.fingerprint.walk import Walk

__all__ = ["Fingerprint", "fingerprint_function", "fingerprint_value"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fingerprint:
    """What a function or a value is.

    Attributes:
        digest: Equal for functions that do the same with everything they reach, and for values that are the same.
        parts: The digest of each thing that is reached, by name: what has changed can be said.
        versions: Those of Python and of the packages that are reached, by name.
        unknown: What cannot be fingerprinted, each in a few words; () if all is known.
    """

    digest: str
    parts: Mapping[str, str]
    versions: Mapping[str, str]
    unknown: tuple[str, ...]


def fingerprint_function(function: Callable[..., Any]) -> Fingerprint:
    """Fingerprint a function, with its helpers, classes, constants, closures, defaults and bound arguments.

    Comments, docstrings, formatting and the names of local variables do not count. Python and installed packages count
    by their version, the author's own modules by what is reached of them.

    Args:
        function: Any callable.
    """
    return _fingerprint(function, "the function", {PYTHON.name: PYTHON.version})


def fingerprint_value(value: Any, name: str) -> Fingerprint:
    """Fingerprint a value, with its type and, if that is the author's own, what the type does.

    Python's version does not count: a number is the same number in each, and what is done with it counts elsewhere.

    Args:
        value: Anything.
        name: What to call it in what is unknown.
    """
    return _fingerprint(value, name, {})


def _fingerprint(thing: Any, name: str, python: Mapping[str, str]) -> Fingerprint:
    walk = Walk()
    whole = walk.take(thing, name)
    versions = {**python, **{package: version for package, version in walk.versions.items() if package != PYTHON.name}}
    packages = [f"{package} {version}" for package, version in sorted(versions.items())]
    return Fingerprint(
        digest=_digest("\n".join([*packages, whole]), 20),
        parts={part: _digest(text, 8) for part, text in walk.parts().items()},
        versions=versions,
        unknown=tuple(dict.fromkeys(walk.unknown)),
    )


def _digest(text: str, length: int) -> str:
    from blake3 import blake3

    return blake3(text.encode(errors="surrogatepass")).hexdigest(length=length)
