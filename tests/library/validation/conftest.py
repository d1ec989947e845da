"""Expectations and frames that several tests validate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from airflow_linepipe.validation import Outcome, as_suite, validate_frame
from airflow_linepipe.validation.quiet import quiet


@pytest.fixture
def flights() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "origin": ["JFK", "LGA", None, "XXX", "JFK"],
            "delay": [1.5, None, 3.0, 400.0, -5.0],
            "number": [1, 2, 3, 4, 4],
        }
    )


@pytest.fixture
def expect() -> Callable[..., dict[str, Any]]:
    """An expectation as a dict; the arguments of GX, and perhaps a severity."""

    def made(name: str, severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
        return {"type": f"expect_{name}", "kwargs": kwargs, "severity": severity}

    return made


@pytest.fixture
def validated() -> Callable[..., Outcome]:
    """Validate a table by a list of dicts."""

    def run(table: Any, *expectations: dict[str, Any], **options: Any) -> Outcome:
        return validate_frame(table, as_suite([*expectations], name="flights"), **options)

    return run


@pytest.fixture
def gx():
    """Great Expectations as its user has it, whose current project the test may be."""
    with quiet():
        import great_expectations as gx
        from great_expectations.data_context.data_context.context_factory import project_manager

    before = vars(project_manager)["_ProjectManager__project"]
    yield gx
    project_manager.set_project(before)
