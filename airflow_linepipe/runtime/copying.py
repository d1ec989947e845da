"""A value of one's own to change, as linepipe gives it to every node, and no dearer than it must be."""

from __future__ import annotations

import logging
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["private_copy"]

logger = logging.getLogger(__name__)

_IMMUTABLE: Final = frozenset({type(None), bool, int, float, complex, str, bytes})
_COPY_ON_WRITE_SINCE: Final = 3


def private_copy(value: Any, name: str, *, deep: bool = False) -> Any:
    """A copy that may be changed without the original changing.

    Immutable values and Arrow tables are their own copies, and polars and pandas (from 3 on) copy what is
    written to when it is written to. What cannot be copied (an engine, a lock) is handed on as it is,
    with linepipe's warning.

    Args:
        value: The value.
        name: Its name, for the warning.
        deep: Whether nothing may be shared with the original, not even what is copied on write.

    Returns:
        The copy.
    """
    if type(value) in _IMMUTABLE:
        return value
    try:
        match "" if deep else _frame_kind(value):
            case "pandas":
                return _copied_on_write(value)
            case "polars":
                return value.clone()
            case "pyarrow":
                return value
        return deepcopy(value)
    except Exception:  # noqa: BLE001  (any __deepcopy__ or __reduce__ may raise anything)
        logger.warning("Couldn't deepcopy '%s'; using shallow reference", name)
        return value


def _frame_kind(value: Any) -> str:
    """The library whose own table or column this is; "" for anything else, subclasses included."""
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    if library == "pandas" and kind.__name__ in {"DataFrame", "Series"}:
        import pandas as pd

        return library if int(pd.__version__.partition(".")[0]) >= _COPY_ON_WRITE_SINCE else ""
    if library == "polars" and kind.__name__ in {"DataFrame", "Series", "LazyFrame"}:
        return library
    if library == "pyarrow" and kind.__name__ in {"Table", "RecordBatch", "ChunkedArray", "Schema"}:
        return library
    return ""


def _copied_on_write(value: pd.DataFrame | pd.Series) -> pd.DataFrame | pd.Series:
    """A lazy copy, except of columns whose arrays can be written to behind pandas' back."""
    import pandas as pd

    if isinstance(value, pd.Series):
        return value.copy(deep=_writes_through(value.dtype))
    copy = value.copy(deep=False)
    for position, dtype in enumerate(value.dtypes):
        if _writes_through(dtype):
            copy.isetitem(position, value.iloc[:, position].array.copy())
    return copy


def _writes_through(dtype: Any) -> bool:
    """Whether ``column.values[0] = …`` changes the column, as with categories and masked integers."""
    import pandas as pd

    if not isinstance(dtype, pd.api.extensions.ExtensionDtype):
        return False
    is_arrow = isinstance(dtype, pd.ArrowDtype) or getattr(dtype, "storage", "") == "pyarrow"
    return not is_arrow
