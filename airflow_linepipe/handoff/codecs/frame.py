"""pandas ↔ Arrow, only where nothing is lost.

pyarrow's own pandas metadata restores most of a frame. What it forgets and is common (a RangeIndex
of columns, the frequency of a time index) stands in a metadata entry of ours; what it would change is
found by reading one row back, and such a frame is left to another codec.
"""

from __future__ import annotations

import json
import math
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["frame_from_table", "series_from_table", "table_from_frame", "table_from_series"]

_EXTRAS: Final = b"linepipe"
_UNNAMED: Final = "value"


def table_from_frame(frame: pd.DataFrame) -> pa.Table | None:
    """The Arrow table of a frame, or None if Arrow would not give the frame back unchanged."""
    import pyarrow as pa

    if not _has_plain_labels(frame) or not _is_plain_json(frame.attrs) or not frame.flags.allows_duplicate_labels:
        return None
    try:
        table = pa.Table.from_pandas(frame)
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), _EXTRAS: _extras(frame)})
        kept = _is_kept(frame, table)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, NotImplementedError):
        return None
    return table if kept else None


def frame_from_table(table: pa.Table) -> pd.DataFrame:
    """The frame that `table_from_frame` was given."""
    import pandas as pd

    frame = _own(table.to_pandas())
    extras = json.loads((table.schema.metadata or {}).get(_EXTRAS, b"{}"))
    if "columns" in extras:
        start, stop, step, name = extras["columns"]
        frame.columns = pd.RangeIndex(start, stop, step, name=name)
    if "freq" in extras:
        frame.index.freq = extras["freq"]
    return frame


def table_from_series(series: pd.Series[Any]) -> pa.Table | None:
    """The one-column table of a series, or None if Arrow would not give it back unchanged."""
    if not (series.name is None or isinstance(series.name, str)):
        return None
    try:
        frame = series.to_frame(_UNNAMED if series.name is None else series.name)
    except ValueError:  # a name that is no UTF-8 cannot be a column's since pandas 3
        return None
    table = table_from_frame(frame)
    if table is None:
        return None
    extras = json.loads(table.schema.metadata[_EXTRAS]) | {"unnamed": series.name is None}
    return table.replace_schema_metadata({**table.schema.metadata, _EXTRAS: json.dumps(extras)})


def series_from_table(table: pa.Table) -> pd.Series[Any]:
    """The series that `table_from_series` was given."""
    series = frame_from_table(table).iloc[:, 0]
    return series.rename(None) if json.loads(table.schema.metadata[_EXTRAS])["unnamed"] else series


def _own(frame: pd.DataFrame) -> pd.DataFrame:
    """Let the reader change the frame: Arrow's memory, which it may still share, is read-only.

    pandas copies shared memory before it writes since version 3, except the codes of a categorical.
    """
    import pandas as pd

    if int(pd.__version__.partition(".")[0]) < 3:  # noqa: PLR2004
        return frame.copy()
    for position, dtype in enumerate(frame.dtypes):
        if isinstance(dtype, pd.CategoricalDtype):
            frame.isetitem(position, frame.iloc[:, position].copy())
    return frame


def _has_plain_labels(frame: pd.DataFrame) -> bool:
    """Whether pyarrow can write all names and labels; of other objects it makes texts, with a warning."""
    return (
        frame.columns.is_unique
        and all(name is None or isinstance(name, str) for name in frame.index.names)
        and all(
            type(label) is str for level in _levels(frame.columns) if _holds_objects(level.dtype) for label in level
        )
    )


def _extras(frame: pd.DataFrame) -> bytes:
    import pandas as pd

    extras: dict[str, Any] = {}
    columns = frame.columns
    if isinstance(columns, pd.RangeIndex) and (columns.name is None or isinstance(columns.name, str)):
        extras["columns"] = [columns.start, columns.stop, columns.step, columns.name]
    freq = getattr(frame.index, "freqstr", None)
    if freq is not None and not isinstance(frame.index, pd.PeriodIndex):
        extras["freq"] = freq
    return json.dumps(extras).encode()


