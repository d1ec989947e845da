"""What a step's function returned, as the outputs its node declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from collections.abc import Set as AbstractSet
from typing import Any

from airflow_linepipe.errors import OutputCountError, OutputTypeError

__all__ = ["name_outputs"]


def name_outputs(result: Any, *, label: str, outputs: Sequence[str]) -> dict[str, Any]:
    """Give the returned values the declared names.

    No output: the result is dropped. One: it is the result, whole. Several: the result's items in order,
    as many as there are names (linepipe's own check). What linepipe would split by accident (a dict into
    its keys, a text into letters, a frame into its column names, a set in hash order) is refused.

    Args:
        result: What the function returned.
        label: The function's name, for messages.
        outputs: The declared names.

    Returns:
        The values by name, in declared order.

    Raises:
        OutputCountError: Another number of values was returned.
        OutputTypeError: The result has no items that could be outputs.
    """
    if not outputs:
        return {}
    if len(outputs) == 1:
        return {outputs[0]: result}
    names = ", ".join(outputs)
    if (
        isinstance(result, Mapping | AbstractSet | str | bytes)
        or not isinstance(result, Sized)
        or hasattr(result, "columns")
    ):
        message = (
            f"Node '{label}' declares {len(outputs)} outputs ({names}) and returned a "
            f"{type(result).__name__}: return a tuple of {len(outputs)} values."
        )
        raise OutputTypeError(message)
    if len(result) != len(outputs):
        message = f"Node '{label}' returned {len(result)} values, but {len(outputs)} outputs were declared ({names})."
        raise OutputCountError(message)
    # Sized and not a set or mapping: iterating is what linepipe does with it too.
    return dict(zip(outputs, result, strict=True))  # type: ignore[call-overload]
