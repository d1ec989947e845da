"""Great Expectations on an engine that somebody else has opened and will dispose of.

To be imported only while Great Expectations is quiet: it subclasses its classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from great_expectations.datasource.fluent.sql_datasource import SQLDatasource
from great_expectations.datasource.fluent.sqlite_datasource import SqliteQueryAsset, SqliteTableAsset
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine

__all__ = ["borrow"]

# Never opened: what it connects to is the engine that it is given. No address, and no password, is ever its own.
_NOWHERE = "sqlite://"


class BorrowedExecutionEngine(SqlAlchemyExecutionEngine):
    """An execution engine that keeps one connection for its whole life, and leaves the engine alone.

    Great Expectations reads results after it has closed their connection, which only a pool forgives: the engines of
    Airflow's hooks have none.
    """

    @contextmanager
    def get_connection(self) -> Iterator[Any]:
        """The one connection, which a failed statement leaves as usable as before."""
        if self._connection is None:
            self._connection = self.engine.connect()
        try:
            yield self._connection
        except Exception:
            self._connection.rollback()
            raise

    def close(self) -> None:
        """Close the connection; also called when the object is collected."""
        connection, self._connection = getattr(self, "_connection", None), None
        if connection is not None:
            connection.close()


# A name that begins with an underscore is not registered as a kind of data source for everybody.
class _BorrowedSource(SQLDatasource):
    """A data source whose engine is given, where others are told how to open one."""

    def get_engine(self) -> Any:
        return self._engine

    def get_execution_engine(self) -> SqlAlchemyExecutionEngine:
        if self._execution_engine is None:
            self._execution_engine = BorrowedExecutionEngine(engine=self._engine, create_temp_table=False)
        return self._execution_engine


def borrow(engine: Any) -> SQLDatasource:
    """A data source on an engine.

    Args:
        engine: The engine. Great Expectations never disposes of it.
    """
    source = _BorrowedSource(name="linepipe", connection_string=_NOWHERE)
    source._engine = engine  # noqa: SLF001
    if engine.dialect.name == "sqlite":
        source._TableAsset, source._QueryAsset = SqliteTableAsset, SqliteQueryAsset  # noqa: SLF001
    return source
