"""The rows that are as expected and those that are not: every row in exactly one of the two, with its reasons."""

from __future__ import annotations

import math
import random
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_linepipe.errors import SettingError, SplitError, UnsupportedTableError
from airflow_linepipe.validation import as_suite, split_rows, validate_frame

NULL = "expect_column_values_to_not_be_null(a)"
BETWEEN = "expect_column_values_to_be_between(b)"
UNIQUE = "expect_column_values_to_be_unique(a)"
GREATER = "expect_column_pair_values_a_to_be_greater_than_b(a, b)"
SUITE = [
    {"type": NULL.partition("(")[0], "kwargs": {"column": "a"}},
    {
        "type": BETWEEN.partition("(")[0],
        "kwargs": {
            "column": "b",
            "min_value": 0,
            "max_value": 2,
            "row_condition": "c == 'x'",
            "condition_parser": "pandas",
        },
    },
    {"type": UNIQUE.partition("(")[0], "kwargs": {"column": "a", "mostly": 0.5}},
    {
        "type": GREATER.partition("(")[0],
        "kwargs": {"column_A": "a", "column_B": "b", "ignore_row_if": "either_value_is_missing"},
        "severity": "warning",
    },
]

NUMBER = st.one_of(st.none(), st.integers(-1, 4).map(float))
ROW = st.tuples(NUMBER, NUMBER, st.sampled_from(["x", "y"]))
LABEL = st.one_of(st.integers(0, 2), st.text("ab", max_size=1), st.none(), st.just(math.nan), st.dates())


@st.composite
def frames(draw):
    """A small frame with any index: labels may repeat, be missing, stand in two levels, or have a column's name."""
    rows = draw(st.lists(ROW, max_size=8))
    columns = dict(zip("abc", zip(*rows, strict=True), strict=True)) if rows else {name: [] for name in "abc"}
    frame = pd.DataFrame(
        {
            "a": pd.Series([*columns["a"]], dtype="float64"),
            "b": pd.Series([*columns["b"]], dtype="float64"),
            "c": pd.Series([*columns["c"]], dtype="str"),
        }
    )
    labels = [draw(LABEL) for _ in rows]
    name = draw(st.sampled_from([None, "a", "key", "index", 3]))
    kind = draw(st.sampled_from(["range", "labels", "levels"]))
    if kind == "labels":
        frame.index = pd.Index(labels, dtype=object, name=name)
    elif kind == "levels" and rows:
        frame.index = pd.MultiIndex.from_arrays([labels, [draw(LABEL) for _ in rows]], names=[name, None])
    return frame


def _reasons(rows, *, least):
    """What each row is rejected for, in plain Python."""
    rows = [tuple(None if value != value else value for value in row) for row in rows]
    counts = {a: sum(row[0] == a for row in rows) for a, _, _ in rows}
    present = [row for row in rows if row[0] is not None]
    repeated = [row for row in present if counts[row[0]] > 1]
    unique_fails = bool(present) and (len(present) - len(repeated)) / len(present) < 0.5
    for a, b, c in rows:
        reasons = []
        if a is None:
            reasons.append(NULL)
        if c == "x" and b is not None and not 0 <= b <= 2:
            reasons.append(BETWEEN)
        if unique_fails and a is not None and counts[a] > 1:
            reasons.append(UNIQUE)
        if least != "critical" and a is not None and b is not None and not a > b:
            reasons.append(GREATER)
        yield "; ".join(reasons)


@given(frames(), st.sampled_from(["critical", "warning", "info"]))
@settings(max_examples=60)
def test_every_row_of_any_frame_is_in_exactly_one_of_the_two(frame, least):
    """The oracle is plain Python."""
    outcome = validate_frame(frame, as_suite(SUITE, name="any"), rows_of_failures=True)
    assert not outcome.errors
    valid, rejected = split_rows(frame, outcome, least=least)
    reasons = [*_reasons(frame.itertuples(index=False, name=None), least=least)]
    assert rejected["failed_expectations"].tolist() == [reason for reason in reasons if reason]
    kept = np.array([not reason for reason in reasons], dtype=bool)
    pd.testing.assert_frame_equal(valid, frame[kept], check_index_type=False)
    pd.testing.assert_frame_equal(rejected.drop(columns="failed_expectations"), frame[~kept], check_index_type=False)


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "a": [1.0, None, 3.0, 3.0],
            "b": pd.Categorical(["x", "y", None, "x"]),
            "c": pd.date_range("2013-01-01", periods=4, tz="UTC"),
            "d": pd.array([1, None, 3, 4], dtype="Int64"),
        },
        index=pd.Index([5, 5, 6, 7], name="key"),
    )


def test_a_frame_s_index_dtypes_and_columns_are_kept(table, expect, validated):
    outcome = validated(table, expect("column_values_to_not_be_null", column="a"), rows_of_failures=True)
    valid, rejected = split_rows(table, outcome)
    pd.testing.assert_frame_equal(valid, table.iloc[[0, 2, 3]])
    pd.testing.assert_frame_equal(rejected[["a", "b", "c", "d"]], table.iloc[[1]])
    assert [*rejected.columns] == ["a", "b", "c", "d", "failed_expectations"]
    assert rejected["failed_expectations"].tolist() == ["expect_column_values_to_not_be_null(a)"]
    assert "failed_expectations" not in table.columns


