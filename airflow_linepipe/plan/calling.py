"""Can a node's function be called the way linepipe calls it: every input by position?"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
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
    if inspect.iscoroutinefunction(function):
        return "it is an async function, which linepipe never awaits: wrap it in a plain function"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return "it is a generator function, whose values can be read only once: return a list"
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""
    try:
        signature.bind(*inputs)
    except TypeError as error:
        given = f"{len(inputs)} input{'' if len(inputs) == 1 else 's'}"
        return f"it takes {signature} and its {given} ({', '.join(inputs)}) are passed by position: {error}"
    return ""
