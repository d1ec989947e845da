"""pyarrow's own tables, and what a reference says about any table."""

from __future__ import annotations

import decimal
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def dictionary(values, indices=None):
    indices = range(len(values)) if indices is None else indices
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int8()), pa.array(values))


UNION = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["x", "y"])])

TABLES = {
    "numbers and text": pa.table({"a": [1, None], "b": ["x", None], "c": [1.5, float("inf")]}),
    "no columns": pa.table({}),
    "no columns, two rows": pa.table({"a": [1, 2]}).select([]),
    "no rows": pa.table({"a": [1], "b": ["x"]}).slice(0, 0),
    "no rows, dictionary": pa.table({"a": dictionary(["x"])}).slice(0, 0),
    "several chunks": pa.table({"a": pa.chunked_array([[1], [], [2, 3]]), "b": pa.chunked_array([["x", "y"], ["z"]])}),
    "a slice": pa.table({"a": list(range(10)), "b": [str(number) for number in range(10)]}).slice(3, 2),
    "schema metadata": pa.table({"a": [1]}).replace_schema_metadata({"unit": "m", b"\xff": b"\x00"}),
    "field metadata, not nullable": pa.table(
        {"a": [1]}, schema=pa.schema([pa.field("a", pa.int8(), nullable=False, metadata={"unit": "m"})])
    ),
    "two columns of one name": pa.Table.from_arrays([[1], [2]], names=["a", "a"]),
    "dictionary": pa.table({"a": dictionary(["y", "x"], [1, None, 0])}),
    "dictionary of one kind in every chunk": pa.table({"a": pa.chunked_array([dictionary(["x"]), dictionary(["x"])])}),
    "views": pa.table({"a": pa.array(["x" * 20], pa.string_view()), "b": pa.array([b"x"], pa.binary_view())}),
    "run ends": pa.table({"a": pa.RunEndEncodedArray.from_arrays([2, 3], ["x", "y"])}),
    "union": pa.table({"a": UNION}),
    "map": pa.table({"a": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64()))}),
    "nested": pa.table({"a": [[{"x": [1]}], None]}),
    "uuid": pa.table({"a": pa.array([b"0" * 16], pa.uuid())}),
    "half floats": pa.table({"a": pa.array([np.float16(1.5)], pa.float16())}),
    "decimals": pa.table({"a": pa.array([decimal.Decimal("1.1")], pa.decimal256(50, 3))}),
    "zones": pa.table({"a": pa.array([0], pa.timestamp("ns", "Europe/Berlin")), "b": pa.array([0], pa.date64())}),
    "written by pandas": pa.Table.from_pandas(pd.DataFrame({"a": [1]}, index=["x"])),
}


@pytest.mark.parametrize("value", TABLES.values(), ids=TABLES.keys())
def test_a_table_comes_back_as_it_was(value, travel):
    trip = travel(value)
    assert (trip.reference.codec, trip.reference.type) == ("arrow", "pyarrow.Table")
    assert type(trip.value) is pa.Table
    assert trip.value.equals(value, check_metadata=True)
    assert trip.value.num_rows == value.num_rows
    trip.value.validate(full=True)


@pytest.mark.parametrize("value", TABLES.values(), ids=TABLES.keys())
def test_a_record_batch_comes_back_as_it_was(value, travel):
    batches = value.combine_chunks().to_batches()
    for batch in (*batches, *(one.slice(0, 0) for one in batches)):
        trip = travel(batch)
        assert (trip.reference.codec, trip.reference.type) == ("arrow", "pyarrow.RecordBatch")
        assert type(trip.value) is pa.RecordBatch
        assert trip.value.equals(batch, check_metadata=True)


@pytest.mark.parametrize(
    "chunks",
    [
        [dictionary(["x", "y"]), dictionary(["z"])],
        [dictionary(["x"], [None, 0]), dictionary(["y", "x"], [1, 0])],
        [pa.ListArray.from_arrays([0, 1], dictionary(["x"])), pa.ListArray.from_arrays([0, 1], dictionary(["y"]))],
    ],
    ids=["other values", "other order", "nested"],
)
def test_chunks_with_dictionaries_of_their_own_share_one_afterwards(chunks, travel):
    value = pa.table({"a": pa.chunked_array(chunks)})
    trip = travel(value)
    assert trip.reference.codec == "arrow"
    assert trip.value.schema == value.schema
    assert trip.value.to_pylist() == value.to_pylist()


