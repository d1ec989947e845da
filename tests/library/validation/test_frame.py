"""Tables in memory: what is found, of whatever kind and with whatever index they are."""

from __future__ import annotations

import json
import math
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from airflow_linepipe.errors import ExpectationError, UnsupportedTableError
from airflow_linepipe.validation import as_suite, validate_frame

KINDS = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "record batch": lambda frame: pa.RecordBatch.from_pandas(frame, preserve_index=False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_table_has_the_same_outcome(flights, expect, validated, kind):
    outcome = validated(
        KINDS[kind](flights),
        expect("column_values_to_not_be_null", column="origin"),
        expect("column_values_to_be_between", column="delay", min_value=-60, max_value=300),
        expect("column_values_to_be_unique", column="number"),
        expect("column_mean_to_be_between", column="delay", min_value=0, max_value=10),
        expect("table_row_count_to_equal", value=5),
        rows_of_failures=True,
    )
    nulls, between, unique, mean, rows = outcome.results
    assert (outcome.rows, outcome.columns) == (5, ("origin", "delay", "number"))
    assert [result.success for result in outcome.results] == [False, False, False, False, True]
    assert (nulls.unexpected_count, nulls.checked, nulls.unexpected_percent) == (1, 5, 20.0)
    assert (between.unexpected_count, between.checked, between.samples) == (1, 4, (400.0,))
    assert unique.samples == (4,)
    assert mean.observed == pytest.approx(99.875)
    assert rows.observed == 5
    assert [[*result.positions] for result in outcome.results] == [[2], [3], [3, 4], [], []]


def test_results_keep_the_order_of_the_suite(flights, expect, validated):
    asked = [
        expect("column_mean_to_be_between", column="origin", max_value=1),
        expect("column_to_exist", column="delay"),
        expect("column_values_to_not_be_null", column="number"),
        expect("column_values_to_not_be_null", column="nowhere"),
        expect("column_to_exist", column="number"),
        expect("column_values_to_not_be_null", column="number"),
    ]
    found = validated(flights, *asked).results
    assert [(result.type, result.columns) for result in found] == [
        (item["type"], (item["kwargs"]["column"],)) for item in asked
    ]


def test_an_expectation_that_cannot_be_evaluated_is_an_error_and_no_failure_of_data(flights, expect, validated):
    outcome = validated(
        flights,
        expect("column_values_to_not_be_null", column="orgin", severity="info"),
        expect("column_values_to_be_unique", column="x"),
        expect("column_mean_to_be_between", column="origin", max_value=1),
        expect("column_values_to_not_be_null", column="number"),
    )
    close, far, text, fine = outcome.results
    assert outcome.errors == (close, far, text)
    assert close.error == "there is no column 'orgin'; did you mean 'origin'?"
    assert far.error == "there is no column 'x'; the data has 'origin', 'delay', 'number'."
    assert text.error.startswith("could not be evaluated: ")
    assert "Traceback" not in outcome.describe(least="info")
    assert "Traceback" in json.dumps(outcome.to_dict())
    assert fine.success
    assert (close.severity, close.success, close.unexpected_count) == ("info", False, 0)


def test_a_column_that_must_exist_and_does_not_is_a_failure_of_data(flights, expect, validated):
    outcome = validated(flights, expect("column_to_exist", column="nowhere"))
    assert not outcome.success
    assert not outcome.errors


def test_one_expectation_that_breaks_takes_no_other_with_it(flights, expect, validated, monkeypatch):
    from great_expectations.execution_engine import PandasExecutionEngine

    def break_some(self, metrics_to_resolve, **options):
        if any("mean" in metric.metric_name for metric in metrics_to_resolve):
            raise MemoryError  # as a metric of somebody else may
        return intact(self, metrics_to_resolve, **options)

    intact = PandasExecutionEngine.resolve_metrics
    monkeypatch.setattr(PandasExecutionEngine, "resolve_metrics", break_some)
    outcome = validated(
        flights,
        expect("column_mean_to_be_between", column="delay", max_value=1),
        expect("column_values_to_not_be_null", column="number"),
        expect("column_max_to_be_between", column="number", max_value=1),
    )
    assert [bool(result.error) for result in outcome.results] == [True, False, False]
    assert [result.success for result in outcome.results] == [False, True, False]


def test_a_frame_without_rows_is_as_expected_where_rows_are(expect, validated):
    """GX's own sense of it: nothing is wrong with any of no rows; the summary says that there are none."""
    outcome = validated(
        pd.DataFrame({"a": pd.Series([], dtype="float64"), "b": pd.Series([], dtype="str")}),
        expect("column_values_to_not_be_null", column="a"),
        expect("column_values_to_be_unique", column="b"),
        expect("compound_columns_to_be_unique", column_list=["a", "b"]),
        expect("column_mean_to_be_between", column="a", min_value=0),
        expect("table_row_count_to_be_between", min_value=1),
        rows_of_failures=True,
    )
    assert [result.success for result in outcome.results] == [True, True, True, False, False]
    assert outcome.rows == outcome.summary()["rows"] == 0
    assert "nothing was observed" in outcome.results[3].message
    json.dumps(outcome.to_dict(), allow_nan=False)


def test_a_frame_without_columns_is_named_in_the_error(expect, validated):
    outcome = validated(pd.DataFrame(index=range(3)), expect("column_values_to_not_be_null", column="a"))
    assert outcome.rows == 3
    assert "there is no column 'a'" in outcome.results[0].error


INDEXES = {
    "repeated labels": [7, 7, 7, 8, 8],
    "a named index": pd.Index(list("abcde"), name="letter"),
    "named as a column": pd.Index([5, 4, 3, 2, 1], name="number"),
    "several levels": pd.MultiIndex.from_tuples([(1, "a"), (1, "a"), (2, "b"), (2, None), (3, "c")], names=["x", None]),
    "missing labels": [1.0, math.nan, math.nan, None, 2.0],
    "times": pd.date_range("2013-01-01", periods=5, freq="D", tz="UTC", name="day"),
    "intervals": pd.interval_range(0, 5),
    "categories": pd.CategoricalIndex(["a", "b", "a", "b", "a"]),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_the_rows_are_found_whatever_the_index(flights, expect, validated, index):
    indexed = flights.set_axis(index, axis="index")
    before = indexed.copy(deep=True)
    outcome = validated(
        indexed,
        expect("column_values_to_be_in_set", column="origin", value_set=["JFK", "LGA"]),
        expect(
            "column_values_to_be_between",
            column="delay",
            max_value=2,
            row_condition="number > 2",
            condition_parser="pandas",
        ),
        expect("column_pair_values_a_to_be_greater_than_b", column_A="number", column_B="delay"),
        expect("multicolumn_sum_to_equal", column_list=["number", "delay"], sum_total=-1),
        rows_of_failures=True,
    )
    assert not outcome.errors
    assert [[*result.positions] for result in outcome.results] == [[3], [2, 3], [0, 1, 2, 3], [0, 1, 2, 3]]
    pd.testing.assert_frame_equal(indexed, before)
    assert indexed.index.equals(before.index)


def test_a_condition_that_speaks_of_the_index_sees_the_frame_s_own(flights, expect, validated):
    indexed = flights.set_axis(pd.Index(list("abcde"), name="letter"), axis="index")
    condition = {"row_condition": "letter == 'd'", "condition_parser": "pandas"}
    asked = expect("column_values_to_be_in_set", column="origin", value_set=["JFK"], **condition)
    assert validated(indexed, asked).results[0].samples == ("XXX",)
    with pytest.raises(ExpectationError, match=r"index 'letter'.*reset_index\(\)"):
        validated(indexed, asked, rows_of_failures=True)


def test_mostly_rejects_no_rows(flights, expect, validated):
    """What may be missing now and then is as expected."""
    outcome = validated(
        flights,
        expect("column_values_to_not_be_null", column="origin", mostly=0.8),
        expect("column_values_to_not_be_null", column="delay", mostly=0.9),
        rows_of_failures=True,
    )
    assert [result.success for result in outcome.results] == [True, False]
    assert [[*result.positions] for result in outcome.results] == [[], [1]]


def test_large_integers_with_gaps_stay_what_they_are(expect, validated):
    """As floats, 2**53 + 1 would be 2**53."""
    table = pa.table({"id": [2**53 + 1, None, 2**53], "flag": [True, None, False]})
    for kind in (table, pl.from_arrow(table)):
        outcome = validated(
            kind,
            expect("column_values_to_be_in_set", column="id", value_set=[2**53 + 1]),
            expect("column_values_to_be_in_set", column="flag", value_set=[True]),
            rows_of_failures=True,
        )
        assert not outcome.errors
        assert [[*result.positions] for result in outcome.results] == [[2], [2]]


def test_an_arrow_table_s_columns_are_all_columns(expect, validated):
    """Those that pandas would make its index again as well."""
    table = pa.Table.from_pandas(pd.DataFrame({"a": [1]}, index=pd.Index(["x"], name="key")))
    assert validated(table, expect("column_values_to_be_in_set", column="key", value_set=["x"])).success


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([1, 2], "A builtins.list cannot be validated: give a pandas DataFrame"),
        (pd.Series([1]), "Series cannot be validated"),
        (pl.LazyFrame({"a": [1]}), r"Call collect\(\) on it first"),
        (pl.DataFrame({"a": [object()]}), "'a' holds Python objects"),
    ],
    ids=["list", "series", "lazy", "objects"],
)
def test_what_is_no_table_is_named(expect, validated, table, said):
    with pytest.raises(UnsupportedTableError, match=said):
        validated(table, expect("column_to_exist", column="a"))


