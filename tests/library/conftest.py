"""Fixtures of the half that needs no Airflow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from airflow_linepipe.handoff import Exchange, Producer


@pytest.fixture
def producer() -> Producer:
    return Producer(dag_id="flights", run_id="manual__2013-01-01T00:00:00+00:00", task_id="features.clean")


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    return Exchange(f"file://{tmp_path}")


@pytest.fixture
def scaled() -> Callable[[int], int]:
    """How often something is tried: in full by ``make soak``, a tenth of it otherwise."""
    in_full = hypothesis.settings.get_current_profile_name() == "soak"
    return lambda count: count if in_full else count // 10
