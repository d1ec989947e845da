"""Whether a frame comes back from Arrow as it was, judged before it is written."""

from __future__ import annotations

import json
import math
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "columns_of",
    "has_plain_labels",
    "holds_containers",
    "holds_objects",
    "is_kept",
    "is_plain_json",
    "levels_of",
    "texts_of",
]


def has_plain_labels(frame: pd.DataFrame) -> bool:
    """Whether pyarrow can write all names and labels; of other objects it makes texts, with a warning."""
    return (
        frame.columns.is_unique
        and all(name is None or isinstance(name, str) for name in frame.index.names)
        and all(
            type(label) is str for level in levels_of(frame.columns) if holds_objects(level.dtype) for label in level
        )
    )


def is_kept(frame: pd.DataFrame, table: pa.Table, read: Callable[[pa.Table], pd.DataFrame]) -> bool:
    """Whether the frame comes back with its dtypes, labels and index, judged on its first row.

    Objects are the exception, in columns and in the index: there every value is compared, because Arrow
    chooses one type for all of them.

    Args:
        frame: The frame.
        table: What would be written.
        read: Makes a frame of a table.
    """
    import pandas as pd

    if not frame.shape[1] or (not len(frame) and _has_categories(frame)):
        # A file without columns has no rows, and one without rows has no dictionaries.
        return False
    head = read(table.slice(0, 1))
    if not _same_labels(frame.columns, head.columns) or frame.attrs != head.attrs:
        return False
    if not all(_same_dtype(ours, theirs) for ours, theirs in zip(frame.dtypes, head.dtypes, strict=True)):
        return False
    if not isinstance(frame.index, pd.RangeIndex) and not _same_index(frame.index, head.index):
        return False
    levels = enumerate(levels_of(frame.index), start=frame.shape[1])
    doubtful = [*columns_of(frame, _is_doubtful), *(pair for pair in levels if _is_doubtful(pair[1].dtype))]
    return all(_is_column_kept(ours, table.column(position)) for position, ours in doubtful)


def _has_categories(frame: pd.DataFrame) -> bool:
    import pandas as pd

    index_dtypes = [level.dtype for level in levels_of(frame.index)]
    return any(isinstance(dtype, pd.CategoricalDtype) for dtype in (*frame.dtypes, *index_dtypes))


def columns_of(frame: pd.DataFrame, is_wanted: Callable[[Any], bool]) -> Iterator[tuple[int, pd.Series[Any]]]:
    """The columns whose dtype is wanted, with their positions: only of these pandas has to make a Series."""
    return ((position, frame.iloc[:, position]) for position, dtype in enumerate(frame.dtypes) if is_wanted(dtype))


def levels_of(index: pd.Index[Any]) -> list[pd.Index[Any]]:
    """The levels of an index, each as long as the index; an index of one level is its own."""
    return [index.get_level_values(position) for position in range(index.nlevels)]


def _same_labels(ours: pd.Index[Any], theirs: pd.Index[Any]) -> bool:
    return (
        _same_index(ours, theirs)
        and bool(ours.equals(theirs))
        and all(
            _same_objects(one.array, other.array)
            for one, other in zip(levels_of(ours), levels_of(theirs), strict=True)
            if holds_objects(one.dtype)
        )
    )


def _same_index(ours: pd.Index[Any], theirs: pd.Index[Any]) -> bool:
    """Same kind, dtypes, names and frequency."""
    return (
        type(ours) is type(theirs)
        and list(ours.names) == list(theirs.names)
        and getattr(ours, "freq", None) == getattr(theirs, "freq", None)
        and all(
            _same_dtype(one.dtype, other.dtype) for one, other in zip(levels_of(ours), levels_of(theirs), strict=True)
        )
    )


def _same_dtype(ours: Any, theirs: Any) -> bool:
    import pandas as pd

    if ours != theirs or type(ours) is not type(theirs):
        return False
    if isinstance(ours, pd.CategoricalDtype):
        # Unordered dtypes are equal in any order of categories; values sort and encode differently.
        return _same_labels(ours.categories, theirs.categories)
    return getattr(ours, "storage", None) == getattr(theirs, "storage", None)


def holds_objects(dtype: Any) -> bool:
    """Whether NumPy holds the values as Python objects."""
    # Only numpy's dtypes have this attribute; extension dtypes know what they hold.
    return bool(getattr(dtype, "hasobject", False))


def _is_doubtful(dtype: Any) -> bool:
    """Whether the values decide if they are kept, and not their dtype alone."""
    import pandas as pd

    return holds_objects(dtype) or isinstance(dtype, pd.Float32Dtype | pd.Float64Dtype)


def _is_column_kept(ours: pd.Series[Any] | pd.Index[Any], column: pa.ChunkedArray) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    if holds_objects(ours.dtype):
        texts = pa.types.is_string(column.type)
        return _same_objects(ours.array, texts_of(column) if texts else column.to_pandas().array)

    # A nullable float that is NaN but not missing comes back as missing.
    return not pc.any(pc.is_nan(column)).as_py()


def _same_objects(ours: Iterable[Any], theirs: Iterable[Any]) -> bool:
    return all(_same_object(one, other) for one, other in zip(ours, theirs, strict=True))


def _same_object(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):  # an int would equal a float
        return False
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, Decimal):  # 1.1 and 1.10 are equal, and not the same
        return one.compare_total(other) == 0
    # An array, a list or a frame as a value: equality is no single answer.
    return isinstance(one, str | bytes | int | float | date) and one == other


def holds_containers(column: pd.Series[Any]) -> bool:
    """Whether a column of objects holds lists and the like, which Arrow must not see: one that holds itself ends it."""
    return any(isinstance(item, list | tuple | dict | set | frozenset) for item in column.array)


def texts_of(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """Arrow's texts as Python's, in an array of objects."""
    import numpy as np

    return np.array(column.to_pylist(), dtype=object)


def is_plain_json(attrs: Any) -> bool:
    """Whether JSON gives a frame's attributes back unchanged."""
    try:
        # A number of numpy's equals the plain one that it comes back as.
        return repr(json.loads(json.dumps(attrs, allow_nan=False))) == repr(attrs)
    except (TypeError, ValueError, RecursionError):
        return False
