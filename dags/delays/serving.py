"""The champion's predictions, flight by flight, in a table of the warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flights.month import parse_month
from flights.table import create_if_missing, replace_rows
from flights.warehouse import count_rows

from delays.history import extract_history, list_months
from delays.model import predict
from delays.registry import find_champion, load_models, read_version
from delays.training import check_composed

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine

PREDICTIONS = "flight_predictions"

_TYPES = {
    "flight_id": "TEXT NOT NULL PRIMARY KEY",
    "year": "INTEGER NOT NULL",
    "month": "INTEGER NOT NULL",
    "version": "INTEGER NOT NULL",
    "predicted_delay": "DOUBLE PRECISION NOT NULL",
    "predicted_late": "DOUBLE PRECISION NOT NULL",
}


def survey(
    warehouse: Engine, tracking_uri: str, month: str, composed: pd.DataFrame | None, months: int, train: str
) -> dict[str, int]:
    """Count what there is to go on with.

    Args:
        warehouse: Where the features are.
        tracking_uri: Where models are kept.
        month: The month, as ``YYYY-MM``.
        composed: A set to retrain with; None if there is none.
        months: How many of the latest months a model learns from.
        train: Whether somebody wants a training, whatever there is: "True".

    Returns:
        Whether a training is ``wanted``, by somebody or because there is a set for it, 1 or 0; how many of these
        ``months`` the warehouse lacks, ``missing``; and the version of the ``champion``, 0 if there is none.

    Raises:
        ValueError: The warehouse does not hold the month, or the set is none.
    """
    with warehouse.connect() as connection:
        loaded = count_rows(connection)
    if month not in loaded:
        msg = f"The warehouse has no flight of {month}, the month of this run: run the DAG dataops for it first."
        raise ValueError(msg)
    if composed is not None:
        check_composed(composed)
    wanted = train == "True" or composed is not None
    missing = len(set(list_months(month, months)) - set(loaded))
    return {"missing": missing, "wanted": int(wanted), "champion": find_champion(tracking_uri)}


def serve(warehouse: Engine, tracking_uri: str, month: str) -> dict[str, Any]:
    """Predict the flights of a month with the champion, unless it has learned from that month or a later one.

    Running a month again changes nothing; with another champion its predictions take the place of the old ones.

    Args:
        warehouse: Where the features are, and where the predictions go.
        tracking_uri: Where models are kept.
        month: The month, as ``YYYY-MM``.

    Returns:
        The champion's ``version``, the ``month``, and how many ``rows`` it has predicted; 0 where it has nothing to
        predict, because it has seen what happened.

    Raises:
        delays.registry.RegistryError: There is no champion.
    """
    champion = read_version(tracking_uri, find_champion(tracking_uri))
    if month <= champion.months[-1]:
        return {"version": champion.number, "month": month, "rows": 0}
    flights = extract_history(warehouse, month, 1)
    predicted = predict(*load_models(tracking_uri, champion), flights)
    year, number = parse_month(month)
    table = predicted.assign(year=year, month=number, version=champion.number)
    rows = table[list(_TYPES)].astype(object).to_dict("records")
    with warehouse.begin() as connection:
        create_if_missing(connection, PREDICTIONS, _TYPES)
        replace_rows(connection, PREDICTIONS, _TYPES, {"year": year, "month": number}, [rows])
    return {"version": champion.number, "month": month, "rows": len(rows)}


def read_served(warehouse: Engine, month: str) -> pd.DataFrame:
    """Read a month's predictions beside what has happened since.

    Args:
        warehouse: Where both are.
        month: The month, as ``YYYY-MM``.

    Returns:
        One row per flight of the month, in the order of schedule, with the columns of ``extract_history`` and, missing
        for a flight that was not predicted, ``version``, ``predicted_delay`` and ``predicted_late``.
    """
    import pandas as pd
    from sqlalchemy import text

    flights = extract_history(warehouse, month, 1)
    year, number = parse_month(month)
    query = text(
        f"SELECT flight_id, version, predicted_delay, predicted_late FROM {PREDICTIONS} "  # noqa: S608  (our own name)
        "WHERE year = :year AND month = :month"
    )
    with warehouse.connect() as connection:
        create_if_missing(connection, PREDICTIONS, _TYPES)
        predicted = pd.read_sql_query(query, connection, params={"year": year, "month": number})
    return flights.merge(predicted, how="left", on="flight_id", validate="one_to_one")
