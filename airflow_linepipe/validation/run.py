"""One suite on one batch: a result for each of its expectations, in its order, whatever one of them does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow_linepipe.validation.outcome import ExpectationOutcome
from airflow_linepipe.validation.reading import read_error, read_result
from airflow_linepipe.validation.suite import NUMBER, numbered

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

__all__ = ["run_suite"]

# Great Expectations' own, without the text of a query for all unexpected rows: its length is theirs.
_FORMAT: Final = {"result_format": "SUMMARY", "return_unexpected_index_query": False}
_WITH_ROWS: Final = {"result_format": "COMPLETE", "return_unexpected_index_query": False}


def run_suite(
    batch: Any,
    suite: ExpectationSuite,
    *,
    columns: Sequence[str] = (),
    parameters: Mapping[str, Any] | None = None,
    with_positions: bool = False,
    isolated: bool = True,
) -> list[ExpectationOutcome]:
    """Validate a batch.

    Args:
        batch: The batch.
        suite: What is expected of it.
        columns: The columns that it has, if they are known.
        parameters: The values of the suite's parameters.
        with_positions: Whether to find the positions of all rows that fail; the batch's index are its positions.
        isolated: Whether what could not be evaluated is tried again by itself: one expectation that breaks can take
            others with it, which have nothing to do with it.

    Returns:
        A result for each expectation, in the suite's order.
    """
    copy = numbered(suite)
    options = {
        "result_format": _WITH_ROWS if with_positions else _FORMAT,
        "expectation_parameters": dict(parameters) if parameters else None,
    }
    try:
        results = batch.validate(copy, **options).results
    except Exception:  # noqa: BLE001  it runs expectations and metrics of others, and catches only some of what they raise
        results = []
    found = {
        result.expectation_config.meta[NUMBER]: read_result(result, columns=columns, with_positions=with_positions)
        for result in results
    }
    for number, expectation in enumerate(copy.expectations):
        if number in found and not (found[number].error and isolated and len(copy.expectations) > 1):
            continue
        try:
            result = batch.validate(expectation, **options)
        except Exception as error:  # noqa: BLE001  as above
            found[number] = read_error(expectation.configuration, error, columns=columns)
        else:
            found[number] = read_result(result, columns=columns, with_positions=with_positions)
    return [found[number] for number in range(len(copy.expectations))]
