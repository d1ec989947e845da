"""Tables and queries where they lie: SQLite, and a real PostgreSQL server."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from decimal import Decimal

import pandas as pd
import psycopg2
import pytest
import sqlalchemy as sa

from airflow_linepipe.errors import DatabaseError, ValidationError
from airflow_linepipe.validation import as_suite, validate_frame, validate_table

SECRET = "tr0ub4dor&3"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def database(request, tmp_path, flights):
    """An engine that keeps nothing open, as Airflow's hook makes it, on a database with two tables and a view."""
    if request.param == "sqlite":
        url = sa.make_url(f"sqlite:///{tmp_path / 'flights.db'}")
    else:
        uri = request.getfixturevalue("postgres_uri")
        url = sa.make_url(uri).set(drivername="postgresql+psycopg2", password=SECRET)
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    flights.to_sql("validated", engine, index=False, if_exists="replace")
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE validated_empty (id INTEGER, price NUMERIC(10, 2))"))
        connection.execute(sa.text("CREATE VIEW validated_late AS SELECT * FROM validated WHERE delay > 2"))
    yield engine
    with engine.begin() as connection:
        connection.execute(sa.text("DROP VIEW validated_late"))
        connection.execute(sa.text("DROP TABLE validated"))
        connection.execute(sa.text("DROP TABLE validated_empty"))
    engine.dispose()


@pytest.fixture
def suite(expect):
    return as_suite(
        [
            expect("column_values_to_not_be_null", column="origin"),
            expect("column_values_to_be_between", column="delay", max_value=300, severity="warning"),
            expect("column_values_to_be_unique", column="number"),
            expect("column_mean_to_be_between", column="delay", max_value=1),
            expect("column_values_to_be_in_set", column="number", value_set=[1, 2, 3, 4]),
            expect("table_row_count_to_be_between", min_value=1),
        ],
        name="flights",
    )


def _found(outcome):
    return [
        (result.type, result.success, result.unexpected_count, result.checked, result.samples, result.error)
        for result in outcome.results
    ]


@pytest.mark.parametrize(
    "source", [{"table": "validated"}, {"query": "select * from validated;"}], ids=["table", "query"]
)
def test_a_database_finds_what_the_frame_has(database, suite, flights, source):
    outcome = validate_table(database, suite=suite, **source)
    assert _found(outcome) == _found(validate_frame(flights, suite))
    assert outcome.rows == 5
    assert outcome.results[3].observed == pytest.approx(99.875)
    assert [result.success for result in outcome.results] == [False, False, False, False, True, True]
    json.dumps(outcome.to_dict(), allow_nan=False)


def test_a_view_and_a_query_with_with_are_validated(database, expect):
    suite = as_suite([expect("table_row_count_to_equal", value=2)], name="late")
    late = "-- the late ones\nselect * from validated where delay > 2"
    for source in (
        {"table": "validated_late"},
        {"query": f"WITH late AS ({late}\n) SELECT * FROM late"},
        {"query": "SELECT * FROM validated WHERE delay > 2 -- a comment"},
    ):
        outcome = validate_table(database, suite=suite, **source)
        assert outcome.success, outcome.describe()
        assert outcome.rows == 2


def test_the_number_of_rows_is_unknown_where_nothing_had_to_count_them(database, expect):
    condition = {"type": "comparison", "column": {"name": "delay"}, "operator": ">", "parameter": 2}
    suite = as_suite(
        [
            expect("column_to_exist", column="delay"),
            expect("column_values_to_not_be_null", column="number", row_condition=condition),
        ],
        name="some",
    )
    outcome = validate_table(database, table="validated", suite=suite)
    assert outcome.rows == outcome.summary()["rows"] == "unknown"
    assert outcome.results[1].checked == 2


def test_a_missing_column_and_an_empty_table(database, expect):
    suite = as_suite(
        [
            expect("column_values_to_not_be_null", column="nowhere"),
            expect("column_values_to_not_be_null", column="id"),
            expect("column_mean_to_be_between", column="price", min_value=1),
        ],
        name="empty",
    )
    outcome = validate_table(database, table="validated_empty", suite=suite)
    assert outcome.rows == 0
    assert [result.success for result in outcome.results] == [False, True, False]
    assert outcome.errors[0].error.startswith("there is no column 'nowhere'")


