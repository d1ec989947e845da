"""A function and everything of its author's own that it reaches, as one short text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_linepipe.fingerprint.walk import Walk

__all__ = ["FunctionFingerprint", "fingerprint_function"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FunctionFingerprint:
    """What a function is.

    Attributes:
        digest: Equal for functions that do the same with everything they reach.
        parts: The digest of each thing it reaches, by name: what has changed can be said.
        unknown: What of it cannot be fingerprinted, each in a few words; () for a function that is known.
    """

    digest: str
    parts: Mapping[str, str]
    unknown: tuple[str, ...]


def fingerprint_function(function: Callable[..., Any]) -> FunctionFingerprint:
    """Fingerprint a function, with its helpers, classes, constants, closures, defaults and bound arguments.

    Comments, docstrings, formatting and the names of local variables do not count. Python and installed packages count
    by their version, the author's own modules by what is reached of them.

    Args:
        function: Any callable.
    """
    from blake3 import blake3

    walk = Walk()
    whole = walk.describe(function, "the function")
    digest = blake3("\n".join([whole, *walk.texts.values()]).encode(errors="surrogatepass"))
    return FunctionFingerprint(
        digest=digest.hexdigest(length=20),
        parts={
            name: blake3(text.encode(errors="surrogatepass")).hexdigest(length=8) for name, text in walk.texts.items()
        },
        unknown=tuple(dict.fromkeys(walk.unknown)),
    )