def test_dictionaries_that_do_not_fit_into_one_are_pickled(travel):
    chunks = [dictionary([str(number) for number in range(start, start + 100)]) for start in (0, 100)]
    value = pa.table({"a": pa.chunked_array(chunks)})
    trip = travel(value)
    assert trip.reference.codec == "pickle"
    assert trip.value.equals(value)


rows = st.lists(
    st.fixed_dictionaries(
        {
            "n": st.none() | st.integers(-(2**63), 2**63 - 1),
            "t": st.none() | st.text(),
            "l": st.none() | st.lists(st.booleans() | st.none(), max_size=3),
            "s": st.none() | st.fixed_dictionaries({"x": st.none() | st.binary()}),
        }
    ),
    max_size=5,
)
SCHEMA = pa.schema(
    [
        ("n", pa.int64()),
        ("t", pa.string()),
        ("l", pa.list_(pa.bool_())),
        ("s", pa.struct([("x", pa.binary())])),
    ]
)


@settings(max_examples=40)
@given(chunks=st.lists(rows, max_size=3))
def test_any_table_comes_back_as_it_was(chunks, travel):
    value = pa.concat_tables([SCHEMA.empty_table(), *(pa.Table.from_pylist(chunk, SCHEMA) for chunk in chunks)])
    assert travel(value).value.equals(value, check_metadata=True)


@pytest.mark.parametrize(
    "value", [pa.array([1, None]), pa.chunked_array([["x"], []], pa.string())], ids=["array", "chunked"]
)
def test_an_array_of_arrows_is_no_table_and_comes_back_all_the_same(value, travel):
    trip = travel(value)
    assert trip.reference.codec == "pickle"
    assert trip.value.equals(value)


def test_a_table_on_a_local_disk_is_mapped_and_not_loaded(exchange, producer):
    value = pa.table({"a": np.arange(1_000_000)})
    reference = exchange.put(value, name="x", producer=producer)
    before = pa.total_allocated_bytes()
    back = exchange.get(reference)
    assert pa.total_allocated_bytes() - before < value.nbytes // 10
    assert back.equals(value)


SUMMARIES = {
    "frame": (
        pd.DataFrame({"carrier": ["UA"], "late": [True], 5: [1.5]}).rename(columns={5: "5"}),
        {"rows": 1, "columns": {"carrier": "str", "late": "bool", "5": "float64"}},
    ),
    "frame with other labels": (pd.DataFrame([[1, 2]]), {"rows": 1, "columns": {"0": "int64", "1": "int64"}}),
    "frame with labels in levels": (
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])),
        {"rows": 1, "columns": {"('a', 'x')": "int64", "('a', 'y')": "int64"}},
    ),
    "frame with a column called dtypes": (
        pd.DataFrame({"dtypes": [1], "columns": [2]}),
        {"rows": 1, "columns": {"dtypes": "int64", "columns": "int64"}},
    ),
    "series": (pd.Series([1.5], name="delay"), {"rows": 1, "columns": {"delay": "float64"}}),
    "series without a name": (pd.Series([1.5]), {"rows": 1, "columns": {"None": "float64"}}),
    "series with labels like attributes": (
        pd.Series([1, 2], index=["columns", "dtypes"], name="n"),
        {"rows": 2, "columns": {"n": "int64"}},
    ),
    "polars": (pl.DataFrame({"a": [1], "b": ["x"]}), {"rows": 1, "columns": {"a": "Int64", "b": "String"}}),
    "table": (pa.table({"a": [1], "b": ["x"]}), {"rows": 1, "columns": {"a": "int64", "b": "string"}}),
    "batch": (pa.record_batch({"a": [1]}), {"rows": 1, "columns": {"a": "int64"}}),
    "empty": (pl.DataFrame(), {"rows": 0, "columns": {}}),
    "a name that databases refuse": (pa.table({"a\0b": [1]}), {"rows": 1, "columns": {r"a\x00b": "int64"}}),
}


@pytest.mark.parametrize(("value", "summary"), SUMMARIES.values(), ids=SUMMARIES.keys())
def test_the_summary_shows_rows_and_columns_with_their_types(value, summary, travel):
    assert travel(value).reference.summary == summary


@pytest.mark.parametrize(
    "name", ["c{}", "column with a long name " * 10 + "{}", "字" * 50 + "{}"], ids=["short", "long", "wide"]
)
def test_the_summary_of_a_wide_table_stays_small_and_says_how_wide(name, travel):
    value = pd.DataFrame({name.format(number): [number] for number in range(500)})
    summary = travel(value).reference.summary
    assert summary["columns_total"] == 500
    assert 1 <= len(summary["columns"]) < 500
    assert len(json.dumps(summary["columns"], separators=(",", ":"))) <= 900