def test_parameters_are_filled_in(flights, expect, validated):
    asked = expect("column_max_to_be_between", column="number", max_value={"$PARAMETER": "most"})
    assert not validated(flights, asked, parameters={"most": 3}).success
    assert validated(flights, asked, parameters={"most": 4}).success
    assert "could not be evaluated" in validated(flights, asked).results[0].error


def test_a_suite_serves_again_and_knows_nothing_of_it(flights, expect):
    suite = as_suite([expect("column_values_to_not_be_null", column="origin")], name="again")
    before = suite.to_json_dict()
    first, second = (validate_frame(flights, suite, rows_of_failures=rows) for rows in (True, False))
    assert suite.to_json_dict() == before
    assert first.results[0].meta == second.results[0].meta == {}
    assert [*first.results[0].positions] == [2]
    assert not len(second.results[0].positions)


def test_warnings_of_gx_reach_nobody(flights, expect, validated):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        validated(flights, expect("column_max_to_be_between", column="number", row_condition="number>1", max_value=9))
    assert not caught


def test_values_of_any_kind_make_a_result_that_is_json(expect, validated):
    from datetime import date, timedelta
    from decimal import Decimal
    from uuid import UUID

    odd = pd.DataFrame(
        {
            "value": pd.Series(
                [
                    *(Decimal("1.10"), date(2013, 1, 1), timedelta(days=1), UUID(int=1), b"\xff", 2**70, math.inf),
                    *("\ud800", np.datetime64("2013-01-01"), np.float32(1.5), (1, 2), frozenset({1}), "\0"),
                ],
                dtype=object,
            ),
            "number": [math.inf, -math.inf, *map(float, range(11))],
            "when": pd.date_range("2013-01-01", periods=13),
        }
    )
    outcome = validated(
        odd,
        expect("column_values_to_be_null", column="value"),
        expect("column_values_to_be_null", column="number"),
        expect("column_values_to_be_null", column="when"),
        expect("column_mean_to_be_between", column="number", max_value=0),
        expect("column_max_to_be_between", column="number", max_value=0),
        rows_of_failures=True,
    )
    for plain in (outcome.summary(), outcome.to_dict()):
        text = json.dumps(plain, allow_nan=False, ensure_ascii=False)
        assert json.loads(text.encode()) == plain
    assert "inf" in outcome.results[1].samples
    assert outcome.results[2].samples[0].startswith("2013-01-01")
