"""What two values must share to be the same to the last detail: compare their fingerprints."""

from __future__ import annotations

import struct
from functools import singledispatch
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa


@singledispatch
def fingerprint(value: Any) -> Any:
    """A type and everything that `==` would overlook: the sign of zero, NaN, fold, dtypes, frequencies."""
    return type(value), repr(value)


@fingerprint.register
def _(value: int) -> Any:
    return type(value), hex(value)


@fingerprint.register
def _(value: float) -> Any:
    return type(value), "nan" if value != value else struct.pack("d", value)


@fingerprint.register(list)
@fingerprint.register(tuple)
def _(value: Any) -> Any:
    return type(value), [fingerprint(item) for item in value]


@fingerprint.register(set)
@fingerprint.register(frozenset)
def _(value: Any) -> Any:
    return type(value), sorted((fingerprint(item) for item in value), key=repr)


@fingerprint.register
def _(value: dict) -> Any:
    return type(value), [(fingerprint(key), fingerprint(item)) for key, item in value.items()]


@fingerprint.register
def _(value: np.generic) -> Any:
    return value.dtype, value.tobytes() if value == value else repr(value)


@fingerprint.register
def _(value: np.ndarray) -> Any:
    content = fingerprint(value.tolist()) if value.dtype.hasobject else value.tobytes()
    order = value.flags.f_contiguous and not value.flags.c_contiguous
    return type(value), value.shape, repr(value.dtype), value.dtype.metadata, order, content


@fingerprint.register
def _(dtype: pd.api.extensions.ExtensionDtype) -> Any:
    # UTC is one zone under several names; pandas takes them all as equal.
    return type(dtype), str(dtype), getattr(dtype, "storage", None), repr(getattr(dtype, "na_value", None))


@fingerprint.register
def _(dtype: pd.CategoricalDtype) -> Any:
    return type(dtype), dtype.ordered, fingerprint(dtype.categories)


@fingerprint.register
def _(index: pd.Index) -> Any:
    if isinstance(index, pd.MultiIndex):
        return type(index), [fingerprint(index.get_level_values(level)) for level in range(index.nlevels)]
    steps = (index.start, index.stop, index.step) if isinstance(index, pd.RangeIndex) else None
    freq = getattr(index, "freq", None)
    values = [fingerprint(item) for item in index]
    return type(index), fingerprint(index.name), fingerprint(index.dtype), freq, steps, values


@fingerprint.register
def _(series: pd.Series) -> Any:
    values = [fingerprint(item) for item in series.array]
    return (
        type(series),
        fingerprint(series.name),
        fingerprint(series.index),
        fingerprint(series.dtype),
        values,
        fingerprint(series.attrs),
    )


@fingerprint.register
def _(frame: pd.DataFrame) -> Any:
    columns = [fingerprint(frame.iloc[:, position])[3:5] for position in range(frame.shape[1])]
    return (
        type(frame),
        fingerprint(frame.index),
        fingerprint(frame.columns),
        columns,
        fingerprint(frame.attrs),
        frame.flags.allows_duplicate_labels,
    )


@fingerprint.register
def _(table: pa.Table) -> Any:
    return type(table), str(table.schema), fingerprint(table.to_pylist())


@fingerprint.register
def _(frame: pl.DataFrame) -> Any:
    return type(frame), frame.shape, list(frame.schema.items()), [fingerprint(column.to_list()) for column in frame]
