"""What validating costs beside Great Expectations called by hand: the same frame, the same expectations, in turns."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import pandas as pd
from flights.source import find_data_folder

from airflow_linepipe.validation import as_suite, validate_frame
from benchmarks.report import Row

__all__ = ["measure"]

ROUNDS = 9
BAR = 1.1

AIRPORTS = ["EWR", "JFK", "LGA"]


def measure() -> list[Row]:
    """The promise about validating, with and without failures."""
    flights = pd.read_csv(find_data_folder() / "flights.csv.zip")
    return [
        _row(flights, _expectations(), "20 expectations that hold", failures=0),
        _row(flights, _expectations(failing=True), "20 expectations of which 3 fail", failures=3),
    ]


def _expectations(*, failing: bool = False) -> list[dict[str, Any]]:
    """Of different kinds: each value, pairs and rows, columns as a whole, the table."""
    return [
        _expect("expect_table_row_count_to_be_between", min_value=300_000, max_value=400_000),
        _expect("expect_table_column_count_to_equal", value=19),
        _expect("expect_column_to_exist", column="time_hour"),
        _expect("expect_column_values_to_not_be_null", column="flight"),
        _expect("expect_column_values_to_not_be_null", column="dep_time", mostly=1 if failing else 0.9),
        _expect("expect_column_values_to_be_in_set", column="origin", value_set=AIRPORTS[: 2 if failing else 3]),
        _expect("expect_column_values_to_be_in_set", column="month", value_set=[*range(1, 13)]),
        _expect("expect_column_values_to_be_between", column="distance", min_value=10, max_value=6000),
        _expect(
            "expect_column_values_to_be_between", column="dep_delay", min_value=-60, max_value=30 if failing else 2000
        ),
        _expect("expect_column_values_to_be_between", column="hour", min_value=0, max_value=23),
        _expect("expect_column_values_to_match_regex", column="time_hour", regex=r"^\d{4}-\d\d-\d\dT\d\d:00:00Z$"),
        _expect("expect_column_value_lengths_to_equal", column="dest", value=3),
        _expect("expect_column_value_lengths_to_be_between", column="tailnum", min_value=4, max_value=6),
        _expect("expect_column_values_to_be_of_type", column="carrier", type_="str"),
        _expect("expect_column_mean_to_be_between", column="arr_delay", min_value=-20, max_value=20),
        _expect("expect_column_stdev_to_be_between", column="air_time", min_value=1, max_value=500),
        _expect("expect_column_unique_value_count_to_be_between", column="carrier", min_value=10, max_value=20),
        _expect("expect_column_max_to_be_between", column="minute", min_value=50, max_value=59),
        _expect(
            "expect_column_pair_values_a_to_be_greater_than_b", column_A="distance", column_B="minute", or_equal=True
        ),
        _expect(
            "expect_compound_columns_to_be_unique",
            column_list=["year", "month", "day", "carrier", "flight", "origin"],
        ),
    ]


def _expect(name: str, **arguments: Any) -> dict[str, Any]:
    return {"type": name, "kwargs": arguments}


def _row(flights: pd.DataFrame, expectations: Sequence[Mapping[str, Any]], what: str, *, failures: int) -> Row:
    by_hand = _prepare_by_hand(flights, expectations)

    def ours() -> int:
        outcome = validate_frame(flights, as_suite(expectations, name="flights"))
        outcome.summary()
        return len(outcome.failures())

    assert ours() == by_hand() == failures, f"{ours()} and {by_hand()} fail"
    rounds = [(_seconds(ours), _seconds(by_hand)) for _ in range(ROUNDS)]
    mine, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
    return Row(
        name=f"the flights frame (336,776 rows), {what}, validated and summed up",
        ours=f"{mine:.2f} s",
        theirs=f"{theirs:.2f} s with batch.validate(suite)",
        ratio=mine / theirs,
        bar=BAR,
    )


def _prepare_by_hand(flights: pd.DataFrame, expectations: Sequence[Mapping[str, Any]]) -> Callable[[], int]:
    """Great Expectations as its own guide has it; only the validation itself is timed."""
    suite = as_suite(expectations, name="flights")
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("pandas").add_dataframe_asset("flights")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": flights})

    def by_hand() -> int:
        return sum(not result.success for result in batch.validate(suite).results)

    return by_hand


def _seconds(function: Callable[[], Any]) -> float:
    started = perf_counter()
    function()
    return perf_counter() - started
