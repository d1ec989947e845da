"""The columns of a frame that was read, in memory that its reader may write to."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd

__all__ = ["own_columns"]

# Numbers, dates and durations: Arrow and NumPy hold them as the same bytes.
_SHARED_KINDS: Final = "iufmM"


def own_columns(frame: pd.DataFrame, memory: memoryview) -> pd.DataFrame:
    """Let the reader change a frame that Arrow has made without copying, and therefore read-only.

    Args:
        frame: What Arrow made.
        memory: The bytes that it read, the reader's own.

    Returns:
        The frame, its columns as views of that memory where they lie in it, else as copies. Columns of one dtype at
        even distances, as they lie in a file, become one block: `DataFrame.to_numpy` has nothing to join then.
    """
    import numpy as np
    import pandas as pd

    raw = np.frombuffer(memory, dtype=np.uint8)
    columns = [column for _, column in frame.items()]
    views = [_view(column.to_numpy(), raw) if _is_shared(column.dtype) else None for column in columns]
    block = _block(views, raw)
    if block is not None:
        own = pd.DataFrame(block.T, index=frame.index, copy=False)
    else:
        own = pd.DataFrame(
            {
                position: _copy_of(column) if view is None else pd.Series(view, index=frame.index, copy=False)
                for position, (column, view) in enumerate(zip(columns, views, strict=True))
            },
            index=frame.index,
            copy=False,
        )
    own.columns = frame.columns
    own.attrs = frame.attrs
    return own


def _is_shared(dtype: Any) -> bool:
    import numpy as np

    return isinstance(dtype, np.dtype) and dtype.kind in _SHARED_KINDS


def _copy_of(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column that can be written to; Arrow has made most kinds of them anew."""
    import pandas as pd

    shared = _is_shared(column.dtype) or isinstance(column.dtype, pd.CategoricalDtype | pd.DatetimeTZDtype)
    return column.copy() if shared else column


def _view(array: np.ndarray[Any, Any], raw: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """The array as a part of the raw bytes; None if it lies elsewhere."""
    start = _address(array) - _address(raw)
    if start < 0 or start + array.nbytes > raw.nbytes or array.strides != (array.itemsize,):
        return None
    view: np.ndarray[Any, Any] = raw[start : start + array.nbytes].view(array.dtype)
    return view


def _block(views: Sequence[np.ndarray[Any, Any] | None], raw: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """The columns as the rows of one array; None if they do not lie in the raw bytes like that."""
    import numpy as np

    found = [view for view in views if view is not None]
    if len(found) < max(len(views), 2) or len({view.dtype for view in found}) > 1:
        return None
    first, starts = found[0], [_address(view) - _address(raw) for view in found]
    distances = {after - before for before, after in pairwise(starts)}
    distance = distances.pop()
    if distances or distance < first.nbytes or not first.nbytes:
        return None
    return np.ndarray(
        (len(found), len(first)), first.dtype, buffer=raw, offset=starts[0], strides=(distance, first.itemsize)
    )


def _address(array: np.ndarray[Any, Any]) -> int:
    return int(array.__array_interface__["data"][0])
