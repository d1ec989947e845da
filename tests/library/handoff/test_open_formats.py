"""What lies in storage opens without us, and in a process that has imported nothing."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from fingerprint import fingerprint

FRAME = pd.DataFrame(
    {
        "carrier": ["UA", None],
        "delay": [1.5, np.nan],
        "late": pd.Categorical(["yes", "no"]),
        "at": pd.date_range("2013", periods=2, tz="Europe/Berlin"),
    },
    index=pd.Index([10, 20], name="flight"),
)


@pytest.fixture
def store(exchange, producer):
    """Store a value and give the file."""
    return lambda value: pathlib.Path(exchange.put(value, name="x", producer=producer).uri.removeprefix("file://"))


def test_pandas_opens_a_frame_with_its_index(store):
    path = store(FRAME)
    assert path.name == "x.arrow"
    with pa.memory_map(str(path)) as source:
        pd.testing.assert_frame_equal(pa.ipc.open_file(source).read_pandas(), FRAME)


def test_pandas_opens_it_as_feather(store):
    pd.testing.assert_frame_equal(pd.read_feather(store(FRAME)), FRAME)


def test_plain_pyarrow_sees_a_series_under_its_name(store):
    table = pa.ipc.open_file(str(store(pd.Series([1.5], name="delay")))).read_all()
    assert table.column_names == ["delay"]


def test_polars_opens_what_pandas_wrote(store):
    frame = pl.read_ipc(store(FRAME))
    assert frame["carrier"].to_list() == ["UA", None]
    assert frame["flight"].to_list() == [10, 20]


def test_pandas_opens_what_polars_wrote(store):
    frame = pd.read_feather(store(pl.DataFrame({"a": ["x", None], "b": [1.5, 2.5]})))
    assert frame["b"].to_list() == [1.5, 2.5]
    assert frame["a"].isna().to_list() == [False, True]


def test_pyarrow_opens_what_polars_wrote_without_new_string_types(store):
    table = pa.ipc.open_file(str(store(pl.DataFrame({"a": ["x"]})))).read_all()
    assert table.schema.field("a").type in (pa.string(), pa.large_string())


@pytest.mark.parametrize("value", [np.arange(6).reshape(2, 3), np.asfortranarray(np.ones((2, 3)))], ids=["C", "F"])
def test_numpy_opens_an_array(value, store):
    path = store(value)
    assert path.name == "x.npy"
    assert np.array_equal(np.load(path), value)
    assert np.array_equal(np.load(path, mmap_mode="r"), value)


@pytest.mark.parametrize("width", range(100, 1000, 50))
def test_numpy_opens_a_structured_array_however_wide_without_a_further_argument(width, store):
    value = np.zeros((1,) * 30, [(f"field{number}", "i1") for number in range(width)])
    path = store(value)
    if path.suffix == ".npy":
        assert np.load(path).dtype == value.dtype
    assert (path.suffix == ".npy") == (width < 400)


def test_any_json_reader_opens_plain_data(store):
    value = {"auc": 0.93, "by": {"UA": [1, 2, None, True, "é"]}}
    path = store(value)
    assert path.name == "x.json"
    assert json.loads(path.read_text(encoding="utf-8")) == value


def test_any_json_reader_opens_what_json_has_no_type_for(store):
    path = store({"pair": (1, 2), "nan": float("nan")})
    read = json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert read == {
        "pair": {"$type": "tuple", "value": [1, 2]},
        "nan": {"$type": "float", "value": "nan"},
    }


def test_text_is_text(store):
    path = store("é😀\r\n")
    assert path.name == "x.txt"
    assert path.read_bytes().decode() == "é😀\r\n"


def test_bytes_are_bytes(store):
    path = store(b"\x00\xff")
    assert path.name == "x.bin"
    assert path.read_bytes() == b"\x00\xff"


def test_a_file_is_the_file(store, tmp_path_factory):
    source = tmp_path_factory.mktemp("node") / "report.csv"
    source.write_text("a,b\n1,2\n")
    path = store(source)
    assert path.name == "x.csv"
    assert path.read_text() == "a,b\n1,2\n"


READER = """
import json, sys
from airflow_linepipe.handoff import ArtifactRef, Exchange

imported = {"airflow", "numpy", "pandas", "polars", "pyarrow", "fsspec", "linepipe"} & sys.modules.keys()
assert not imported, imported
value = Exchange("file:///nowhere").get(ArtifactRef.from_wire(json.load(sys.stdin)))

from fingerprint import fingerprint
print(fingerprint(value))
"""

STRANGERS = {
    "periods": pd.DataFrame({"a": pd.period_range("2020", periods=2, freq="M")}),
    "intervals": pd.Series(pd.interval_range(0, 2, closed="left"), name="a"),
    "categories and zones": FRAME,
    "polars": pl.DataFrame({"a": ["x", None]}, schema={"a": pl.Enum(["y", "x"])}),
    "array": np.array([(1, "x")], dtype=[("a", "i4"), ("b", "U2")]),
    "numpy in json": {"a": np.float32(1.5), "b": [np.datetime64("2020-01-01")]},
}


@pytest.mark.parametrize("value", STRANGERS.values(), ids=STRANGERS.keys())
def test_a_process_that_has_imported_nothing_reads_the_same(value, exchange, producer):
    wire = exchange.put(value, name="x", producer=producer).to_wire()
    assert wire["codec"] != "pickle"
    root = pathlib.Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", READER],
        input=json.dumps(wire),
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests' / 'support'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{fingerprint(value)}\n"
