"""A file on the producer's disk: its content travels."""

from __future__ import annotations

import pathlib
import shutil
from typing import Any, BinaryIO, Final

from airflow_linepipe.handoff.codecs.codec import Encoding, Payload
from airflow_linepipe.handoff.reference import printable

__all__ = ["FileCodec"]

# A longer one tells no reader what the file is.
_MAX_SUFFIX_BYTES: Final = 20
_MAX_NAME_BYTES: Final = 255


class FileCodec:
    """A pathlib.Path to a regular file; the consumer gets a path to a copy of its own."""

    name = "file"
    unpickles = False

    def encode(self, value: Any) -> Encoding | None:
        if not isinstance(value, pathlib.Path) or not value.is_file():
            return None

        def write(file: BinaryIO) -> None:
            with value.open("rb") as source:
                shutil.copyfileobj(source, file, 1 << 20)

        return Encoding(
            type="pathlib.Path",
            # Never empty: "report.txt" may be the name of another output and its extension.
            extension=value.suffix
            if value.suffix and len(value.suffix.encode(errors="surrogateescape")) <= _MAX_SUFFIX_BYTES
            else ".file",
            write=write,
            summary={"file": printable(value.name)},
        )

    def decode(self, payload: Payload) -> Any:
        name = pathlib.PurePath(str(payload.reference.summary["file"])).name
        if len(name.encode()) > _MAX_NAME_BYTES:  # escapes make it longer than it was
            name = f"file{pathlib.PurePath(name).suffix[:_MAX_SUFFIX_BYTES]}"
        path = payload.scratch() / name
        path.write_bytes(payload.view)
        return path
