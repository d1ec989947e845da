"""Airflow's structured task logs as the text that a person reads."""

from __future__ import annotations

import linecache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["render_log"]

# What every entry of a task's log repeats, or what the line says in another form.
_CONTEXT = frozenset(
    {"timestamp", "event", "level", "logger", "filename", "lineno", "loc", "error_detail"}
    | {"dag_id", "run_id", "task_id", "map_index", "try_number", "ti_id", "ti"}
)


def render_log(entries: Iterable[dict[str, Any] | str]) -> str:
    """Return a task's log as text.

    Args:
        entries: The content of Airflow's log endpoint: structured entries, or plain lines where a log is none.

    Returns:
        One line per entry with time (UTC), level, message and extra fields; a traceback below the entry that has
        one. The lines with which Airflow folds a log in its UI are left out.
    """
    return "\n".join(line for entry in entries for line in _render_entry(entry))


def _render_entry(entry: dict[str, Any] | str) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
        return
    # Entries without a time say where the log was read from.
    if not entry.get("timestamp") or entry["event"].startswith(("::group::", "::endgroup::")):
        return
    extras = "".join(f" {name}={value!r}" for name, value in entry.items() if name not in _CONTEXT)
    yield f"{entry['timestamp'][11:23]} {entry.get('level', 'info').upper():<8} {entry['event']}{extras}"
    if entry.get("error_detail"):
        yield from _render_traceback(entry["error_detail"])


def _render_traceback(chain: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of exceptions that caused each other, given the last one first, as Python prints them."""
    for error in reversed(chain):
        yield "Traceback (most recent call last):"
        for frame in error["frames"]:
            yield f'  File "{frame["filename"]}", line {frame["lineno"]}, in {frame["name"]}'
            # The task ran on this machine, so its source files are here.
            source = linecache.getline(frame["filename"], frame["lineno"]).strip()
            if source:
                yield f"    {source}"
        yield f"{error['exc_type']}: {error['exc_value']}"
        yield from error.get("exc_notes") or ()
        for number, member in enumerate(error.get("exceptions") or (), 1):
            yield f"  exception {number} of the group:"
            yield from (f"  {line}" for line in _render_traceback(member))
        if error is not chain[0]:
            yield ""
            yield (
                "The above exception was the direct cause of the following exception:"
                if error.get("is_cause")
                else "During handling of the above exception, another exception occurred:"
            )
            yield ""
