"""What the contracts take as the same where a suite does not say it."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from airflow_linepipe.testing.comparison import is_same

FRAME = pd.DataFrame({"a": [1.5, math.nan], "b": ["x", None]})

SAME = {
    "NaN": lambda: math.nan,
    "containers": lambda: {"a": [math.nan, (1, {2, 3})], None: b""},
    "array": lambda: np.array([1.0, math.nan]),
    "array of objects": lambda: np.array([1, [math.nan]], dtype=object),
    "scalar": lambda: np.float32("nan"),
    "structured array": lambda: np.ones(2, [("a", "i4")]),
    "frame": FRAME.copy,
    "series": lambda: pd.Series([1, None], name="a", dtype="Int8"),
    "index": lambda: pd.MultiIndex.from_tuples([("a", 1)], names=["x", None]),
    "polars": lambda: pl.DataFrame({"a": [math.nan, None]}),
    "polars series": lambda: pl.Series("a", [1, None]),
    "table": lambda: pa.table({"a": [1.0, None, math.nan]}),
    "record batch": lambda: pa.record_batch({"a": [1.0, math.nan]}),
}

DIFFERENT = {
    "types": (1, 1.0),
    "bool and number": (True, 1),
    "inside": ([1], [True]),
    "signs of zero": (0.0, -0.0),
    "signs of zero of a complex number": (complex(0.0, -0.0), complex(0.0, 0.0)),
    "orders of keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "lengths": ([1], [1, 2]),
    "subclass": ({}, OrderedDict()),
    "dtypes": (np.arange(3), np.arange(3.0)),
    "shapes": (np.arange(4), np.arange(4).reshape(2, 2)),
    "arrays": (np.arange(3), np.arange(3) + 1),
    "scalars": (np.float32(1), np.float32(2)),
    "columns' dtypes": (FRAME, FRAME.astype({"a": "float32"})),
    "columns' names": (FRAME, FRAME.rename(columns={"a": "c"})),
    "values": (FRAME, FRAME.fillna({"a": 0.0})),
    "almost": (pd.Series([1.0]), pd.Series([1.0 + 1e-12])),
    "indexes": (pd.Series([1]), pd.Series([1], index=["x"])),
    "polars": (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]})),
    "polars' schemas": (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]}, schema={"a": pl.Int8})),
    "polars' names": (pl.Series("a", [1]), pl.Series("b", [1])),
    "tables": (pa.table({"a": [1]}), pa.table({"a": [2]})),
    "tables' metadata": (pa.table({"a": [1]}), pa.table({"a": [1]}).replace_schema_metadata({"k": "v"})),
}


@pytest.mark.parametrize("make", SAME.values(), ids=SAME)
def test_what_is_made_twice_is_the_same(make):
    assert is_same(make(), make())


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_what_equality_overlooks_is_not_the_same(one, other):
    assert not is_same(one, other)
    assert not is_same(other, one)
    assert is_same(one, one)


def test_plain_values_are_compared_without_any_library():
    code = (
        "import sys\n"
        "from airflow_linepipe.testing.comparison import is_same\n"
        "print(is_same([1, {'a': 0.5}], [1, {'a': 0.5}]))\n"
        "print(*{'numpy', 'pandas', 'polars', 'pyarrow'} & set(sys.modules))\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]
