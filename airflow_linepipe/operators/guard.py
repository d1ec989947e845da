"""``when=``: a task that is skipped unless a condition on its values holds."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from airflow_linepipe.errors import SettingError
from airflow_linepipe.plan import did_you_mean

__all__ = ["Guard", "no_such_value"]

logger = logging.getLogger(__name__)


class Guard:
    """A condition under which a task runs.

    Args:
        condition: A function; its parameters are the names of the values that it looks at.

    Raises:
        SettingError: It is no function, or takes what has no name.
    """

    def __init__(self, condition: Callable[..., Any]) -> None:
        try:
            parameters = inspect.signature(condition).parameters.values()
        except (TypeError, ValueError) as error:
            message = f"when={condition!r}: give a function of values by name, such as lambda quality: quality > 0.9."
            raise SettingError(message) from error
        if nameless := [one for one in parameters if one.kind not in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]:
            message = f"when: its parameter '{nameless[0]}' names no value: name each value that it looks at."
            raise SettingError(message)
        self._condition = condition
        self.names = tuple(one.name for one in parameters)

    def check(self, known: Collection[str], *, owner: str) -> None:
        """Make sure that all it looks at is there.

        Raises:
            SettingError: Something is not.
        """
        for name in self.names:
            if name not in known:
                raise no_such_value(name, known, owner=owner)

    def skip_unless(self, values: Mapping[str, Any]) -> None:
        """Go on if the condition holds.

        Args:
            values: What it looks at, by name; there may be more.

        Raises:
            AirflowSkipException: It does not hold.
            Exception: Whatever the condition itself raises.
        """
        looked_at = {name: values[name] for name in self.names}
        if not self._condition(**looked_at):
            told = ", ".join(f"{name}={value!r:.60}" for name, value in looked_at.items())
            message = f"Skipped: when({told}) does not hold."
            logger.info("%s", message)
            raise AirflowSkipException(message)


def no_such_value(name: str, known: Collection[str], *, owner: str) -> SettingError:
    """The error for a name that a condition looks at and that nothing has."""
    hint = did_you_mean(name, known, otherwise=f"there are {', '.join(dict.fromkeys(known)) or 'none'}.")
    return SettingError(f"when of '{owner}' looks at '{name}', and there is no such value: {hint}")
