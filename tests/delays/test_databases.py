"""PostgreSQL holds what SQLite holds."""

from __future__ import annotations

import pandas as pd
import pytest
from delays.chronicle import ALERTS, CHRONICLE, file_alert, find_chronicle, record
from delays.history import extract_history
from delays.serving import PREDICTIONS, read_served, serve
from flights.warehouse import create_table, replace_month
from sqlalchemy import text

REPORT = {
    "month": "2013-03",
    "performance": {"rows": 300, "version": 1, "r2": 0.8, "mae": 9.5, "auc": float("nan"), "loss": 0.01},
    "drift": {"found": ["temp"], "count": 1},
}


@pytest.fixture
def both(warehouse, postgres, learned, flights_of):
    """SQLite and PostgreSQL with the same three months."""
    for engine in (warehouse, postgres):
        with engine.begin() as connection:
            create_table(connection)
            for month, rows in (("2013-01", 1_500), ("2013-02", 1_500), ("2013-03", 300)):
                replace_month(connection, flights_of(month, rows), month)
    yield warehouse, postgres
    with postgres.begin() as connection:
        for table in (PREDICTIONS, CHRONICLE, ALERTS):
            connection.execute(text(f"DROP TABLE IF EXISTS {table}"))


@pytest.mark.server
def test_what_is_read_served_and_recorded_is_the_same(both, tracking_uri):
    told = []
    for engine in both:
        history = extract_history(engine, "2013-03", 2)
        rows = [serve(engine, tracking_uri, "2013-03") for _ in range(2)]
        filed = [(record(engine, tracking_uri, REPORT, "continue"), file_alert(engine, REPORT)) for _ in range(2)]
        told.append((history, read_served(engine, "2013-03"), find_chronicle(engine), rows, filed))
    sqlite, postgres = told
    for here, there in zip(sqlite[:3], postgres[:3], strict=True):
        assert len(here)
        pd.testing.assert_frame_equal(here, there, check_exact=True)
    assert sqlite[3] == postgres[3]
    assert repr(sqlite[4]) == repr(postgres[4])
