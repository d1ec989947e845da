"""The table of features in a SQL database, SQLite and PostgreSQL alike.

No function commits: the transaction is the caller's, so a month is replaced whole or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flights.month import name_month, parse_month
from flights.table import create_if_missing, replace_rows

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Connection

TABLE = "flight_features"

# Words that both databases know; a timestamp is ISO 8601 text in UTC, which sorts and compares right in both.
COLUMN_TYPES = {
    "flight_id": "TEXT NOT NULL PRIMARY KEY",
    "year": "INTEGER NOT NULL",
    "month": "INTEGER NOT NULL",
    "day": "INTEGER NOT NULL",
    "scheduled_at": "TEXT NOT NULL",
    "hour": "INTEGER NOT NULL",
    "day_of_week": "INTEGER NOT NULL",
    "carrier": "TEXT NOT NULL",
    "flight": "INTEGER NOT NULL",
    "tailnum": "TEXT",
    "origin": "TEXT NOT NULL",
    "dest": "TEXT NOT NULL",
    "distance": "INTEGER NOT NULL",
    "dest_lat": "DOUBLE PRECISION",
    "dest_lon": "DOUBLE PRECISION",
    "temp": "DOUBLE PRECISION",
    "wind_speed": "DOUBLE PRECISION",
    "precip": "DOUBLE PRECISION",
    "visib": "DOUBLE PRECISION",
    "plane_age": "DOUBLE PRECISION",
    "seats": "DOUBLE PRECISION",
    "dep_delay": "INTEGER NOT NULL",
    "delay_history": "DOUBLE PRECISION",
    "arr_delay": "INTEGER NOT NULL",
    "late": "BOOLEAN NOT NULL",
}
"""The columns of the table and their types, in order."""

_CHUNK = 5_000


def create_table(connection: Connection) -> None:
    """Create the table of features where there is none yet.

    Args:
        connection: An open SQLAlchemy connection; the caller commits.
    """
    create_if_missing(connection, TABLE, COLUMN_TYPES)


def replace_month(connection: Connection, features: pd.DataFrame, month: str) -> int:
    """Put a month's features in the place of what the table holds of that month.

    Running a month twice changes nothing. When it fails, the caller's rollback leaves the old month in place.

    Args:
        connection: An open SQLAlchemy connection; the caller commits.
        features: One row per flight of that month, with at least the columns of the table.
        month: The month as ``YYYY-MM``.

    Returns:
        The number of rows written.

    Raises:
        ValueError: ``month`` is not a month, or ``features`` holds rows of another one.
        KeyError: ``features`` lacks a column of the table.
        sqlalchemy.exc.IntegrityError: A flight stands twice in ``features``, or lacks a value that it must have.
    """
    year, number = parse_month(month)
    strays = int(((features["year"] != year) | (features["month"] != number)).sum())
    if strays:
        msg = f"{strays} of the {len(features)} rows given for {month} are of another month: write each month apart."
        raise ValueError(msg)
    chunks = (_to_rows(features.iloc[start : start + _CHUNK]) for start in range(0, len(features), _CHUNK))
    replace_rows(connection, TABLE, COLUMN_TYPES, {"year": year, "month": number}, chunks)
    return len(features)


def count_rows(connection: Connection) -> dict[str, int]:
    """Count what the table holds.

    Args:
        connection: An open SQLAlchemy connection.

    Returns:
        The number of rows of each month, the months as ``YYYY-MM`` and in their order.
    """
    from sqlalchemy import text

    counts = connection.execute(
        text(f"SELECT year, month, COUNT(*) FROM {TABLE} GROUP BY year, month ORDER BY year, month")  # noqa: S608
    )
    return {name_month(year, month): rows for year, month, rows in counts}


def _to_rows(features: pd.DataFrame) -> list[dict[str, Any]]:
    stamps = features["scheduled_at"].dt.tz_convert("UTC").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    # As objects these are Python's own numbers, and a None stays a None: a column of floats would make it NaN again.
    values = features.assign(scheduled_at=stamps)[list(COLUMN_TYPES)].astype(object)
    rows = values.where(values.notna(), None).itertuples(index=False, name=None)
    return [dict(zip(COLUMN_TYPES, row, strict=True)) for row in rows]