def test_a_statement_that_fails_spoils_no_other(database, expect):
    """PostgreSQL refuses everything in a transaction after the first failure."""
    suite = as_suite(
        [
            expect("column_values_to_match_regex", column="delay", regex="["),
            expect("column_mean_to_be_between", column="origin", max_value=1),
            expect("column_values_to_not_be_null", column="number"),
            expect("column_max_to_be_between", column="delay", max_value=500),
        ],
        name="mixed",
    )
    results = validate_table(database, table="validated", suite=suite).results
    assert results[0].error
    assert [result.success for result in results[2:]] == [True, True]


def test_a_database_that_goes_away_meanwhile_is_what_has_failed(tmp_path, flights, suite):
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'flights.db'}", poolclass=sa.pool.NullPool)
    flights.to_sql("validated", engine, index=False)
    gone, reason = [], "the server has gone away"

    @sa.event.listens_for(engine, "before_cursor_execute")
    def break_off(connection, cursor, statement, *_):
        if "sum(" in statement or gone:
            gone.append(statement)
            raise sqlite3.OperationalError(reason)

    @sa.event.listens_for(engine, "do_connect")
    def refuse(*_):
        if gone:
            raise sqlite3.OperationalError(reason)

    with pytest.raises(DatabaseError, match="cannot be reached: the server has gone away"):
        validate_table(engine, table="validated", suite=as_suite([*suite.expectations[:3]], name="some"))


def test_decimals_and_times_of_a_database_are_json(database, expect):
    with database.begin() as connection:
        connection.execute(sa.text("INSERT INTO validated_empty VALUES (1, 1.10), (2, NULL)"))
    suite = as_suite([expect("column_max_to_be_between", column="price", max_value=1)], name="prices")
    outcome = validate_table(database, table="validated_empty", suite=suite)
    assert Decimal(str(outcome.results[0].observed)) == Decimal("1.10")
    json.dumps(outcome.to_dict(), allow_nan=False)


def test_the_engine_is_its_owner_s_and_nothing_is_left_in_the_database(database, suite):
    disposed, before = [], set(sa.inspect(database).get_table_names())
    sa.event.listen(database, "engine_disposed", disposed.append)
    listeners = [*database.pool.dispatch.connect]
    pool = database.pool
    validate_table(database, table="validated", suite=suite)
    validate_table(database, query="SELECT * FROM validated", suite=suite)
    assert (disposed, database.pool) == ([], pool)
    assert [*database.pool.dispatch.connect] == listeners
    assert "SF_PARTNER" not in os.environ
    assert set(sa.inspect(database).get_table_names()) == before
    if database.dialect.name == "sqlite":
        # Nobody holds the file any more.
        with sqlite3.connect(database.url.database, timeout=0) as connection:
            connection.execute("BEGIN EXCLUSIVE")
        connection.close()
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM validated")).scalar() == 5


def test_a_database_in_memory_outlives_its_validation(flights, suite):
    """Its data lives as long as its one connection."""
    engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    flights.to_sql("validated", engine, index=False)
    assert validate_table(engine, table="validated", suite=suite).rows == 5
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM validated")).scalar() == 5
    engine.dispose()


class CountingCursor(sqlite3.Cursor):
    """A cursor that counts what it hands over, and keeps what it was asked."""

    rows, statements = 0, []

    def _counted(self, rows):
        CountingCursor.rows += len(rows)
        return rows

    def execute(self, statement, *parameters):
        self.statements.append(statement)
        return super().execute(statement, *parameters)

    def fetchone(self):
        row = super().fetchone()
        self._counted([row])
        return row

    def fetchmany(self, *size):
        return self._counted(super().fetchmany(*size))

    def fetchall(self):
        return self._counted(super().fetchall())


class CountingConnection(sqlite3.Connection):
    def cursor(self, *_):
        return super().cursor(CountingCursor)


def test_nothing_is_pulled_but_counts_and_samples(tmp_path, expect):
    """Of 10,000 rows, nearly all of which are unexpected, the database hands over some dozens."""
    url = f"sqlite:///{tmp_path / 'many.db'}"
    pd.DataFrame({"a": range(10_000)}).to_sql("many", url, index=False)
    suite = as_suite(
        [
            expect("column_values_to_be_between", column="a", max_value=10),
            expect("column_values_to_be_unique", column="a"),
            expect("column_mean_to_be_between", column="a", max_value=10),
        ],
        name="many",
    )
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"factory": CountingConnection})
    CountingCursor.rows, CountingCursor.statements = 0, []
    outcome = validate_table(engine, table="many", suite=suite)
    assert outcome.results[0].unexpected_count == 9_989
    assert len(outcome.results[0].samples) == 10
    assert 0 < CountingCursor.rows < 100
    assert not [text for text in CountingCursor.statements if "CREATE" in text.upper()]


