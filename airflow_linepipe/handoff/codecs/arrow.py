"""Tables of pandas, polars and pyarrow as Arrow IPC files, memory-mapped back."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TypeAlias

from airflow_linepipe.handoff.codecs.codec import Encoding, Payload, check_columns, chosen_columns
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

__all__ = ["ArrowCodec", "Compression"]


Compression: TypeAlias = Literal["none", "lz4", "zstd"]

_MAX_JOINED_BYTES: Final = 1 << 26
# A table is compressed if that saves a tenth of so many rows of it.
_SAMPLE_ROWS: Final = 20_000
_WORTH_IT: Final = 0.9


class ArrowCodec:
    """A DataFrame, Series, pyarrow Table or RecordBatch that Arrow gives back unchanged.

    A frame that Arrow would change (sparse columns, mixed objects, …) is left to another codec.

    Args:
        compression: How the buffers of a table are compressed, if that makes it smaller. Without, they are used where
            they lie.
    """

    name = "arrow"
    unpickles = False

    def __init__(self, compression: Compression = "none") -> None:
        self._compression = compression

    def encode(self, value: Any) -> Encoding | None:
        type_name, table = _to_table(value)
        if table is None:
            return None

        def write(file: BinaryIO) -> None:
            _write(table, file, self._compression_of(table))

        return Encoding(type=type_name, extension=".arrow", write=write, summary=_summary(value, table), lasting=True)

    def decode(self, payload: Payload) -> Any:
        import pyarrow as pa

        source = pa.py_buffer(payload.view)
        reader = pa.ipc.open_file(source)
        if payload.reference.type == "pyarrow.RecordBatch":
            return reader.get_batch(0)
        if payload.columns and _has_levels(reader.schema, payload):
            return chosen_columns(frame_from_table(reader.read_all(), payload.view), payload)
        table = _chosen(source, reader.schema, payload) if payload.columns else reader.read_all()
        match payload.reference.type:
            case "pandas.DataFrame":
                return frame_from_table(table, payload.view, payload.columns)
            case "pandas.Series":
                return series_from_table(table, payload.view)
            case "polars.DataFrame":
                import polars as pl

                return pl.from_arrow(table)
            case _:
                return table

    def _compression_of(self, table: pa.Table | pa.RecordBatch) -> Compression:
        if self._compression == "none":
            return "none"
        sample = table.slice(max(0, table.num_rows - _SAMPLE_ROWS) // 2, _SAMPLE_ROWS)
        sizes = {}
        for compression in ("none", self._compression):
            written = io.BytesIO()
            _write(sample, written, compression)
            sizes[compression] = written.tell()
        return self._compression if sizes[self._compression] < _WORTH_IT * sizes["none"] else "none"


def _write(table: pa.Table | pa.RecordBatch, file: BinaryIO, compression: Compression) -> None:
    import pyarrow as pa

    # Level 1 packs tables as well as zstd's own choice, 3, and a little faster.
    codec = {"none": None, "lz4": "lz4", "zstd": pa.Codec("zstd", 1)}[compression]
    with pa.ipc.new_file(file, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        writer.write(_in_one_piece(table))


def _in_one_piece(table: pa.Table | pa.RecordBatch) -> pa.Table | pa.RecordBatch:
    """The table with each column in one piece: a file has all columns cut where any is, and their reader joins them.

    Texts often come in pieces. Those that are too large to be joined here without much memory stay as they are.
    """
    import pyarrow as pa

    if isinstance(table, pa.RecordBatch):
        return table
    cut = [column for column in table.columns if column.num_chunks > 1]
    if not cut or sum(column.nbytes for column in cut) > _MAX_JOINED_BYTES:
        return table
    columns = [
        pa.chunked_array([column.combine_chunks()]) if column.num_chunks > 1 else column for column in table.columns
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _has_levels(schema: pa.Schema, payload: Payload) -> bool:
    """Whether the labels of a frame's columns are tuples, which a file knows as texts only."""
    return payload.reference.type == "pandas.DataFrame" and len(schema.pandas_metadata["column_indexes"]) > 1


def _chosen(source: pa.Buffer, schema: pa.Schema, payload: Payload) -> pa.Table:
    """The columns that the reader wants, and those of a frame's index behind them."""
    import pyarrow as pa

    names = [str(label) for label in payload.columns]
    described = schema.pandas_metadata if payload.reference.type == "pandas.DataFrame" else {}
    index = [name for name in described.get("index_columns", ()) if isinstance(name, str)]
    known = [name for name in schema.names if name not in index and schema.names.count(name) == 1]
    check_columns(names, known, payload.reference)
    fields = sorted({schema.get_field_index(name) for name in (*names, *index)})
    options = pa.ipc.IpcReadOptions(included_fields=fields)
    return pa.ipc.open_file(source, options=options).read_all().select([*names, *index])


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
