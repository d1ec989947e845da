"""A reader that needs some columns of a table only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from fingerprint import fingerprint

from airflow_linepipe.errors import SettingError, UnknownColumnError
from airflow_linepipe.handoff import Exchange

FRAME = pd.DataFrame(
    {
        "carrier": ["UA", None, "B6"],
        "delay": [1.5, np.nan, -3],
        "late": pd.Categorical(["yes", "no", None]),
        "note": pd.Series(["x", None, "y"], dtype=object),
        "at": pd.date_range("2013", periods=3, tz="Europe/Berlin"),
        "n": [1, 2, 3],
    }
)
FRAME.attrs["unit"] = "min"

TABLES = {
    "a range as index": (FRAME, ["delay", "carrier"]),
    "one column": (FRAME, ["note"]),
    "all, in another order": (FRAME, list(FRAME)[::-1]),
    "an index of its own": (FRAME.set_index("at"), ["n", "note"]),
    "several levels": (FRAME.set_index(["carrier", "n"]), ["late"]),
    "numbers as labels": (pd.DataFrame(np.arange(12.0).reshape(3, 4)), [3, 0, 1]),
    "labels in levels": (
        pd.DataFrame(np.ones((2, 2)), columns=pd.MultiIndex.from_product([["a"], ["x", "y"]])),
        [("a", "y")],
    ),
    "labels of several kinds in levels": (
        pd.DataFrame(np.ones((2, 4)), columns=pd.MultiIndex.from_product([["a", "b"], [1, 2]])),
        [("b", 2), ("a", 1)],
    ),
    "no rows": (FRAME[["delay", "n"]][:0], ["n"]),
    "what only pickle carries": (FRAME.assign(mixed=[1, "x", None]), ["mixed", "n"]),
}


@pytest.fixture(params=["none", "zstd", "lz4"])
def exchange(request, tmp_path):
    return Exchange(f"file://{tmp_path}", compression=request.param)


@pytest.mark.parametrize(("value", "columns"), TABLES.values(), ids=TABLES.keys())
def test_a_frame_is_read_as_if_its_reader_had_chosen_the_columns(value, columns, exchange, producer):
    reference = exchange.put(value, name="x", producer=producer)
    assert fingerprint(exchange.get(reference, columns=columns)) == fingerprint(value[columns])
    assert fingerprint(exchange.get(reference)) == fingerprint(value)


def test_other_tables_have_columns_too(exchange, producer):
    table = pa.table({"a": [1], "b": ["x"], "c": [None]})
    back = exchange.get(exchange.put(table, name="x", producer=producer), columns=["c", "a"])
    assert back.equals(table.select(["c", "a"]))
    frame = pl.DataFrame({"a": [1], "b": ["x"], "c": [1.5]})
    assert exchange.get(exchange.put(frame, name="x", producer=producer), columns=["b"]).equals(frame[["b"]])


@pytest.mark.parametrize("value", [FRAME, FRAME.assign(mixed=[1, "x", None])], ids=["arrow", "pickle"])
def test_a_column_that_is_not_there_is_named_with_those_that_are(value, exchange, producer):
    reference = exchange.put(value, name="flights", producer=producer)
    with pytest.raises(UnknownColumnError, match="'flights' at .* has no column 'dela': it has carrier, delay, late, "):
        exchange.get(reference, columns=["delay", "dela"])


def test_the_index_is_no_column(exchange, producer):
    reference = exchange.put(FRAME.set_index("at"), name="x", producer=producer)
    with pytest.raises(UnknownColumnError, match="has no column 'at': it has carrier, delay"):
        exchange.get(reference, columns=["at"])


@pytest.mark.parametrize("value", [np.ones((3, 3)), {"a": [1]}, FRAME["n"]], ids=["array", "dict", "series"])
def test_what_is_no_table_has_no_columns(value, exchange, producer):
    reference = exchange.put(value, name="x", producer=producer)
    with pytest.raises(UnknownColumnError, match=r"'x' is a [\w.]+, which has no columns to choose from.*task "):
        exchange.get(reference, columns=["a"])


def test_only_these_columns_are_unpacked(tmp_path, producer):
    exchange = Exchange(f"file://{tmp_path}", compression="zstd")
    table = pa.table({name: np.zeros(200_000) for name in "abcdefgh"})
    reference = exchange.put(table, name="x", producer=producer)
    assert reference.nbytes < table.nbytes / 10
    before = pa.total_allocated_bytes()
    back = exchange.get(reference, columns=["c"])
    assert pa.total_allocated_bytes() - before <= 1.1 * table.nbytes / 8
    assert back.num_rows == 200_000


# --- compression ----------------------------------------------------------------------------------------------------


def test_a_table_is_compressed_where_bytes_travel_and_not_on_a_local_disk(tmp_path, producer):
    frame = pd.DataFrame({"a": np.zeros(100_000), "b": ["text"] * 100_000})
    sizes = {
        storage: Exchange(storage).put(frame, name="x", producer=producer).nbytes
        for storage in (f"file://{tmp_path}", "memory://bucket")
    }
    assert sizes["memory://bucket"] < 0.2 * sizes[f"file://{tmp_path}"]


@pytest.mark.parametrize(
    "value", [FRAME, FRAME["delay"], np.zeros(9), {"a": FRAME}], ids=["frame", "series", "array", "dict"]
)
def test_what_is_compressed_comes_back_as_it_was_and_may_be_changed(value, producer):
    exchange = Exchange("memory://bucket", compression="lz4")
    many = pd.concat([value] * 500) if isinstance(value, pd.DataFrame) else value
    for each in (value, many):
        back = exchange.get(exchange.put(each, name="x", producer=producer))
        assert fingerprint(back) == fingerprint(each)
        if isinstance(back, pd.DataFrame):
            back.iloc[0] = back.iloc[-1]
            for position in range(back.shape[1]):
                back.iloc[:, position].array[0] = back.iloc[:, position].array[1]


def test_what_would_hardly_become_smaller_is_not_compressed(producer):
    exchange = Exchange("memory://bucket", compression="zstd")
    noise = pa.table({"a": np.random.default_rng(0).standard_normal(50_000)})
    reference = exchange.put(noise, name="x", producer=producer)
    assert noise.nbytes < reference.nbytes < noise.nbytes * 1.01
    assert exchange.get(reference).equals(noise)


def test_the_index_of_a_frame_is_a_column_of_a_table(exchange, producer):
    table = pa.Table.from_pandas(FRAME.set_index("carrier"))
    reference = exchange.put(table, name="x", producer=producer)
    assert exchange.get(reference, columns=["carrier"]).column_names == ["carrier"]
    assert exchange.get(reference, columns=["n"]).column_names == ["n"]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [("delay", "columns='delay': give a list"), (["n", "n"], "one of them stands there twice"), ({"n"}, "give a list")],
    ids=str,
)
def test_columns_that_are_no_choice_are_refused(columns, sentence, exchange, producer):
    reference = exchange.put(FRAME, name="x", producer=producer)
    with pytest.raises(SettingError, match=sentence):
        exchange.get(reference, columns=columns)


def test_of_two_columns_of_one_name_none_can_be_chosen(exchange, producer):
    table = pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "a", "b"])
    reference = exchange.put(table, name="x", producer=producer)
    assert exchange.get(reference, columns=["b"]).column_names == ["b"]
    with pytest.raises(UnknownColumnError, match="no column 'a': it has b"):
        exchange.get(reference, columns=["a"])