def test_a_table_that_is_not_there_is_named_with_the_closest(database, suite):
    with pytest.raises(ValidationError, match=r"There is no table 'validate' in .*did you mean 'validated'\?"):
        validate_table(database, table="validate", suite=suite)
    with pytest.raises(ValidationError, match="There is no table 'elsewhere.validated'"):
        validate_table(database, table="validated", schema="elsewhere", suite=suite)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({}, "neither is given"),
        ({"table": "validated", "query": "SELECT 1"}, "both are given"),
        ({"query": "DELETE FROM validated"}, "let it begin with SELECT or WITH"),
        ({"query": "SELECT * FROM nowhere"}, "The query cannot be run in .*nowhere"),
        ({"query": "SELECT FROM WHERE"}, "The query cannot be run"),
    ],
    ids=["nothing", "both", "no query", "no such table", "no SQL"],
)
def test_what_cannot_be_validated_is_one_sentence(database, suite, source, said):
    with pytest.raises(ValidationError, match=said) as caught:
        validate_table(database, suite=suite, **source)
    assert not isinstance(caught.value, DatabaseError)
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg2://me:{SECRET}@127.0.0.1:9/flights?sslpassword={SECRET}",
        "sqlite:////nowhere/at/all/flights.db",
    ],
    ids=["postgres", "sqlite"],
)
def test_a_database_that_cannot_be_reached_is_named_without_its_password(suite, url):
    with pytest.raises(DatabaseError, match="cannot be reached: .*Check that it runs") as caught:
        validate_table(url.replace("&", "%26"), table="validated", suite=suite)
    assert SECRET not in str(caught.value)
    assert isinstance(caught.value, ConnectionError)


def test_a_driver_that_repeats_the_password_is_not_repeated(suite):
    engine = sa.create_engine(sa.URL.create("postgresql+psycopg2", password=SECRET, host="host", database="x"))

    @sa.event.listens_for(engine, "do_connect")
    def refuse(*_):
        reason = f"no such user: me:{SECRET}@host\nand more of it"
        raise psycopg2.OperationalError(reason)

    with pytest.raises(DatabaseError, match=r"cannot be reached: no such user: me:\*\*\*@host\. Check") as caught:
        validate_table(engine, table="validated", suite=suite)
    assert SECRET not in str(caught.value)


def test_a_url_that_is_none_is_not_repeated(suite):
    with pytest.raises(ValidationError, match="URL cannot be used") as caught:
        validate_table(f"nowhere://me:{SECRET}@host", table="validated", suite=suite)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_url_is_opened_meanwhile(tmp_path, flights, suite):
    url = f"sqlite:///{tmp_path / 'flights.db'}"
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    flights.to_sql("validated", engine, index=False)
    assert validate_table(url, table="validated", suite=suite).rows == 5


@pytest.mark.server
def test_no_password_gets_into_results_or_logs(postgres_uri, flights, suite, expect, caplog):
    url = sa.make_url(postgres_uri).set(drivername="postgresql+psycopg2", password=SECRET)
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    flights.to_sql("validated_secret", engine, index=False, if_exists="replace")
    caplog.set_level(logging.DEBUG)
    broken = as_suite([expect("column_mean_to_be_between", column="origin", max_value=1)], name="broken")
    try:
        for checks in (suite, broken):
            outcome = validate_table(engine, table="validated_secret", suite=checks)
            told = (
                json.dumps(outcome.to_dict()) + outcome.describe(least="info") + repr(outcome) + repr(outcome.results)
            )
            assert SECRET not in told
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE validated_secret"))
    assert SECRET not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("great_expectations")]


@pytest.mark.server
@pytest.mark.parametrize("schema", ["validated_there", "Validated There"])
@pytest.mark.parametrize("table", ["inner", "Inner Part", "select"])
def test_a_schema_and_a_table_of_any_name(postgres_uri, flights, suite, schema, table):
    url = sa.make_url(postgres_uri).set(drivername="postgresql+psycopg2")
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(f'CREATE SCHEMA "{schema}"'))
    try:
        flights.to_sql(table, engine, schema=schema, index=False)
        outcome = validate_table(engine, table=table, schema=schema, suite=suite)
        assert _found(outcome) == _found(validate_frame(flights, suite))
        with pytest.raises(ValidationError, match=rf"no table '{schema}.{table}x' in .*did you mean '{table}'"):
            validate_table(engine, table=f"{table}x", schema=schema, suite=suite)
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text(f'DROP SCHEMA "{schema}" CASCADE'))
