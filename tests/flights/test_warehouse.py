from __future__ import annotations

import pytest
from flights.features import FEATURE_COLUMNS
from flights.warehouse import COLUMN_TYPES, count_rows, create_table, replace_month
from flights_oracle import expected_month
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError


@pytest.fixture
def sqlite(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'warehouse.db'}")
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def engine(request):
    """An empty table of features, in each database."""
    engine = request.getfixturevalue(request.param)
    with engine.begin() as connection:
        create_table(connection)
    return engine


def write(engine, features, month):
    with engine.begin() as connection:
        return replace_month(connection, features, month)


def read(engine):
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM flight_features ORDER BY flight_id"))
        return [dict(row) for row in rows.mappings()]


def count(engine):
    with engine.connect() as connection:
        return count_rows(connection)


def test_the_table_has_the_columns_of_the_features():
    assert tuple(COLUMN_TYPES) == FEATURE_COLUMNS


def test_creating_the_table_again_keeps_its_rows(engine, features_of):
    write(engine, features_of({}), "2013-01")

    with engine.begin() as connection:
        create_table(connection)

    assert count(engine) == {"2013-01": 1}


def test_a_new_table_holds_no_month(engine):
    assert count(engine) == {}


def test_a_row_is_stored_as_it_was_computed(engine, features_of):
    write(engine, features_of({"arr_delay": 16, "dep_delay": 3, "temp": 0.1 + 0.2}), "2013-01")

    assert read(engine) == [
        {
            "flight_id": "2013-01-15-UA-1-EWR",
            "year": 2013,
            "month": 1,
            "day": 15,
            "scheduled_at": "2013-01-15T17:00:00Z",
            "hour": 12,
            "day_of_week": 1,
            "carrier": "UA",
            "flight": 1,
            "tailnum": "N1",
            "origin": "EWR",
            "dest": "ORD",
            "distance": 719,
            "dest_lat": 42.0,
            "dest_lon": -88.0,
            "temp": 0.1 + 0.2,
            "wind_speed": 10.0,
            "precip": 0.0,
            "visib": 9.0,
            "plane_age": 10.0,
            "seats": 150.0,
            "dep_delay": 3,
            "delay_history": None,
            "arr_delay": 16,
            "late": True,
        }
    ]


def test_a_missing_value_is_null(engine, features_of):
    unknown = ["tailnum", "dest_lat", "temp", "seats", "plane_age"]
    write(engine, features_of(dict.fromkeys(["tailnum", "dest_lat", "temp", "seats", "built"]), {}), "2013-01")

    with engine.connect() as connection:
        for column in unknown:
            query = text(f"SELECT flight FROM flight_features WHERE {column} IS NULL")
            assert connection.execute(query).scalars().all() == [1], column


def test_no_numpy_value_reaches_the_database(features_of):
    from flights.warehouse import _to_rows

    values = [value for row in _to_rows(features_of({}, {"temp": None})) for value in row.values()]

    assert {type(value) for value in values} == {int, float, str, bool, type(None)}


def test_a_timestamp_of_another_zone_is_stored_in_utc(engine, features_of):
    features = features_of({})
    local = features.assign(scheduled_at=features["scheduled_at"].dt.tz_convert("America/New_York"))
    write(engine, local, "2013-01")

    assert read(engine)[0]["scheduled_at"] == "2013-01-15T17:00:00Z"


def test_late_flights_can_be_asked_for(engine, features_of):
    write(engine, features_of({"arr_delay": 16}, {"arr_delay": 15}), "2013-01")

    with engine.connect() as connection:
        query = text("SELECT flight FROM flight_features WHERE late")
        assert connection.execute(query).scalars().all() == [1]


def test_writing_a_month_twice_changes_nothing(engine, features_of):
    january = features_of({}, {})

    assert write(engine, january, "2013-01") == 2
    once = read(engine)
    assert write(engine, january, "2013-01") == 2

    assert read(engine) == once


