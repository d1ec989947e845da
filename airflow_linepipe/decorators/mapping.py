"""``map_over=``: a decorated function whose call is one task for each item of an argument."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from inspect import signature
from typing import Any

from airflow_linepipe.errors import SettingError
from airflow_linepipe.plan import did_you_mean

__all__ = ["MappedTask"]


class MappedTask:
    """A task function that is called with a list where the function itself takes an item.

    Args:
        task: The function as Airflow decorates it.
        function: The function itself.
        map_over: The name of the parameter.

    Raises:
        SettingError: The function has no such parameter.
    """

    def __init__(self, task: Any, function: Callable[..., Any], map_over: str) -> None:
        names = signature(function).parameters
        if map_over not in names:
            hint = did_you_mean(map_over, names, otherwise=f"it has {', '.join(names) or 'none'}.")
            message = f"map_over={map_over!r}: task function '{function.__name__}' has no such parameter: {hint}"
            raise SettingError(message)
        self._task = task
        self._function = function
        self._map_over = map_over
        update_wrapper(self, function)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Make the task; its output is the list of the results, in order."""
        given = signature(self._function).bind(*arguments, **named).arguments
        items = given.pop(self._map_over)
        task = self._task.partial(**given) if given else self._task
        return task.expand(**{self._map_over: items})

    def override(self, **options: Any) -> MappedTask:
        """The same with other arguments of the operator; see Airflow's ``@task``."""
        return MappedTask(self._task.override(**options), self._function, self._map_over)
