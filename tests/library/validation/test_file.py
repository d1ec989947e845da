"""Files of tables, opened by somebody else."""

from __future__ import annotations

import io

import fsspec
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, ipc

from airflow_linepipe.errors import SettingError, UnsupportedTableError
from airflow_linepipe.validation import kind_of, read_table


@pytest.fixture
def frame():
    return pd.DataFrame({"a": [1.5, None], "b": ["x", "y"], "c": [1, 2]})


def _stream(frame, path):
    table = pa.Table.from_pandas(frame)
    with ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)


def _file(frame, path):
    table = pa.Table.from_pandas(frame)
    with ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)


WRITERS = {
    "flights.parquet": lambda frame, path: frame.to_parquet(path),
    "flights.csv": lambda frame, path: frame.to_csv(path, index=False),
    "flights.csv.gz": lambda frame, path: frame.to_csv(path, index=False, compression="gzip"),
    "flights.CSV.zip": lambda frame, path: frame.to_csv(path, index=False, compression="zip"),
    "flights.feather": lambda frame, path: feather.write_feather(frame, str(path)),
    "flights.arrow": _file,
    "stream.arrow": _stream,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_read_as_it_was_written(tmp_path, frame, name):
    WRITERS[name](frame, tmp_path / name)
    with (tmp_path / name).open("rb") as file:
        pd.testing.assert_frame_equal(read_table(file, kind=kind_of(name)), frame)
        assert not file.closed


def test_a_file_of_any_storage_is_read(frame):
    with fsspec.open("memory://validation/flights.parquet", "wb") as file:
        frame.to_parquet(file)
    with fsspec.open("memory://validation/flights.parquet", "rb") as file:
        pd.testing.assert_frame_equal(read_table(file, kind="parquet"), frame)


@pytest.mark.parametrize("url", ["s3://bucket/a/flights.PARQUET", "https://host/flights.parquet?version=3", "x.pq"])
def test_a_url_s_ending_says_what_it_is(url):
    assert kind_of(url) == "parquet"


@pytest.mark.parametrize("name", ["flights", "flights.xlsx", "flights.parquet.bak", ""])
def test_an_ending_that_says_nothing_is_named(name):
    with pytest.raises(UnsupportedTableError, match=r"has none of the endings .parquet, .*: say which"):
        kind_of(name)


@pytest.mark.parametrize("kind", ["parquet", "csv", "arrow"])
@pytest.mark.parametrize(
    "held",
    [b"", b"\x89PNG\r\n\x1a\n\xff\xfe", b"\x1f\x8bnone", b"PK none"],
    ids=["nothing", "a picture", "no gzip", "no zip"],
)
def test_a_file_that_is_something_else_is_named(tmp_path, kind, held):
    path = tmp_path / "flights.bin"
    path.write_bytes(held)
    with path.open("rb") as file, pytest.raises(UnsupportedTableError, match=rf"flights.bin' cannot be read as {kind}"):
        read_table(file, kind=kind)


def test_a_kind_that_is_none_is_named():
    with pytest.raises(SettingError, match=r"kind='excel': give one of 'parquet', 'csv', 'arrow'\."):
        read_table(io.BytesIO(), kind="excel")
