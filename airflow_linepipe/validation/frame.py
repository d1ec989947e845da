"""VALIDATE a table in memory, and find the rows that fail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from airflow_linepipe.errors import ExpectationError, UnsupportedTableError
from airflow_linepipe.validation.conversion import as_frame, row_count
from airflow_linepipe.validation.outcome import ExpectationOutcome, Outcome
from airflow_linepipe.validation.quiet import quiet, temporary_project, without_fingerprint
from airflow_linepipe.validation.run import run_suite

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations import ExpectationSuite

__all__ = ["validate_frame"]

_WORD: Final = re.compile(r"[^\W\d]\w*")


def validate_frame(
    table: Any,
    suite: ExpectationSuite,
    *,
    rows_of_failures: bool = False,
    parameters: Mapping[str, Any] | None = None,
) -> Outcome:
    """Validate a table in memory.

    Args:
        table: A pandas or polars frame, or a table or a batch of records of pyarrow. It is not changed.
        suite: What is expected; see `as_suite`.
        rows_of_failures: Whether to find all rows of each failed expectation that looks at rows, for `split_rows`.
        parameters: The values of the suite's parameters, such as ``{"$PARAMETER": "least"}`` in an expectation.

    Raises:
        UnsupportedTableError: It is no such table.
        ExpectationError: The failed rows are asked for, and an expectation speaks of the frame's index.
    """
    with quiet(), without_fingerprint():
        started = perf_counter()
        frame = as_frame(table)
        _check_labels(frame)
        columns = tuple(map(str, frame.columns))
        _number_rows(frame, suite, needed=rows_of_failures)
        source = temporary_project().data_sources.add_pandas("linepipe")
        batch = source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("all")
        results: Sequence[ExpectationOutcome] = run_suite(
            batch.get_batch({"dataframe": frame}),
            suite,
            columns=columns,
            parameters=parameters,
            with_positions=rows_of_failures,
        )
        seconds = perf_counter() - started
    return Outcome(
        suite=suite.name,
        results=tuple(results),
        rows=row_count(table),
        columns=columns,
        seconds=seconds,
        rows_of_failures=rows_of_failures,
    )


def _check_labels(frame: pd.DataFrame) -> None:
    """Raise if a column has a label that no expectation can name.

    Raises:
        UnsupportedTableError: One has.
    """
    for label in frame.columns:
        if not isinstance(label, str):
            message = f"The column label {label!r} is no text, and expectations name columns by text: rename it."
            raise UnsupportedTableError(message)


def _number_rows(frame: pd.DataFrame, suite: ExpectationSuite, *, needed: bool) -> None:
    """Let the index be the rows' positions: Great Expectations tells rows by it, whatever it holds and how often.

    Raises:
        ExpectationError: They are needed, and a condition of an expectation speaks of the index that there is.
    """
    import pandas as pd

    spoken_of = _index_in_conditions(frame, suite)
    if not spoken_of:
        frame.index = pd.RangeIndex(len(frame))
    elif needed:
        message = (
            f"A row_condition speaks of the frame's index '{spoken_of}', so that its rows cannot be told apart: make "
            "it a column with reset_index()."
        )
        raise ExpectationError(message)


def _index_in_conditions(frame: pd.DataFrame, suite: ExpectationSuite) -> str:
    """The name under which a condition, written as pandas reads it, speaks of the index; "" if none does."""
    names = {str(name) for name in frame.index.names if name is not None} | {"index"}
    names = {name for name in names if name not in frame.columns}
    for expectation in suite.expectations:
        condition = getattr(expectation, "row_condition", None)
        text = str(getattr(condition, "pass_through_filter", ""))
        for word in _WORD.findall(text):
            if word in names or word.startswith("ilevel_"):
                return str(word)
    return ""
