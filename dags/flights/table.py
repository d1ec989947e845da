"""Tables of a SQL database, made where they are missing and replaced piece by piece.

No function commits: the transaction is the caller's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection


def create_if_missing(connection: Connection, name: str, types: Mapping[str, str]) -> None:
    """Create a table where there is none yet.

    Args:
        connection: An open SQLAlchemy connection; the caller commits.
        name: The table's name, one of our own.
        types: The columns and their types, in order.
    """
    from sqlalchemy import text

    columns = ", ".join(f"{column} {kind}" for column, kind in types.items())
    connection.execute(text(f"CREATE TABLE IF NOT EXISTS {name} ({columns})"))


def replace_rows(
    connection: Connection,
    name: str,
    columns: Iterable[str],
    key: Mapping[str, Any],
    chunks: Iterable[Sequence[Mapping[str, Any]]],
) -> None:
    """Put rows in the place of those that a table holds of a key.

    Args:
        connection: An open SQLAlchemy connection; the caller commits.
        name: The table's name, one of our own.
        columns: The columns' names.
        key: What the rows have in common, by column.
        chunks: The new rows, so many of them at once.
    """
    from sqlalchemy import column, insert, table, text

    where = " AND ".join(f"{part} = :{part}" for part in key)
    connection.execute(text(f"DELETE FROM {name} WHERE {where}"), dict(key))  # noqa: S608  (our own names)
    statement = insert(table(name, *map(column, columns)))
    for rows in chunks:
        connection.execute(statement, list(rows))
