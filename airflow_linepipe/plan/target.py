"""Pipelines by name: "package.module:attribute" → the object."""

from __future__ import annotations

import importlib
from functools import reduce
from typing import Any

from airflow_linepipe.errors import PipelineNotFoundError

__all__ = ["load_target"]


def load_target(target: str) -> Any:
    """Import what a dotted target names.

    Args:
        target: "package.module:attribute"; the attribute may be dotted.

    Returns:
        The object.

    Raises:
        PipelineNotFoundError: The target has no colon, is relative, or leads nowhere. An error raised by the
            module's own code while it is imported is not caught.
    """
    module_name, colon, attribute = target.partition(":")
    if not (module_name and colon and attribute) or module_name.startswith("."):
        message = f"'{target}' names no object: write it as \"package.module:attribute\"."
        raise PipelineNotFoundError(target, message)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        message = f"'{target}' cannot be imported: there is no module '{error.name}' on the Python path."
        raise PipelineNotFoundError(target, message) from error
    try:
        return reduce(getattr, attribute.split("."), module)
    except AttributeError as error:
        message = f"'{target}' leads nowhere: {error}."
        raise PipelineNotFoundError(target, message) from error
