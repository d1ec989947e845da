"""``fallback=``: what stands in for a function's result when it has failed for good."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from inspect import iscoroutinefunction, signature
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from airflow_linepipe.errors import SettingError
from airflow_linepipe.handoff import ArtifactRef, Json, replace_references
from airflow_linepipe.operators.part import only_step
from airflow_linepipe.plan import Part, calling_problem, did_you_mean

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["FALLBACK_KEY", "Fallback", "mark", "watch"]

logger = logging.getLogger(__name__)

# The XCom in which it stands that a fallback was used, and why.
FALLBACK_KEY: Final = "linepipe_fallback"


class Fallback:
    """What takes the place of a function that has failed.

    Args:
        function: What gives the result.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    @classmethod
    def of_part(cls, given: Any, part: Part) -> Fallback:
        """What takes the place of a part's only function.

        Raises:
            SettingError: It has several, or it cannot be called with its inputs.
        """
        step = only_step(part, wanted_by="fallback")
        if not callable(given):
            return cls(lambda *_: given)
        problem = calling_problem(given, step.inputs)
        if problem and calling_problem(given, ()):
            message = f"fallback of '{step.label}': {problem}; give it these inputs, or none."
            raise SettingError(message)
        return cls((lambda *_: given()) if problem else given)

    @classmethod
    def of_function(cls, given: Any, function: Callable[..., Any]) -> Fallback:
        """What takes the place of an author's own function, whose arguments it is given by their names.

        Raises:
            SettingError: It has a parameter that the function has not.
        """
        if not callable(given):
            return cls(lambda **_: given)
        known = signature(function).parameters
        names = [name for name, one in signature(given).parameters.items() if one.kind is not one.VAR_KEYWORD]
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known, otherwise=f"it has {', '.join(known) or 'none'}.")
                message = f"fallback of '{function.__name__}' takes '{name}', and the function has no such one: {hint}"
                raise SettingError(message)
        takes_all = len(names) < len(signature(given).parameters)
        return cls(lambda **values: given(**(values if takes_all else {name: values[name] for name in names})))

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """The result."""
        return self._function(*arguments, **named)

    def stands_in(self, error: Exception, context: Context) -> bool:
        """Whether it is the fallback's turn: no other try comes after an error, which is no wish to be skipped."""
        if isinstance(error, AirflowSkipException):
            return False
        task_instance = context["ti"]
        return (
            isinstance(error, AirflowFailException | AirflowSensorTimeout)
            or task_instance.try_number > task_instance.max_tries
        )

    def tell(self, error: Exception, context: Context, *, owner: str) -> None:
        """Leave in XCom and in the log that it is used."""
        told = f"{type(error).__name__}: {error}"
        logger.warning("'%s' has failed for good, and its fallback stands in: %s", owner, told, exc_info=error)
        context["ti"].xcom_push(FALLBACK_KEY, {"node": owner, "error": told[:1000]})


def watch(function: Callable[..., Any]) -> tuple[Callable[..., Any], list[Exception]]:
    """The function, and what it will have raised: so its own errors are told from those of reading and storing."""
    raised: list[Exception] = []

    @wraps(function)
    async def awaited(*arguments: Any, **named: Any) -> Any:
        try:
            return await function(*arguments, **named)
        except Exception as error:
            raised.append(error)
            raise

    @wraps(function)
    def watched(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except Exception as error:
            raised.append(error)
            raise

    return (awaited if iscoroutinefunction(function) else watched), raised


def mark(wire: Json, error: Exception) -> Any:
    """References of which whoever reads them sees that a fallback has made them."""

    def marked(reference: ArtifactRef) -> Json:
        return replace(reference, summary={**reference.summary, "fallback": type(error).__name__}).to_wire()

    return replace_references(wire, marked)
