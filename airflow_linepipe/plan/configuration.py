"""``config.a.b``: reading one value out of a config of objects, dicts and pydantic models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["config_path", "lookup"]

_PREFIX = "config."


def config_path(name: str) -> tuple[str, ...] | None:
    """The path that an input name reads from the config.

    Args:
        name: A node's input name.

    Returns:
        ``()`` for ``config`` itself, ``("a", "b")`` for ``config.a.b``, ``None`` for a name that
        linepipe looks up elsewhere. Unlike linepipe 1.0.0, which removes every occurrence of
        "config." from the name, only the prefix is cut off.
    """
    if name == "config":
        return ()
    if name.startswith(_PREFIX):
        return tuple(name.removeprefix(_PREFIX).split("."))
    return None


def lookup(config: Any, path: tuple[str, ...]) -> Any:
    """The value at a path, each part an attribute or a key, as in linepipe.

    In a mapping a key comes before an attribute, so that a key called ``items`` is reachable;
    linepipe 1.0.0 gives the bound method.

    Args:
        config: The config.
        path: The parts, outermost first.

    Returns:
        The value itself, not a copy.

    Raises:
        LookupError: A part is neither an attribute nor a key, or a property raises. The message names it
            and what there is.
    """
    value = config
    for depth, part in enumerate(path):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, Mapping) and hasattr(dict, part):
            value = _item(value, part, path[:depth])
        else:
            value = _attribute(value, part, path[:depth])
    return value


def _attribute(value: Any, part: str, above: tuple[str, ...]) -> Any:
    try:
        return getattr(value, part)
    except AttributeError:
        return _item(value, part, above)
    except Exception as error:  # a property runs the config's own code
        message = f"{'.'.join(('config', *above, part))} cannot be read: {type(error).__name__}: {error}"
        raise LookupError(message) from error


def _item(value: Any, part: str, above: tuple[str, ...]) -> Any:
    try:
        return value[part]
    except (KeyError, TypeError, IndexError) as error:
        where = ".".join(("config", *above))
        message = f"{where} has no attribute or key '{part}'{_there_is(value)}"
        raise LookupError(message) from error


def _there_is(value: Any) -> str:
    if value is None:
        return " (it is None)"
    names = value if isinstance(value, Mapping) else getattr(value, "__dict__", {})
    public = [str(name) for name in names if not str(name).startswith("_")]
    if not public:
        return f" (it is a {type(value).__name__})"
    shown = ", ".join(public[:8]) + (", …" if len(public) > 8 else "")  # noqa: PLR2004
    return f" (it has: {shown})"
