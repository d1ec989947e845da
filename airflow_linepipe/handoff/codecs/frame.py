"""pandas ↔ Arrow, only where nothing is lost.

pyarrow's own pandas metadata restores most of a frame. What it forgets and is common (a RangeIndex
of columns, the frequency of a time index) stands in a metadata entry of ours; what it would change is
found by reading one row back, and such a frame is left to another codec.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow_linepipe.handoff.codecs.columns import own_columns
from airflow_linepipe.handoff.codecs.fidelity import (
    columns_of,
    has_plain_labels,
    holds_containers,
    holds_objects,
    is_kept,
    is_plain_json,
    texts_of,
)
from airflow_linepipe.handoff.codecs.validity import table_with_bitmaps, table_without_bitmaps

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["frame_from_table", "series_from_table", "table_from_frame", "table_from_series"]

_EXTRAS: Final = b"linepipe"
_UNNAMED: Final = "value"


def table_from_frame(frame: pd.DataFrame) -> pa.Table | None:
    """The Arrow table of a frame, or None if Arrow would not give the frame back unchanged."""
    import pyarrow as pa

    if not has_plain_labels(frame) or not is_plain_json(frame.attrs) or not frame.flags.allows_duplicate_labels:
        return None
    if any(holds_containers(column) for _, column in columns_of(frame, holds_objects)):
        return None
    try:
        table = table_with_bitmaps(frame)
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), _EXTRAS: _extras(frame, table)})
        kept = is_kept(frame, table, frame_from_table)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, NotImplementedError):
        return None
    return table if kept else None


def frame_from_table(table: pa.Table, memory: memoryview | None = None, columns: Sequence[Any] = ()) -> pd.DataFrame:
    """The frame that `table_from_frame` was given.

    Args:
        table: The table.
        memory: The bytes it lies in, which are the reader's own. Without them the frame is only to be looked at.
        columns: The labels of the columns, if the table does not have all that the frame had.

    Returns:
        The frame, its reader's to change.
    """
    import pandas as pd

    frame = table_without_bitmaps(table).to_pandas(split_blocks=True)
    if memory is not None:
        frame = own_columns(frame, memory)
    extras = json.loads((table.schema.metadata or {}).get(_EXTRAS, b"{}"))
    if "columns" in extras and not columns:
        start, stop, step, name = extras["columns"]
        frame.columns = pd.RangeIndex(start, stop, step, name=name)
    if "freq" in extras:
        frame.index.freq = extras["freq"]
    for name in extras.get("texts", ()):
        position = table.schema.get_field_index(name)
        if position >= 0:
            frame.isetitem(position, pd.Series(texts_of(table.column(position)), index=frame.index, dtype=object))
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


def series_from_table(table: pa.Table, memory: memoryview | None = None) -> pd.Series[Any]:
    """The series that `table_from_series` was given; see `frame_from_table`."""
    series = frame_from_table(table, memory).iloc[:, 0]
    return series.rename(None) if json.loads(table.schema.metadata[_EXTRAS])["unnamed"] else series


def _extras(frame: pd.DataFrame, table: pa.Table) -> bytes:
    import pandas as pd
    import pyarrow as pa

    extras: dict[str, Any] = {}
    columns = frame.columns
    if isinstance(columns, pd.RangeIndex) and (columns.name is None or isinstance(columns.name, str)):
        extras["columns"] = [columns.start, columns.stop, columns.step, columns.name]
    freq = getattr(frame.index, "freqstr", None)
    if freq is not None and not isinstance(frame.index, pd.PeriodIndex):
        extras["freq"] = freq
    # pandas has a dtype of its own for text; a column of objects was not of it.
    fields = [table.schema.field(position) for position, _ in columns_of(frame, holds_objects)]
    if texts := [field.name for field in fields if pa.types.is_string(field.type)]:
        extras["texts"] = texts
    return json.dumps(extras).encode()
