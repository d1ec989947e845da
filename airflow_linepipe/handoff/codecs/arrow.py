"""Tables of pandas, polars and pyarrow as Arrow IPC files, memory-mapped back."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from airflow_linepipe.handoff.codecs.codec import Encoding, Payload
from airflow_linepipe.handoff.codecs.frame import (
    frame_from_table,
    series_from_table,
    table_from_frame,
    table_from_series,
)
from airflow_linepipe.handoff.codecs.summary import first_that_fit
from airflow_linepipe.handoff.reference import Json

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArrowCodec"]


class ArrowCodec:
    """A DataFrame, Series, pyarrow Table or RecordBatch that Arrow gives back unchanged.

    A frame that Arrow would change (sparse columns, mixed objects, …) is left to another codec.
    """

    name = "arrow"
    unpickles = False

    def encode(self, value: Any) -> Encoding | None:
        type_name, table = _to_table(value)
        if table is None:
            return None

        def write(file: BinaryIO) -> None:
            import pyarrow as pa

            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write(table)

        return Encoding(type=type_name, extension=".arrow", write=write, summary=_summary(value, table))

    def decode(self, payload: Payload) -> Any:
        import pyarrow as pa

        reader = pa.ipc.open_file(pa.py_buffer(payload.view))
        if payload.reference.type == "pyarrow.RecordBatch":
            return reader.get_batch(0)
        table = reader.read_all()
        match payload.reference.type:
            case "pandas.DataFrame":
                return frame_from_table(table, payload.view)
            case "pandas.Series":
                return series_from_table(table, payload.view)
            case "polars.DataFrame":
                import polars as pl

                return pl.from_arrow(table)
            case _:
                return table


def _to_table(value: Any) -> tuple[str, pa.Table | pa.RecordBatch | None]:
    """The type's name and what Arrow writes; None where it would not hold the whole value."""
    kind = type(value)
    pandas, polars, arrow = (sys.modules.get(name) for name in ("pandas", "polars", "pyarrow"))
    if pandas is not None and kind is pandas.DataFrame:
        return "pandas.DataFrame", table_from_frame(value)
    if pandas is not None and kind is pandas.Series:
        return "pandas.Series", table_from_series(value)
    if polars is not None and kind is polars.DataFrame:
        return "polars.DataFrame", _from_polars(value)
    if arrow is not None and kind is arrow.Table:
        return "pyarrow.Table", _with_one_dictionary(value)
    if arrow is not None and kind is arrow.RecordBatch:
        return "pyarrow.RecordBatch", value
    return "", None


def _from_polars(frame: Any) -> pa.Table | None:
    import polars as pl

    try:
        # The newest layout has string views, which many readers of Arrow files do not know yet.
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        back = pl.from_arrow(table.slice(0, 1))
    except (pl.exceptions.PolarsError, TypeError, ValueError):
        return None
    return _with_one_dictionary(table) if isinstance(back, pl.DataFrame) and back.schema == frame.schema else None


def _with_one_dictionary(table: pa.Table) -> pa.Table | None:
    """The table with one dictionary a column, as a file holds it; None if its indices are too narrow for that."""
    import pyarrow as pa

    try:
        return table.unify_dictionaries()
    except pa.ArrowInvalid:
        return None


def _summary(value: Any, table: pa.Table | pa.RecordBatch) -> Mapping[str, Json]:
    """Rows and columns with their dtypes; a wide table shows its first columns and how many there are."""
    kind = type(value)  # a Series has an attribute for each label of its index
    if hasattr(kind, "dtypes") and hasattr(kind, "columns"):
        names, dtypes = [str(name) for name in value.columns], [str(dtype) for dtype in value.dtypes]
    elif hasattr(kind, "dtype"):
        names, dtypes = [str(value.name)], [str(value.dtype)]
    else:
        names, dtypes = table.schema.names, [str(kind) for kind in table.schema.types]
    columns = first_that_fit(zip(names, dtypes, strict=True))
    summary: dict[str, Json] = {"rows": table.num_rows, "columns": columns}
    if len(columns) < len(names):
        summary["columns_total"] = len(names)
    return summary
