"""READ a file of a table: Parquet, CSV or Arrow, from whatever has opened it."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TypeAlias, get_args

from airflow_linepipe.errors import SettingError, UnsupportedTableError
from airflow_linepipe.validation.plain import shortened

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FileKind", "kind_of", "read_table"]

FileKind: TypeAlias = Literal["parquet", "csv", "arrow"]

_KINDS: Final[tuple[FileKind, ...]] = get_args(FileKind)
_BY_ENDING: Final[Mapping[str, FileKind]] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".csv.zip": "csv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
_COMPRESSIONS: Final = {b"\x1f\x8b": "gzip", b"PK": "zip"}


def kind_of(path: str) -> FileKind:
    """What a file is, by its name.

    Args:
        path: A path or URL.

    Raises:
        UnsupportedTableError: Its name does not say so.
    """
    name = str(path).partition("?")[0].rstrip("/").lower()
    for ending, kind in _BY_ENDING.items():
        if name.endswith(ending):
            return kind
    message = f"The file '{path}' has none of the endings {', '.join(_BY_ENDING)}: say which kind of file it is."
    raise UnsupportedTableError(message)


def read_table(file: BinaryIO, *, kind: FileKind) -> pd.DataFrame:
    """The table in an open file, as a pandas frame.

    Args:
        file: The file, opened to read bytes; it stays its owner's to close.
        kind: What it is; see `kind_of`. A CSV file may be compressed by gzip or zip.

    Raises:
        UnsupportedTableError: It is not what it is said to be.
        SettingError: It is said to be none of these.
    """
    readers: Mapping[str, Callable[[BinaryIO], Any]] = {"parquet": _parquet, "csv": _csv, "arrow": _arrow}
    if kind not in readers:
        message = f"kind={kind!r}: give one of {', '.join(map(repr, _KINDS))}."
        raise SettingError(message)
    import pyarrow as pa

    try:
        frame: pd.DataFrame = readers[kind](file)
    except (pa.ArrowException, ValueError, EOFError, gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
        name = getattr(file, "name", "") or getattr(file, "path", "")
        named = f"The file '{name}'" if isinstance(name, str) and name else "The file"
        message = f"{named} cannot be read as {kind}: {shortened(str(error), 200).removesuffix('.')}."
        raise UnsupportedTableError(message) from error
    return frame


def _parquet(file: BinaryIO) -> Any:
    import pandas as pd

    return pd.read_parquet(file, engine="pyarrow")


def _csv(file: BinaryIO) -> Any:
    import pandas as pd

    start = file.read(2)
    file.seek(-len(start), 1)
    compression = next((name for magic, name in _COMPRESSIONS.items() if start == magic), None)
    return pd.read_csv(file, compression=compression)


def _arrow(file: BinaryIO) -> Any:
    from pyarrow import ArrowInvalid, feather, ipc

    try:
        return feather.read_table(file).to_pandas()
    except ArrowInvalid:
        file.seek(0)
        # A stream of messages, which may carry the same ending.
        return ipc.open_stream(file).read_all().to_pandas()
