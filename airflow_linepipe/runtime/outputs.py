"""What a step's function returned, as the outputs its node declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from airflow_linepipe.errors import OutputCountError, OutputTypeError, UnsupportedValueError

__all__ = ["name_outputs", "with_ways_out"]


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
    count = _count(result)
    if count is None:
        message = (
            f"Node '{label}' declares {len(outputs)} outputs ({names}) and returned a "
            f"{type(result).__name__}: return a tuple of {len(outputs)} values."
        )
        raise OutputTypeError(message)
    if count != len(outputs):
        message = f"Node '{label}' returned {count} values, but {len(outputs)} outputs were declared ({names})."
        raise OutputCountError(message)
    return dict(zip(outputs, result, strict=True))


def with_ways_out(error: UnsupportedValueError, name: str) -> UnsupportedValueError:
    """The error about a value that cannot leave its task, with the ways to keep it inside.

    Args:
        error: The exchange's own.
        name: The output.

    Returns:
        One that says what an author can declare.
    """
    message = (
        f"{error} If it has to be live, keep it inside its tasks: ephemeral=['{name}'] makes it anew in each task that "
        f"reads it, resources={{'{name}': AirflowConnection(…)}} opens a connection there, granularity='pipeline' runs "
        "all nodes in one task (and stores it only with persist='all')."
    )
    return UnsupportedValueError(message, artifact=error.artifact, type_name=error.type_name)


def _count(result: Any) -> int | None:
    """How many outputs a result can be; None when its items are not what the function meant."""
    if isinstance(result, tuple | list):
        return len(result)
    if isinstance(result, Mapping | AbstractSet | str | bytes):
        return None
    try:
        count = len(result)
    except TypeError:
        return None
    return None if hasattr(result, "columns") else count
