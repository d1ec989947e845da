"""What the warehouse says of the model, month by month, as a table of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from delays.chronicle import find_chronicle
from flights.warehouse import count_rows

from demo.table import render_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

_HEADINGS = ("month", "rows", "version", "R²", "MAE", "AUC", "drift", "policy", "champion")


def read_months(warehouse: Engine) -> list[dict[str, Any]]:
    """Read what a warehouse says of its months.

    Returns:
        One entry per month, in their order: the ``month``, its number of ``flights``, and what the chronicle says of
        it, nothing for a month that no champion has predicted.
    """
    with warehouse.connect() as connection:
        flights = count_rows(connection)
    chronicle = {row["month"]: row for row in find_chronicle(warehouse).to_dict("records")}
    return [{"month": month, "flights": rows, **chronicle.get(month, {})} for month, rows in flights.items()]


def render_model(months: Sequence[dict[str, Any]]) -> str:
    """Return the table; see `read_months`."""
    rows = [
        [
            entry["month"],
            f"{entry['flights']:,}",
            *(
                [
                    str(entry["version"]),
                    f"{entry['r2']:.4f}",
                    f"{entry['mae']:.2f}",
                    f"{entry['auc']:.4f}",
                    entry["drift"],
                    entry["policy"],
                    str(entry["champion"]),
                ]
                if "policy" in entry
                else ["", "", "", "", "", "", ""]
            ),
        ]
        for entry in months
    ]
    right = ["rows", "version", "R²", "MAE", "AUC", "champion"]
    return render_table("The model, month by month", _HEADINGS, rows, right=right)
