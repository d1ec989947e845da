"""Can a node's function be called the way linepipe calls it: every input by position?"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

__all__ = ["calling_problem"]


def calling_problem(function: Callable[..., Any], inputs: Sequence[str]) -> str:
    """Say why a function cannot be a node with these inputs.

    Args:
        function: The node's function.
        inputs: The declared input names, in order.

    Returns:
        Half a sentence, or "" when nothing is wrong or nothing can be known
        (some builtins have no signature).
    """
    called = (
        function if inspect.isroutine(function) or isinstance(function, type | partial) else type(function).__call__
    )
    if inspect.iscoroutinefunction(called):
        return "it is an async function, which linepipe never awaits: wrap it in a plain function"
    if inspect.isgeneratorfunction(called) or inspect.isasyncgenfunction(called):
        return "it is a generator function, whose values can be read only once: return a list"
    try:
        # A decorator may pass arguments of its own: what counts is its wrapper, not what that wraps.
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*inputs)
    except TypeError as error:
        given = f"{len(inputs)} input{'' if len(inputs) == 1 else 's'}"
        return f"it takes {signature} and its {given} ({', '.join(inputs)}) are passed by position: {error}"
    return ""
