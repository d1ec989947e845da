"""Which keyword arguments an operator takes."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from functools import cache

from airflow.sdk import BaseOperator

from airflow_linepipe.errors import UnknownArgumentError
from airflow_linepipe.plan import did_you_mean

__all__ = ["operator_parameters", "unknown_argument"]


@cache
def operator_parameters(operator: type[BaseOperator] = BaseOperator) -> frozenset[str]:
    """The names of all arguments that an operator class takes, with those of its bases."""
    bases = [base for base in operator.__mro__ if issubclass(base, BaseOperator)]
    names = {name for base in bases for name in inspect.signature(base.__init__).parameters}
    return frozenset(names - {"self", "args", "kwargs"})


def unknown_argument(name: str, *, owner: str, known: Collection[str]) -> UnknownArgumentError:
    """The error for an argument that nothing takes, with the closest that something does."""
    hint = did_you_mean(name, sorted(known), otherwise="")
    return UnknownArgumentError(f"{owner} takes no argument '{name}'" + (f": {hint}" if hint else "."))
