"""NumPy arrays as ``.npy``, memory-mapped back."""

from __future__ import annotations

import io
import sys
from typing import Any, BinaryIO, Final

from airflow_linepipe.handoff.codecs.codec import Encoding, Payload

__all__ = ["ArrayCodec"]

_MAX_HEADER: Final = 1 << 16
# With the shape, the header stays below the 10,000 characters that np.load reads.
_MAX_DESCRIPTION: Final = 8_000


class ArrayCodec:
    """A numpy.ndarray of any dtype without Python objects in it, its order and shape kept."""

    name = "npy"
    unpickles = False

    def encode(self, value: Any) -> Encoding | None:
        numpy = sys.modules.get("numpy")
        if numpy is None or type(value) is not numpy.ndarray or not _is_kept(value.dtype):
            return None
        in_one_piece = value.flags.forc and value.nbytes > 0

        def write(file: BinaryIO) -> None:
            if in_one_piece:
                numpy.lib.format.write_array_header_1_0(file, numpy.lib.format.header_data_from_array_1_0(value))
                # The bytes as they lie there; NumPy's own writing goes through copies.
                file.write(value.reshape(-1, order="A").view(numpy.uint8).data)
            else:
                numpy.lib.format.write_array(file, value, allow_pickle=False)

        return Encoding(
            type="numpy.ndarray",
            extension=".npy",
            write=write,
            summary={"shape": list(value.shape), "dtype": str(value.dtype)[:200]},
            largest=value.nbytes if in_one_piece else 0,
        )

    def decode(self, payload: Payload) -> Any:
        import numpy as np

        header = io.BytesIO(payload.view[:_MAX_HEADER])
        np.lib.format.read_magic(header)
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(header)
        return np.ndarray(
            shape,
            dtype=dtype,
            buffer=payload.view,
            offset=header.tell(),
            order="F" if fortran_order else "C",
        )


def _is_kept(dtype: Any) -> bool:
    """Whether ``.npy`` gives this dtype back: no objects in it, and nothing its description leaves out."""
    import numpy as np

    if dtype.hasobject or _has_metadata(dtype):
        return False
    try:
        description = np.lib.format.dtype_to_descr(dtype)
    except ValueError:  # its fields overlap or are out of order
        return False
    text = str(description)
    # Format 1.0, the one that every reader knows, has latin-1 names and a short header.
    if len(text) > _MAX_DESCRIPTION or any(ord(character) > 0xFF for character in text):  # noqa: PLR2004
        return False
    # The texts differ in the alignment, which equality leaves out.
    back = np.lib.format.descr_to_dtype(description)
    return bool(back == dtype) and repr(back) == repr(dtype)


def _has_metadata(dtype: Any) -> bool:
    parts = [field[0] for field in (dtype.fields or {}).values()]
    if dtype.subdtype is not None:
        parts.append(dtype.subdtype[0])
    return dtype.metadata is not None or any(_has_metadata(part) for part in parts)
