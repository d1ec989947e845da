"""``fallback=``: what stands in for a function's result when it has failed for good."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airflow_linepipe.errors import SettingError
from airflow_linepipe.handoff import ArtifactRef, Json, replace_references
from airflow_linepipe.operators.part import only_step
from airflow_linepipe.plan import Part, calling_problem

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["FALLBACK_KEY", "Fallback", "mark", "watch"]

logger = logging.getLogger(__name__)

# The XCom in which it stands that a fallback was used, and why.
FALLBACK_KEY: Final = "linepipe_fallback"


class Fallback:
    """What takes the place of a function that has failed.

    Args:
        given: A function of the same inputs or of none; any other object is the result itself.
        inputs: The names of the inputs, in order.
        owner: The function in whose place it stands, for messages.

    Raises:
        SettingError: It cannot be called with these inputs.
    """

    def __init__(self, given: Any, *, inputs: Sequence[str], owner: str) -> None:
        self._given = given
        self._takes_inputs = callable(given) and not calling_problem(given, inputs)
        if callable(given) and not self._takes_inputs and calling_problem(given, ()):
            message = f"fallback of '{owner}': {calling_problem(given, inputs)}; give it these inputs, or none."
            raise SettingError(message)

    @classmethod
    def of_part(cls, given: Any, part: Part) -> Fallback:
        """What takes the place of a part's only function.

        Raises:
            SettingError: It has several, or it cannot be called with its inputs.
        """
        step = only_step(part, wanted_by="fallback")
        return cls(given, inputs=step.inputs, owner=step.label)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """The result."""
        if not callable(self._given):
            return self._given
        return self._given(*arguments, **named) if self._takes_inputs else self._given()

    def stands_in(self, error: Exception, context: Context) -> bool:
        """Whether it is the fallback's turn: no other try comes after an error, which is no wish to be skipped."""
        if isinstance(error, AirflowSkipException):
            return False
        task_instance = context["ti"]
        return isinstance(error, AirflowFailException) or task_instance.try_number > task_instance.max_tries

    def tell(self, error: Exception, context: Context, *, owner: str) -> None:
        """Leave in XCom and in the log that it is used."""
        told = f"{type(error).__name__}: {error}"
        logger.warning("'%s' has failed for good, and its fallback stands in: %s", owner, told, exc_info=error)
        context["ti"].xcom_push(FALLBACK_KEY, {"node": owner, "error": told[:1000]})


def watch(function: Callable[..., Any]) -> tuple[Callable[..., Any], list[Exception]]:
    """The function, and what it will have raised: so its own errors are told from those of reading and storing."""
    raised: list[Exception] = []

    @wraps(function)
    def watched(*arguments: Any, **named: Any) -> Any:
        try:
            return function(*arguments, **named)
        except Exception as error:
            raised.append(error)
            raise

    return watched, raised


def mark(wire: Json, error: Exception) -> Any:
    """References of which whoever reads them sees that a fallback has made them."""

    def marked(reference: ArtifactRef) -> Json:
        return replace(reference, summary={**reference.summary, "fallback": type(error).__name__}).to_wire()

    return replace_references(wire, marked)
