"""Fixtures of the half that needs no Airflow."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_linepipe.handoff import Exchange, Producer


@pytest.fixture
def producer() -> Producer:
    return Producer(dag_id="flights", run_id="manual__2013-01-01T00:00:00+00:00", task_id="features.clean")


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    return Exchange(f"file://{tmp_path}")