def test_a_month_is_replaced_and_the_others_stay(engine, features_of):
    write(engine, features_of({}, {}, {}), "2013-01")
    write(engine, features_of({"month": 2}, {"month": 2}), "2013-02")
    write(engine, features_of({"year": 2012}), "2012-01")

    write(engine, features_of({"flight": 9}), "2013-01")

    assert count(engine) == {"2012-01": 1, "2013-01": 1, "2013-02": 2}
    assert [row["flight"] for row in read(engine) if (row["year"], row["month"]) == (2013, 1)] == [9]


def test_more_rows_than_one_chunk_are_all_written(engine, features_of, monkeypatch):
    monkeypatch.setattr("flights.warehouse._CHUNK", 2)

    assert write(engine, features_of(*[{}] * 5), "2013-01") == 5
    assert [row["flight"] for row in read(engine)] == [1, 2, 3, 4, 5]


def test_a_failed_write_leaves_the_old_month_in_place(engine, features_of, monkeypatch):
    monkeypatch.setattr("flights.warehouse._CHUNK", 2)
    write(engine, features_of({"temp": 1.0}, {}), "2013-01")
    before = read(engine)

    with pytest.raises(IntegrityError):
        write(engine, features_of({}, {}, {"flight": 7}, {"flight": 7}), "2013-01")

    assert read(engine) == before


def test_nothing_is_committed_before_the_caller_does(engine, features_of):
    with engine.connect() as connection:
        replace_month(connection, features_of({}), "2013-01")
        connection.rollback()

    assert count(engine) == {}


def test_rows_of_another_month_are_refused_and_nothing_is_deleted(engine, features_of):
    write(engine, features_of({}), "2013-01")

    for stray in ({"month": 2}, {"year": 2012}):
        with pytest.raises(ValueError, match="1 of the 2 rows given for 2013-01 are of another month"):
            write(engine, features_of({}, stray), "2013-01")

    assert count(engine) == {"2013-01": 1}


def test_what_is_not_a_month_is_refused_by_name(engine, features_of):
    with pytest.raises(ValueError, match="'2013' is not a month"):
        write(engine, features_of({}), "2013")


def test_features_without_a_column_are_refused_by_its_name(engine, features_of):
    write(engine, features_of({}), "2013-01")

    with pytest.raises(KeyError, match="visib"):
        write(engine, features_of({}).drop(columns="visib"), "2013-01")

    assert count(engine) == {"2013-01": 1}


def test_a_column_that_the_table_does_not_know_is_left_out(engine, features_of):
    write(engine, features_of({}).assign(prediction=1.0), "2013-01")

    assert tuple(read(engine)[0]) == FEATURE_COLUMNS


@pytest.mark.server
def test_a_real_month_is_the_same_in_both_databases(sqlite, postgres, real_month):
    for engine in (sqlite, postgres):
        with engine.begin() as connection:
            create_table(connection)
            assert replace_month(connection, real_month.features, real_month.month) == len(real_month.features)

    assert count(sqlite) == count(postgres) == {real_month.month: len(real_month.features)}
    assert read(sqlite) == sorted(read(postgres), key=lambda row: row["flight_id"])


def test_a_real_month_adds_up_in_the_database(sqlite, real_month):
    with sqlite.begin() as connection:
        create_table(connection)
        replace_month(connection, real_month.features, real_month.month)

    expected = expected_month(real_month.month)
    with sqlite.connect() as connection:
        totals = connection.execute(
            text(
                "SELECT COUNT(*), SUM(arr_delay), SUM(CASE WHEN late THEN 1 ELSE 0 END), COUNT(DISTINCT tailnum),"
                " COUNT(delay_history), SUM(seats) FROM flight_features"
            )
        ).one()
    names = ("rows", "arr_delay_sum", "late_flights", "tailnums", "delay_history_count", "seats_sum")
    assert tuple(totals) == tuple(expected[name] for name in names)