def test_a_row_that_fails_twice_says_both(table, expect, validated):
    outcome = validated(
        table,
        expect("column_values_to_be_unique", column="a"),
        expect("column_values_to_be_between", column="d", max_value=3),
        rows_of_failures=True,
    )
    _, rejected = split_rows(table, outcome)
    assert rejected["failed_expectations"].tolist() == [
        "expect_column_values_to_be_unique(a)",
        "expect_column_values_to_be_unique(a); expect_column_values_to_be_between(d)",
    ]


def test_where_nothing_fails_all_rows_are_valid_and_rejected_has_the_columns(expect, validated):
    table = pd.DataFrame({"a": [1, 2]})
    outcome = validated(table, expect("column_to_exist", column="a"), rows_of_failures=True)
    valid, rejected = split_rows(table, outcome)
    pd.testing.assert_frame_equal(valid, table, check_index_type="exact")
    assert isinstance(valid.index, pd.RangeIndex)
    assert np.shares_memory(valid["a"].to_numpy(), table["a"].to_numpy())
    assert (len(rejected), [*rejected.columns]) == (0, ["a", "failed_expectations"])
    assert str(rejected["failed_expectations"].dtype) == "str"


@pytest.mark.parametrize("kind", ["polars", "arrow", "chunks", "batch"])
def test_other_tables_are_split_into_tables_of_their_kind(table, expect, validated, kind):
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    given = {
        "polars": pl.from_arrow(arrow),
        "arrow": arrow,
        "chunks": pa.concat_tables([arrow.slice(0, 1), arrow.slice(1)]),
        "batch": arrow.combine_chunks().to_batches()[0],
    }[kind]
    outcome = validated(given, expect("column_values_to_not_be_null", column="a"), rows_of_failures=True)
    valid, rejected = split_rows(given, outcome)
    assert type(valid) is type(rejected) is type(given)
    names = ["a", "b", "c", "d"]
    if kind == "polars":
        assert valid.equals(given[[0, 2, 3]])
        assert rejected.select(names).equals(given[[1]])
        assert rejected["failed_expectations"].to_list() == ["expect_column_values_to_not_be_null(a)"]
    else:
        assert valid.schema.equals(given.schema)
        assert valid.to_pylist() == given.take([0, 2, 3]).to_pylist()
        assert rejected.select(names).to_pylist() == given.take([1]).to_pylist()
        assert rejected.column("failed_expectations").to_pylist() == ["expect_column_values_to_not_be_null(a)"]


def test_what_speaks_of_the_table_as_a_whole_rejects_no_row(table, expect, validated):
    outcome = validated(
        table,
        expect("column_values_to_not_be_null", column="a"),
        expect("column_mean_to_be_between", column="a", max_value=0),
        expect("column_values_to_be_of_type", column="a", type_="int64"),
        expect("column_values_to_not_be_null", column="missing"),
        expect("table_row_count_to_equal", value=9, severity="info"),
        rows_of_failures=True,
    )
    whole = outcome.whole_table_failures()
    assert [result.label for result in whole] == [
        "expect_column_values_to_not_be_null(missing)",
        "expect_column_mean_to_be_between(a)",
        "expect_column_values_to_be_of_type(a)",
    ]
    assert len(outcome.whole_table_failures("info")) == 4
    valid, rejected = split_rows(table, outcome)
    assert (len(valid), len(rejected)) == (3, 1)


def test_failures_that_do_not_count_reject_no_row(table, expect, validated):
    outcome = validated(
        table, expect("column_values_to_not_be_null", column="a", severity="warning"), rows_of_failures=True
    )
    assert [len(part) for part in split_rows(table, outcome)] == [4, 0]
    assert [len(part) for part in split_rows(table, outcome, least="warning")] == [3, 1]
    with pytest.raises(SettingError, match="severity='all'"):
        split_rows(table, outcome, least="all")


def test_a_table_that_cannot_be_split_says_why(table, expect, validated):
    asked = expect("column_values_to_not_be_null", column="a")
    with pytest.raises(SplitError, match="rows_of_failures=True"):
        split_rows(table, validated(table, asked))
    outcome = validated(table, asked, rows_of_failures=True)
    with pytest.raises(SplitError, match="the table has 3, and the one that was validated has 4"):
        split_rows(table.iloc[:3], outcome)
    with pytest.raises(UnsupportedTableError, match="list cannot be validated"):
        split_rows([1, 2, 3, 4], outcome)
    taken = table.assign(failed_expectations="")
    for kind in (taken, pl.from_pandas(taken), pa.Table.from_pandas(taken)):
        with pytest.raises(SplitError, match="has a column 'failed_expectations' already"):
            split_rows(kind, validated(kind, asked, rows_of_failures=True))


def test_many_failed_rows_are_split_too(expect, validated):
    random.seed(0)
    values = [random.choice([None, "a", "bb"]) for _ in range(50_000)]
    table = pd.DataFrame({"a": values})
    outcome = validated(
        table,
        expect("column_values_to_not_be_null", column="a"),
        expect("column_values_to_match_regex", column="a", regex="^.$"),
        rows_of_failures=True,
    )
    valid, rejected = split_rows(table, outcome)
    assert [*valid["a"]] == [value for value in values if value == "a"]
    assert len(rejected) == sum(value != "a" for value in values)
    assert all(re.fullmatch(r"expect_\w+\(a\)", reason) for reason in set(rejected["failed_expectations"]))
