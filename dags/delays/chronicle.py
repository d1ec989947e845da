"""The chronicle of the months: what was served, what it was worth, and what was done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flights.table import create_if_missing, replace_rows

from delays.registry import find_champion

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from sqlalchemy import Engine

CHRONICLE = "model_chronicle"
ALERTS = "model_alerts"

_TYPES = {
    "month": "TEXT NOT NULL PRIMARY KEY",
    "rows": "INTEGER NOT NULL",
    "version": "INTEGER NOT NULL",
    "r2": "DOUBLE PRECISION",
    "mae": "DOUBLE PRECISION",
    "auc": "DOUBLE PRECISION",
    "drift": "TEXT NOT NULL",
    "policy": "TEXT NOT NULL",
    "champion": "INTEGER NOT NULL",
}
_ALERT_TYPES = {"month": "TEXT NOT NULL PRIMARY KEY", "alert": "TEXT NOT NULL"}


def record(warehouse: Engine, tracking_uri: str, report: dict[str, Any], policy: str) -> dict[str, Any]:
    """Write a month into the chronicle, in the place of what it says of that month.

    Args:
        warehouse: Where the chronicle is.
        tracking_uri: Where models are kept.
        report: As ``delays.monitoring.conclude`` returns it.
        policy: What was done about it.

    Returns:
        The row: the ``month``, the number of ``rows`` that the ``version`` has predicted, its ``r2``, ``mae`` in
        minutes and ``auc``, the names of the columns that ``drift``, the ``policy``, and the ``champion`` that is in
        service after it.
    """
    performance = report["performance"]
    row = {
        "month": report["month"],
        **{name: performance[name] for name in ("rows", "version", "r2", "mae", "auc")},
        "drift": " ".join(report["drift"]["found"]),
        "policy": policy,
        "champion": find_champion(tracking_uri),
    }
    _replace(warehouse, CHRONICLE, _TYPES, row)
    return row


def file_alert(warehouse: Engine, report: dict[str, Any]) -> str:
    """File what was noticed, for whoever looks into false alarms later.

    Args:
        warehouse: Where alerts are filed; one for each month.
        report: As ``delays.monitoring.conclude`` returns it.

    Returns:
        The alert, a sentence.
    """
    performance, drift = report["performance"], report["drift"]
    alert = (
        f"{report['month']}: version {performance['version']} has an R² of {performance['r2']:.3f}, "
        f"{performance['loss']:.3f} less than when it was put into service; {drift['count']} columns drift"
        + (f" ({', '.join(drift['found'])})." if drift["found"] else ".")
    )
    _replace(warehouse, ALERTS, _ALERT_TYPES, {"month": report["month"], "alert": alert})
    return alert


def find_chronicle(warehouse: Engine) -> pd.DataFrame:
    """Read the chronicle.

    Args:
        warehouse: Where it is.

    Returns:
        One row per month, in their order, with the columns that ``record`` returns; none before the first record.
    """
    import pandas as pd
    from sqlalchemy import inspect, text

    if not inspect(warehouse).has_table(CHRONICLE):
        return pd.DataFrame(columns=list(_TYPES))
    with warehouse.connect() as connection:
        query = text(f"SELECT * FROM {CHRONICLE} ORDER BY month")  # noqa: S608  (our own name)
        # SQLite keeps no NaN.
        return pd.read_sql_query(query, connection).astype(dict.fromkeys(("r2", "mae", "auc"), "float64"))


def _replace(warehouse: Engine, name: str, types: Mapping[str, str], row: Mapping[str, Any]) -> None:
    with warehouse.begin() as connection:
        create_if_missing(connection, name, types)
        replace_rows(connection, name, types, {"month": row["month"]}, [[row]])
