"""NumPy arrays as ``.npy``, memory-mapped back."""

from __future__ import annotations

import io
import sys
from typing import Any, BinaryIO

from airflow_linepipe.handoff.codecs.codec import Encoding, Payload

__all__ = ["ArrayCodec"]


class ArrayCodec:
    """A numpy.ndarray of any dtype without Python objects in it, its order and shape kept."""

    name = "npy"

    def encode(self, value: Any) -> Encoding | None:
        numpy = sys.modules.get("numpy")
        if numpy is None or type(value) is not numpy.ndarray or not _is_kept(value.dtype):
            return None

        def write(file: BinaryIO) -> None:
            numpy.lib.format.write_array(file, value, allow_pickle=False)

        return Encoding(
            type="numpy.ndarray",
            extension=".npy",
            write=write,
            summary={"shape": list(value.shape), "dtype": str(value.dtype)[:200]},
        )

    def decode(self, payload: Payload) -> Any:
        import numpy as np

        header = io.BytesIO(payload.view[:_HEADER_LIMIT])
        version = np.lib.format.read_magic(header)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran_order, dtype = read_header(header, max_header_size=_HEADER_LIMIT)
        return np.ndarray(
            shape,
            dtype=dtype,
            buffer=payload.view,
            offset=header.tell(),
            order="F" if fortran_order else "C",
        )


_HEADER_LIMIT = 1 << 20


def _is_kept(dtype: Any) -> bool:
    """Whether ``.npy`` gives this dtype back: no objects in it, and nothing its description leaves out."""
    import numpy as np

    if dtype.hasobject or dtype.metadata is not None:
        return False
    description = np.lib.format.dtype_to_descr(dtype)
    # Field names beyond latin-1 need format 3.0, which numpy reads only through its private functions.
    if any(ord(character) > 0xFF for character in str(description)):  # noqa: PLR2004
        return False
    return bool(np.lib.format.descr_to_dtype(description) == dtype)
