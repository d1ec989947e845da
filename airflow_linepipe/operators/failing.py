"""Failures that another try would only repeat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

__all__ = ["final_failure"]


@contextmanager
def final_failure(*errors: type[Exception]) -> Iterator[None]:
    """Let these errors fail the task without a retry, with the same sentence."""
    try:
        yield
    except errors as error:
        raise AirflowFailException(str(error)) from error
