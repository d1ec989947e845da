"""The features of past flights as they were known at a moment: no row knows anything of its own future.

A flight's delay is known when it has landed. The rules of cleaning let no flight leave more than a day late, and none
is in the air for more than a day: two days after the scheduled departure its delay is known.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flights.month import name_month, parse_month
from flights.rolling import average_between, to_minutes
from flights.warehouse import COLUMN_TYPES, TABLE

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine

SETTLED_AFTER = timedelta(days=2)
"""How long after a flight's scheduled departure its delay at arrival is known, whatever happened."""

ROUTE_WINDOW = timedelta(days=14)
"""How far ``route_history`` looks back from what is known."""

_TYPES = {"INTEGER": "int64", "DOUBLE": "float64", "BOOLEAN": "bool"}
_ZONE = "America/New_York"


def find_close(month: str) -> pd.Timestamp:
    """Tell when everything about a month's flights is known.

    Args:
        month: A month as ``YYYY-MM``, in New York's time.

    Returns:
        The moment, in UTC: ``SETTLED_AFTER`` behind the month's end.

    Raises:
        ValueError: ``month`` is not a month.
    """
    return _find_end(month) + SETTLED_AFTER


def list_months(month: str, count: int) -> list[str]:
    """List the months that end with one.

    Args:
        month: The last month, as ``YYYY-MM``.
        count: How many.

    Returns:
        The months as ``YYYY-MM``, in their order.

    Raises:
        ValueError: ``month`` is not a month, or there is nothing to list.
    """
    year, number = parse_month(month)
    if count < 1:
        msg = f"{count!r} months are no history: give 1 or more."
        raise ValueError(msg)
    last = year * 12 + number - 1
    return [name_month(index // 12, index % 12 + 1) for index in range(last - count + 1, last + 1)]


def extract_history(warehouse: Engine, month: str, months: int) -> pd.DataFrame:
    """Read the flights of the latest months, with what was known of each when it left.

    Args:
        warehouse: Where ``dataops`` keeps the table of features.
        month: The last month, as ``YYYY-MM``. Its close is the moment of asking: the delays of all its flights are
            known then, and no flight of a later month is looked at.
        months: How many months.

    Returns:
        One row per flight with the columns of the table, in the order of schedule, and

        * ``known_at``, the moment (UTC) from which on ``arr_delay`` and ``late`` may be learned from;
        * ``route_history``, the mean ``arr_delay`` in minutes of the flights to the same destination whose delay was
          known when the flight was scheduled to leave, of ``ROUTE_WINDOW``; missing where there are none.

    Raises:
        ValueError: ``month`` is not a month, or the warehouse has no flight of these months.
    """
    history = find_history(warehouse, month, months)
    if history.empty:
        wanted = ", ".join(list_months(month, months))
        msg = f"The warehouse has no flight of {wanted}: run the DAG dataops for these months first."
        raise ValueError(msg)
    return history


def find_history(warehouse: Engine, month: str, months: int) -> pd.DataFrame:
    """Read what there is of the latest months; as ``extract_history``, but there may be nothing."""
    wanted = list_months(month, months)
    flights = add_route_history(read_features(warehouse, wanted[0], month, before=ROUTE_WINDOW + SETTLED_AFTER))
    year, number = parse_month(wanted[0])
    is_wanted = (flights["year"] > year) | ((flights["year"] == year) & (flights["month"] >= number))
    return flights[is_wanted].reset_index(drop=True)


def read_features(warehouse: Engine, first: str, last: str, *, before: timedelta = timedelta(0)) -> pd.DataFrame:
    """Read the table of features.

    Args:
        warehouse: Where ``dataops`` keeps it.
        first: The first month, as ``YYYY-MM``.
        last: The last month.
        before: How much earlier than the first month to begin.

    Returns:
        One row per flight in the order of schedule, with the columns and types of ``flights.features`` and
        ``known_at``.
    """
    import pandas as pd
    from sqlalchemy import text

    begin, end = _find_begin(first) - before, _find_end(last)
    query = text(
        f"SELECT {', '.join(COLUMN_TYPES)} FROM {TABLE} "  # noqa: S608  (our own names)
        "WHERE scheduled_at >= :begin AND scheduled_at < :end"
    )
    stamps = {"begin": begin.strftime("%Y-%m-%dT%H:%M:%SZ"), "end": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
    with warehouse.connect() as connection:
        flights = pd.read_sql_query(query, connection, params=stamps)
    # Not by the database, each of which has an order of texts of its own.
    flights = flights.sort_values(["scheduled_at", "flight_id"], ignore_index=True)
    scheduled_at = pd.to_datetime(flights["scheduled_at"], utc=True).dt.as_unit("us")
    # A database has types of its own, and none where it has no rows.
    types = {name: _TYPES[kind.split()[0]] for name, kind in COLUMN_TYPES.items() if kind.split()[0] in _TYPES}
    return flights.astype(types).assign(scheduled_at=scheduled_at, known_at=scheduled_at + SETTLED_AFTER)


def add_route_history(flights: pd.DataFrame) -> pd.DataFrame:
    """Add how late the flights to the same destination have lately been, as far as it was known.

    Args:
        flights: One row per flight.

    Returns:
        The same rows with ``route_history``.
    """
    scheduled = to_minutes(flights["scheduled_at"])
    # What is known when a flight is to leave was scheduled this long before, or longer.
    known = scheduled - _minutes(SETTLED_AFTER)
    groups = flights.groupby("dest").ngroup().to_numpy()
    delays = flights["arr_delay"].to_numpy()
    history = average_between(groups, scheduled, delays, since=known - _minutes(ROUTE_WINDOW), until=known)
    return flights.assign(route_history=history)


def _find_begin(month: str) -> pd.Timestamp:
    import pandas as pd

    year, number = parse_month(month)
    return pd.Timestamp(year=year, month=number, day=1, tz=_ZONE).tz_convert("UTC")


def _find_end(month: str) -> pd.Timestamp:
    import pandas as pd

    year, number = parse_month(month)
    return pd.Timestamp(year=year + number // 12, month=number % 12 + 1, day=1, tz=_ZONE).tz_convert("UTC")


def _minutes(time: timedelta) -> int:
    return time // timedelta(minutes=1)