def _is_kept(frame: pd.DataFrame, table: pa.Table) -> bool:
    """Whether the frame comes back with its dtypes, labels and index, judged on its first row.

    Objects are the exception, in columns and in the index: there every value is compared, because Arrow
    chooses one type for all of them.
    """
    import pandas as pd

    if not frame.shape[1] or (not len(frame) and _has_categories(frame)):
        # A file without columns has no rows, and one without rows has no dictionaries.
        return False
    head = frame_from_table(table.slice(0, 1))
    if not _same_labels(frame.columns, head.columns) or frame.attrs != head.attrs:
        return False
    if not all(_same_dtype(ours, theirs) for ours, theirs in zip(frame.dtypes, head.dtypes, strict=True)):
        return False
    if not isinstance(frame.index, pd.RangeIndex) and not _same_index(frame.index, head.index):
        return False
    columns = [*(frame.iloc[:, position] for position in range(frame.shape[1])), *_levels(frame.index)]
    return all(
        _is_column_kept(ours, table.column(position))
        for position, ours in enumerate(columns)
        if _is_doubtful(ours.dtype)
    )


def _has_categories(frame: pd.DataFrame) -> bool:
    import pandas as pd

    index_dtypes = [level.dtype for level in _levels(frame.index)]
    return any(isinstance(dtype, pd.CategoricalDtype) for dtype in (*frame.dtypes, *index_dtypes))


def _levels(index: pd.Index[Any]) -> list[pd.Index[Any]]:
    return [index.get_level_values(position) for position in range(index.nlevels)]


def _same_labels(ours: pd.Index[Any], theirs: pd.Index[Any]) -> bool:
    return (
        _same_index(ours, theirs)
        and bool(ours.equals(theirs))
        and all(
            _same_objects(one, other)
            for one, other in zip(_levels(ours), _levels(theirs), strict=True)
            if _holds_objects(one.dtype)
        )
    )


def _same_index(ours: pd.Index[Any], theirs: pd.Index[Any]) -> bool:
    """Same kind, dtypes, names and frequency."""
    return (
        type(ours) is type(theirs)
        and list(ours.names) == list(theirs.names)
        and getattr(ours, "freq", None) == getattr(theirs, "freq", None)
        and all(_same_dtype(one.dtype, other.dtype) for one, other in zip(_levels(ours), _levels(theirs), strict=True))
    )


def _same_dtype(ours: Any, theirs: Any) -> bool:
    import pandas as pd

    if ours != theirs or type(ours) is not type(theirs):
        return False
    if isinstance(ours, pd.CategoricalDtype):
        # Unordered dtypes are equal in any order of categories; values sort and encode differently.
        return _same_labels(ours.categories, theirs.categories)
    return getattr(ours, "storage", None) == getattr(theirs, "storage", None)


def _holds_objects(dtype: Any) -> bool:
    # Only numpy's dtypes have this attribute; extension dtypes know what they hold.
    return bool(getattr(dtype, "hasobject", False))


def _is_doubtful(dtype: Any) -> bool:
    """Whether the values decide if they are kept, and not their dtype alone."""
    import pandas as pd

    return _holds_objects(dtype) or isinstance(dtype, pd.Float32Dtype | pd.Float64Dtype)


def _is_column_kept(ours: pd.Series[Any] | pd.Index[Any], column: pa.ChunkedArray) -> bool:
    if _holds_objects(ours.dtype):
        return _same_objects(ours, column.to_pandas())
    import pyarrow.compute as pc

    # A nullable float that is NaN but not missing comes back as missing.
    return not pc.any(pc.is_nan(column)).as_py()


def _same_objects(ours: pd.Series[Any] | pd.Index[Any], theirs: pd.Series[Any] | pd.Index[Any]) -> bool:
    return all(_same_object(one, other) for one, other in zip(ours.array, theirs.array, strict=True))


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


def _is_plain_json(attrs: Any) -> bool:
    try:
        # A number of numpy's equals the plain one that it comes back as.
        return repr(json.loads(json.dumps(attrs, allow_nan=False))) == repr(attrs)
    except (TypeError, ValueError):
        return False
