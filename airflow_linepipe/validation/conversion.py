"""Any table as a pandas frame, its values unchanged: the form in which Great Expectations looks at tables."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from airflow_linepipe.errors import UnsupportedTableError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["as_frame", "is_arrow", "is_pandas", "is_polars", "row_count"]

_KINDS: Final = "a pandas DataFrame, a polars DataFrame, or a pyarrow Table or RecordBatch"


def is_pandas(table: object) -> bool:
    """Whether it is a pandas frame; pandas need not be imported to say so."""
    return _is(table, "pandas", "DataFrame")


def is_polars(table: object) -> bool:
    """Whether it is a polars frame."""
    return _is(table, "polars", "DataFrame")


def is_arrow(table: object) -> bool:
    """Whether it is a table, or a batch of records, of pyarrow."""
    return _is(table, "pyarrow", "Table") or _is(table, "pyarrow", "RecordBatch")


def row_count(table: Any) -> int:
    """How many rows a table of any of these kinds has."""
    return int(table.num_rows) if is_arrow(table) else len(table)


def as_frame(table: Any) -> pd.DataFrame:
    """A pandas frame of the same values; of one that is pandas already, another that shares them.

    Raises:
        UnsupportedTableError: It is no such table, or holds what pandas has no form for.
    """
    if is_pandas(table):
        frame: pd.DataFrame = table.copy(deep=False)
        return frame
    if is_polars(table):
        for name, dtype in table.schema.items():
            if dtype.is_(sys.modules["polars"].Object):
                message = f"The column '{name}' holds Python objects, which only polars can read: give it another type."
                raise UnsupportedTableError(message)
        return _from_arrow(table.to_arrow())
    if _is(table, "pyarrow", "RecordBatch"):
        import pyarrow as pa

        return _from_arrow(pa.Table.from_batches([table]))
    if is_arrow(table):
        return _from_arrow(table)
    lazy = " Call collect() on it first." if _is(table, "polars", "LazyFrame") else ""
    message = f"A {type(table).__module__}.{type(table).__qualname__} cannot be validated: give {_KINDS}.{lazy}"
    raise UnsupportedTableError(message)


def _is(value: object, package: str, name: str) -> bool:
    module = sys.modules.get(package)
    return module is not None and isinstance(value, getattr(module, name))


def _from_arrow(table: pa.Table) -> pd.DataFrame:
    """Integers and booleans with gaps stay what they are: as floats, large ones would be others."""
    import pandas as pd
    import pyarrow as pa

    nullable = {
        **{getattr(pa, f"int{size}")(): getattr(pd, f"Int{size}Dtype")() for size in (8, 16, 32, 64)},
        **{getattr(pa, f"uint{size}")(): getattr(pd, f"UInt{size}Dtype")() for size in (8, 16, 32, 64)},
        pa.bool_(): pd.BooleanDtype(),
    }
    with_gaps = [
        position for position, column in enumerate(table.columns) if column.null_count and column.type in nullable
    ]
    # The table's columns are what its reader sees of it, also those that pandas would make its index.
    try:
        frame = table.to_pandas(ignore_metadata=True, split_blocks=True)
    except pa.ArrowException as error:
        message = f"The table cannot become one of pandas, which Great Expectations reads: {error}."
        raise UnsupportedTableError(message) from error
    if with_gaps:
        columns = [frame.iloc[:, position] for position in range(frame.shape[1])]
        for position in with_gaps:
            field = table.schema.field(position)
            columns[position] = table.column(position).to_pandas(types_mapper={field.type: nullable[field.type]}.get)
        frame = pd.concat(columns, axis=1, keys=None)
        frame.columns = pd.Index(table.column_names)
    return frame
