"""Copies that cost nothing where nothing can leak through them."""

from __future__ import annotations

import copy
from typing import ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from airflow_linepipe.runtime.copying import private_copy


def frame():
    return pd.DataFrame(
        {
            "int": [1, 2, 3],
            "float": [1.5, np.nan, 2.5],
            "text": ["a", "b", None],
            "category": pd.Categorical(["x", "y", "x"]),
            "masked": pd.array([1, None, 3], dtype="Int64"),
            "zoned": pd.date_range("2020", periods=3, tz="Europe/Berlin"),
            "arrow": pd.array([1, 2, 3], dtype="int64[pyarrow]"),
            "period": pd.period_range("2020", periods=3, freq="D"),
        },
        index=pd.Index(["p", "q", "r"], name="key"),
    )


WRITES = {
    "a column": lambda table: table.__setitem__("int", 0),
    "a cell": lambda table: table.iloc.__setitem__((0, 1), 9.0),
    "a row": lambda table: table.__delitem__("int"),
    "the names": lambda table: setattr(table, "columns", range(len(table.columns))),
    "the index's name": lambda table: setattr(table.index, "name", "other"),
    "the attributes": lambda table: table.attrs.update(a=1),
    **{
        f"the array of {name}": lambda table, name=name: table[name].array.__setitem__(0, table[name].iloc[1])
        for name in ("category", "masked", "zoned", "arrow", "period", "text")
    },
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_what_is_written_to_a_copy_of_a_frame_does_not_reach_the_frame(write):
    """R17."""
    table = frame()
    mine = private_copy(table, "table")
    pd.testing.assert_frame_equal(mine, table)
    write(mine)
    pd.testing.assert_frame_equal(table, frame())
    assert table.index.name == "key"
    assert table.attrs == {}
    other = private_copy(table, "table")
    write(table)
    pd.testing.assert_frame_equal(other, frame())


def test_a_copy_of_a_frame_shares_its_memory_until_it_is_written_to():
    table = pd.DataFrame({"a": np.arange(10)})
    mine = private_copy(table, "table")
    assert np.shares_memory(mine["a"].to_numpy(), table["a"].to_numpy())
    mine.loc[0, "a"] = 5
    assert not np.shares_memory(mine["a"].to_numpy(), table["a"].to_numpy())
    assert not np.shares_memory(private_copy(table, "t", deep=True)["a"].to_numpy(), table["a"].to_numpy())


@pytest.mark.parametrize("dtype", ["category", "Int64", "int64"])
def test_a_series_is_a_copy_too(dtype):
    column = pd.Series([1, 2], dtype=dtype, name="a")
    mine = private_copy(column, "column")
    mine.iloc[0] = 2
    assert column.tolist() == [1, 2]
    assert mine.name == "a"


def test_a_polars_frame_is_cloned():
    table, column = pl.DataFrame({"a": [1, 2]}), pl.Series("a", [1, 2])
    mine, my_column = private_copy(table, "table"), private_copy(column, "column")
    mine[0, "a"] = 7
    my_column[0] = 7
    assert (table["a"].to_list(), column.to_list()) == ([1, 2], [1, 2])
    assert (mine["a"].to_list(), my_column.to_list()) == ([7, 2], [7, 2])


@pytest.mark.parametrize("value", [None, True, 3, 1.5, "text", b"bytes", pa.table({"a": [1]})], ids=repr)
def test_what_cannot_change_is_its_own_copy(value):
    assert private_copy(value, "v") is value


class Marked(pd.DataFrame):
    """A subclass may hold what a frame does not."""

    _metadata: ClassVar = ["notes"]

    @property
    def _constructor(self):
        return Marked


def test_a_subclass_of_a_frame_is_copied_as_linepipe_does():
    table = Marked({"a": [1]})
    mine = private_copy(table, "table")
    assert type(mine) is Marked
    assert not np.shares_memory(mine["a"].to_numpy(), table["a"].to_numpy())
    assert type(copy.deepcopy(table)) is Marked
