"""``dags/dataops.py`` from the CSV files to the table, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pyarrow as pa
import pytest
from flights_oracle import expected_month
from sqlalchemy import create_engine, text

MONTHS = ("2013-01", "2013-02")


@pytest.fixture
def sqlite_warehouse(tmp_path, monkeypatch):
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    engine = create_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_warehouse(postgres, postgres_uri, monkeypatch):
    parts = urlsplit(postgres_uri)
    (socket,) = parse_qs(parts.query)["host"]
    connection = {"conn_type": "postgres", "host": socket, "login": parts.username, "schema": parts.path.strip("/")}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    return postgres


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def warehouse(request):
    return request.getfixturevalue(f"{request.param}_warehouse")


def _table(warehouse, month):
    query = text(
        "SELECT COUNT(*), SUM(arr_delay), SUM(CASE WHEN late THEN 1 ELSE 0 END), COUNT(DISTINCT tailnum) "
        "FROM flight_features WHERE year = 2013 AND month = :month"
    )
    with warehouse.connect() as connection:
        return tuple(int(value) for value in connection.execute(query, {"month": int(month[-2:])}).one())


def test_each_month_has_the_rows_and_sums_of_the_csv_files(example_dags, run_dag, warehouse):
    for month in MONTHS:
        run = run_dag(example_dags["dataops"], conf={"month": month})
        assert run.state == "success"
        expected = expected_month(month)
        assert run.value("features.summarise") == expected["summary"]
        assert run.value("load") == expected["rows"]
    for month in MONTHS:
        expected = expected_month(month)
        assert _table(warehouse, month) == tuple(
            expected[name] for name in ("rows", "arr_delay_sum", "late_flights", "tailnums")
        )


def test_a_month_run_twice_changes_nothing(example_dags, run_dag, sqlite_warehouse):
    tables = []
    for _ in range(2):
        assert run_dag(example_dags["dataops"], conf={"month": "2013-02"}).state == "success"
        tables.append(pd.read_sql("SELECT * FROM flight_features ORDER BY flight_id", sqlite_warehouse))
    assert len(tables[0]) > 20_000
    pd.testing.assert_frame_equal(*tables)


def test_without_a_param_the_month_is_the_logical_date(example_dags, run_dag, sqlite_warehouse):
    from datetime import UTC, datetime

    run = run_dag(example_dags["dataops"], logical_date=datetime(2013, 2, 1, tzinfo=UTC))
    assert run.state == "success"
    assert _table(sqlite_warehouse, "2013-02")[0] == run.value("load")


def test_a_month_that_is_none_fails_before_any_task_runs(example_dags):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError, match="January"):
        example_dags["dataops"].params.get_param("month").resolve("January")


def test_xcom_holds_references_only(example_dags, run_dag, sqlite_warehouse):
    """R61: no XCom row over 4 KB, and every frame opens from storage with plain pyarrow and pandas."""
    run = run_dag(example_dags["dataops"], conf={"month": "2013-01"})
    frames = 0
    for (task_id, _, _), value in run.xcoms.items():
        assert len(json.dumps(value)) < 4096
        assert value["linepipe_artifact"] == 1
        path = value["uri"].removeprefix("file://")
        if value["codec"] == "arrow":
            frames += 1
            rows = value["summary"]["rows"]
            assert pa.ipc.open_file(path).read_all().num_rows == rows
            assert len(pd.read_feather(path)) == rows
            assert f"/dataops/{run.run_id.replace(':', '~3A')}/{task_id}/1/" in path
    assert frames == 10
