"""Whether two values are the same, as a consumer would say it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["is_same"]


def is_same(one: Any, other: Any) -> bool:
    """Whether two values have one type and equal content, through plain containers and at any depth.

    NaN is NaN, 0.0 is not -0.0, 1 is not True, and a dict keeps the order of its keys. Arrays and tables of NumPy,
    pandas, polars and pyarrow are compared with their dtypes, indexes and names; everything else by ``==``.
    """
    if type(one) is not type(other):
        return False
    if isinstance(one, float | complex):
        return repr(one) == repr(other)
    if type(one) in (list, tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    if type(one) is dict:
        return is_same([*one.items()], [*other.items()])
    for module, compare in _LIBRARIES.items():
        # A library that nobody has imported made neither of the two.
        if module in sys.modules and (verdict := compare(sys.modules[module], one, other)) is not None:
            return verdict
    return bool(one == other)


def _compare_numpy(numpy: Any, one: Any, other: Any) -> bool | None:
    if isinstance(one, numpy.generic):
        return is_same([one.dtype, one.tobytes()], [other.dtype, other.tobytes()])
    if not isinstance(one, numpy.ndarray):
        return None
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    return is_same(one.tolist(), other.tolist()) if one.dtype.hasobject else one.tobytes() == other.tobytes()


def _compare_pandas(pandas: Any, one: Any, other: Any) -> bool | None:
    for kind, name in ((pandas.DataFrame, "frame"), (pandas.Series, "series"), (pandas.Index, "index")):
        if isinstance(one, kind):
            try:
                getattr(pandas.testing, f"assert_{name}_equal")(one, other, check_exact=True)
            except AssertionError:
                return False
            return True
    return None


def _compare_polars(polars: Any, one: Any, other: Any) -> bool | None:
    if isinstance(one, polars.DataFrame):
        return bool(one.schema == other.schema and one.equals(other))
    if isinstance(one, polars.Series):
        return bool(one.dtype == other.dtype and one.name == other.name and one.equals(other))
    return None


def _compare_pyarrow(pyarrow: Any, one: Any, other: Any) -> bool | None:
    if not isinstance(one, pyarrow.Table | pyarrow.RecordBatch):
        return None
    if not one.schema.equals(other.schema, check_metadata=True):
        return False
    # To pyarrow NaN is no NaN.
    return bool(one.equals(other)) or is_same(one.to_pylist(), other.to_pylist())


_LIBRARIES: Mapping[str, Callable[[Any, Any, Any], bool | None]] = {
    "numpy": _compare_numpy,
    "pandas": _compare_pandas,
    "polars": _compare_polars,
    "pyarrow": _compare_pyarrow,
}
