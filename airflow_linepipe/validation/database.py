"""VALIDATE a table or a query where it lies: the database does the counting, and nothing is pulled out of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from airflow_linepipe.errors import DatabaseError, ValidationError
from airflow_linepipe.plan import did_you_mean
from airflow_linepipe.validation.outcome import Outcome
from airflow_linepipe.validation.plain import shortened
from airflow_linepipe.validation.quiet import quiet, temporary_project
from airflow_linepipe.validation.reading import rows_in
from airflow_linepipe.validation.run import run_suite

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from sqlalchemy import Engine

__all__ = ["validate_table"]

_MAX_REASON: Final = 250
_SELECT: Final = re.compile(r"\s*select\s", re.IGNORECASE)
_WITH: Final = re.compile(r"\s*with\s", re.IGNORECASE)


def validate_table(
    engine: Engine | str,
    *,
    suite: ExpectationSuite,
    table: str = "",
    schema: str = "",
    query: str = "",
    parameters: Mapping[str, Any] | None = None,
) -> Outcome:
    """Validate a table, a view or what a query gives, in its database.

    Args:
        engine: A SQLAlchemy engine, which stays its owner's to dispose of; or a URL, to open one meanwhile.
        suite: What is expected; see `as_suite`.
        table: The table's or view's name as it is, without quotes; or give a query.
        schema: The schema that it lies in, if not in the default one, likewise.
        query: A query that begins with SELECT or WITH.
        parameters: The values of the suite's parameters.

    Raises:
        DatabaseError: The database cannot be reached. Trying again may help.
        ValidationError: There is no such table, the query cannot be run, or both or neither are given.
    """
    query = _checked_query(query) if query else ""
    if bool(table) == bool(query):
        message = "Give either a table or a query to validate: " + ("both are given." if table else "neither is given.")
        raise ValidationError(message)
    with _opened(engine) as opened, quiet(), _listeners_kept(opened):
        started = perf_counter()
        _check_reachable(opened)
        if not query:
            _check_table(opened, table, schema)
        # Great Expectations offers no public way to add a data source that is an object.
        source = temporary_project()._add_fluent_datasource(_borrow(opened), save_changes=False)  # noqa: SLF001
        try:
            batch = _asset(source, table, schema, query).add_batch_definition_whole_table("all").get_batch()
            results = run_suite(batch, suite, parameters=parameters, isolated=False)
        finally:
            source.get_execution_engine().close()
        if all(result.error for result in results):
            # It may be gone meanwhile, or never have understood the query.
            _check_reachable(opened)
            if query:
                _check_query(opened, query)
        seconds = perf_counter() - started
    return Outcome(suite=suite.name, results=tuple(results), rows=rows_in(results), seconds=seconds)


def _borrow(engine: Engine) -> Any:
    from airflow_linepipe.validation.borrowed import borrow

    return borrow(engine)


def _asset(source: Any, table: str, schema: str, query: str) -> Any:
    if query:
        return source.add_query_asset("data", query=query)
    from sqlalchemy import quoted_name

    # Names are what they are called, as everywhere in SQLAlchemy. Great Expectations would quote no table, and write
    # each schema small.
    named: dict[str, Any] = {"table_name": quoted_name(table, quote=None)}
    if schema:
        named["schema_name"] = schema if schema == schema.lower() else quoted_name(schema, quote=True)
    return source.add_table_asset("data", **named)


@contextmanager
def _opened(engine: Engine | str) -> Iterator[Engine]:
    """The engine, or one of our own that keeps nothing open, disposed of after it."""
    if not isinstance(engine, str):
        yield engine
        return
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        own = create_engine(engine, poolclass=NullPool)
    except (SQLAlchemyError, ImportError) as error:
        # Its text may hold the URL, and that a password.
        message = (
            f"The database's URL cannot be used ({type(error).__name__}): check it, and that its driver is installed."
        )
        raise ValidationError(message) from None
    try:
        yield own
    finally:
        own.dispose()


@contextmanager
def _listeners_kept(engine: Engine) -> Iterator[None]:
    """The engine without what Great Expectations adds to it, which would speak up at each later connection."""
    from sqlalchemy import event

    before = {id(listener) for listener in engine.pool.dispatch.connect}
    try:
        yield
    finally:
        for listener in [*engine.pool.dispatch.connect]:
            if id(listener) not in before and event.contains(engine, "connect", listener):
                event.remove(engine, "connect", listener)


def _checked_query(query: str) -> str:
    """The query as Great Expectations takes it.

    Raises:
        ValidationError: It is none that reads.
    """
    stripped = query.strip().rstrip(";").rstrip()
    if _SELECT.match(stripped):
        return stripped
    if _WITH.match(stripped):
        return f"SELECT * FROM (\n{stripped}\n) AS linepipe_query"  # noqa: S608  it is the author's own
    message = f"The query '{shortened(query, 80)}' cannot be validated: let it begin with SELECT or WITH."
    raise ValidationError(message)


def _check_reachable(engine: Engine) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        engine.connect().close()
    except (SQLAlchemyError, OSError) as error:
        message = (
            f"The database {_shown(engine)} cannot be reached: {_reason(error, engine)}. Check that it runs, and its "
            "connection."
        )
        raise DatabaseError(message) from error


def _check_table(engine: Engine, table: str, schema: str) -> None:
    """Raise if there is no such table, with the names of those that there are.

    Raises:
        ValidationError: There is none, or it cannot be read.
    """
    import sqlalchemy as sa
    from sqlalchemy.exc import SQLAlchemyError

    name = sa.table(table, schema=schema or None)
    try:
        with engine.connect() as connection:
            connection.execute(sa.select(sa.literal(1)).select_from(name).limit(1))
    except SQLAlchemyError as error:
        named = f"{schema}.{table}" if schema else table
        known = _tables(engine, schema)
        if table in known:
            message = f"The table '{named}' in {_shown(engine)} cannot be read: {_reason(error, engine)}."
        else:
            advice = did_you_mean(table, known, otherwise="check its name and its schema.")
            message = f"There is no table '{named}' in {_shown(engine)}: {advice}"
        raise ValidationError(message) from error


def _tables(engine: Engine, schema: str) -> list[str]:
    """The names of a schema's tables and views; none of a schema that is not there."""
    import sqlalchemy as sa
    from sqlalchemy.exc import SQLAlchemyError

    inspector = sa.inspect(engine)
    try:
        return [
            *inspector.get_table_names(schema=schema or None),
            *inspector.get_view_names(schema=schema or None),
        ]
    except SQLAlchemyError:
        return []


def _check_query(engine: Engine, query: str) -> None:
    """Raise if the database does not take the query at all.

    Raises:
        ValidationError: It does not.
    """
    import sqlalchemy as sa
    from sqlalchemy.exc import SQLAlchemyError

    statement = sa.select(sa.literal(1)).select_from(sa.text(f"(\n{query}\n) AS linepipe_query")).limit(0)
    try:
        with engine.connect() as connection:
            connection.execute(statement)
    except SQLAlchemyError as error:
        message = f"The query cannot be run in {_shown(engine)}: {_reason(error, engine)}."
        raise ValidationError(message) from error


def _shown(engine: Engine) -> str:
    """The database's address without its password, and without what else a URL may carry."""
    return f"'{engine.url.set(query={}).render_as_string(hide_password=True)}'"


def _reason(error: Exception, engine: Engine) -> str:
    """What the driver says, in its first line, and never with the password."""
    told = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    password = engine.url.password
    if password:
        told = told.replace(str(password), "***")
    return shortened(told, _MAX_REASON).removesuffix(".")
