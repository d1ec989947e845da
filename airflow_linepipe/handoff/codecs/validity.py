"""Missing numbers and times: NumPy has them among the data, as NaN and NaT, Arrow in a validity bitmap beside it.

pyarrow translates one into the other value by value, which takes longer than to write the values.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from airflow_linepipe.handoff.codecs.fidelity import holds_objects, levels_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["table_with_bitmaps", "table_without_bitmaps"]

# Floats, dates and durations.
_MISSING: Final = "fmM"
# NumPy's dtypes: Arrow's own floats are called "float[pyarrow]".
_MISSING_IN_DATA: Final = re.compile(r"float\d+|(datetime64|timedelta64)\[\w+\]")


def table_with_bitmaps(frame: pd.DataFrame) -> pa.Table:
    """What ``pyarrow.Table.from_pandas`` makes of a frame, only sooner.

    Args:
        frame: A frame whose columns have names of their own.

    Raises:
        pyarrow.ArrowException: As pyarrow does; TypeError and ValueError, too.
    """
    import pandas as pd
    import pyarrow as pa

    # A RangeIndex stands in the schema's metadata.
    levels = [] if isinstance(frame.index, pd.RangeIndex) else levels_of(frame.index)
    columns = [*(column for _, column in frame.items()), *levels]
    if any(_is_converted_for_its_type(column.dtype) for column in columns):
        return pa.Table.from_pandas(frame)
    schema = pa.Schema.from_pandas(frame)
    arrays = [_to_arrow(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def table_without_bitmaps(table: pa.Table) -> pa.Table:
    """The table without the bitmaps of columns where NumPy's own NaN and NaT stand in the data.

    Arrow would copy such a column to put them there a second time.

    Args:
        table: A table that was made of a frame.
    """
    import pyarrow as pa

    described = table.schema.pandas_metadata["columns"]
    names = {column["field_name"] for column in described if _MISSING_IN_DATA.fullmatch(column["numpy_type"])}
    columns = [
        _without_bitmap(column) if name in names else column
        for name, column in zip(table.schema.names, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _is_converted_for_its_type(dtype: Any) -> bool:
    """Whether pyarrow has to convert the values to tell what they will be, because it sees Python objects."""
    import pandas as pd

    return holds_objects(dtype) or isinstance(dtype, pd.PeriodDtype | pd.IntervalDtype)


def _to_arrow(column: pd.Series[Any] | pd.Index[Any], kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    import numpy as np
    import pyarrow as pa

    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in _MISSING:
        return pa.array(column, from_pandas=True)
    values = np.ascontiguousarray(column.to_numpy())
    missing = np.isnan(values) if column.dtype.kind == "f" else np.isnat(values)
    count = int(np.count_nonzero(missing))
    bitmap = pa.py_buffer(np.packbits(~missing, bitorder="little")) if count else None
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(values.view(np.uint8))], null_count=count)


def _without_bitmap(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    bare = [
        pa.Array.from_buffers(chunk.type, len(chunk), [None, chunk.buffers()[1]], null_count=0, offset=chunk.offset)
        for chunk in column.chunks
    ]
    return pa.chunked_array(bare, column.type)
