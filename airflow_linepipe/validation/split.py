"""SPLIT a table into the rows that are as expected and those that are not, each with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_linepipe.errors import SplitError
from airflow_linepipe.validation.conversion import as_frame, is_arrow, is_pandas, is_polars, row_count
from airflow_linepipe.validation.outcome import Outcome
from airflow_linepipe.validation.severity import Severity

if TYPE_CHECKING:
    import numpy as np

__all__ = ["REASONS", "split_rows"]

REASONS: Final = "failed_expectations"
"""The column that rejected rows have beside their own."""


def split_rows(table: Any, outcome: Outcome, *, least: Severity = "critical") -> tuple[Any, Any]:
    """The rows that are as expected, and those that are not.

    Every row is in exactly one of the two, in the table's order. What a failed expectation says of the table as a
    whole rejects no row: see `Outcome.whole_table_failures`.

    Args:
        table: The table that was validated.
        outcome: What came of it, with ``rows_of_failures``.
        least: The least severe failure that rejects a row.

    Returns:
        Two tables of the same kind. The second has one more column of text, "failed_expectations".

    Raises:
        SplitError: The outcome is another table's or does not know the rows, or the column's name is taken.
        UnsupportedTableError: It is no table of a kind that can be split.
    """
    import numpy as np

    if not outcome.rows_of_failures:
        message = "The rows cannot be split: the table was validated without rows_of_failures=True."
        raise SplitError(message)
    count = row_count(table) if is_arrow(table) or is_polars(table) or is_pandas(table) else len(as_frame(table))
    if count != outcome.rows:
        message = f"The rows cannot be split: the table has {count}, and the one that was validated has {outcome.rows}."
        raise SplitError(message)
    _check_name(table)
    reasons = np.full(count, "", dtype=object)
    counted = outcome.failures(least)
    for result in outcome.results:
        if result not in counted or not len(result.positions):
            continue
        earlier = reasons[result.positions]
        reasons[result.positions] = np.where(earlier == "", result.label, earlier + f"; {result.label}")
    rejected = reasons != ""
    return _split(table, rejected, reasons[rejected])


def _check_name(table: Any) -> None:
    names = table.schema.names if is_arrow(table) else [*table.columns]
    if REASONS in names:
        message = f"The rejected rows cannot say why: the table has a column '{REASONS}' already. Rename it."
        raise SplitError(message)


def _split(table: Any, rejected: np.ndarray, reasons: np.ndarray) -> tuple[Any, Any]:
    if is_pandas(table):
        return _split_pandas(table, rejected, reasons)
    if is_polars(table):
        import polars as pl

        column = pl.Series(REASONS, reasons.tolist(), dtype=pl.String)
        return table.filter(pl.Series(~rejected)), table.filter(pl.Series(rejected)).with_columns(column)
    import pyarrow as pa

    valid, out = table.filter(pa.array(~rejected)), table.filter(pa.array(rejected))
    return valid, out.append_column(REASONS, pa.array(reasons.tolist(), pa.string()))


def _split_pandas(table: Any, rejected: np.ndarray, reasons: np.ndarray) -> tuple[Any, Any]:
    import numpy as np
    import pandas as pd

    # Where nothing has failed, nothing is copied.
    valid = table.iloc[np.flatnonzero(~rejected)] if rejected.any() else table.iloc[:]
    out = table.iloc[np.flatnonzero(rejected)].copy()
    out.insert(len(out.columns), REASONS, pd.Series(reasons, index=out.index, dtype="str"))
    return valid, out
