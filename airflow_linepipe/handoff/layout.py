"""Where artifacts lie under a storage: ``dag/run/task[/map_index]/try/name.ext`` (design 4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

__all__ = ["NOT_MAPPED", "Producer", "artifact_uri", "escape", "producer_of", "record_uri"]

# Airflow's own value for a task that is not mapped.
NOT_MAPPED: Final = -1
_MAX_SEGMENT_BYTES: Final = 240
# No other escaped segment ends in it.
_EMPTY: Final = "~"


@dataclass(frozen=True, kw_only=True, slots=True)
class Producer:
    """The task, run and try that write an artifact.

    Attributes:
        dag_id: The DAG's id (for the local runner: the pipeline's name).
        run_id: The run's id.
        task_id: The task's id with its groups.
        map_index: The index of a mapped task, or `NOT_MAPPED`.
        try_number: 1 for the first try.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = NOT_MAPPED
    try_number: int = 1

    def __str__(self) -> str:
        mapped = "" if self.map_index == NOT_MAPPED else f" [{self.map_index}]"
        return f"task '{self.task_id}'{mapped} of DAG '{self.dag_id}', run '{self.run_id}', try {self.try_number}"

    @property
    def segments(self) -> tuple[str, ...]:
        """The folders below the storage's root, escaped."""
        ids = [escape(self.dag_id), escape(self.run_id), escape(self.task_id)]
        if self.map_index != NOT_MAPPED:
            ids.append(str(self.map_index))
        return (*ids, str(self.try_number))


def artifact_uri(root: str, producer: Producer, name: str, extension: str) -> str:
    """The URI of one artifact.

    Args:
        root: The storage's URL.
        producer: Who writes it.
        name: The output's name.
        extension: The codec's file extension, with its dot.

    Returns:
        The URI, below the root whatever the ids hold.
    """
    ending = _quote(extension)
    return "/".join((root.rstrip("/"), *producer.segments, escape(name, reserve=len(ending)) + ending))


def record_uri(root: str, dag_id: str, run_id: str) -> str:
    """The URI of what is known of a whole run; no task's folder can have its name."""
    return "/".join((root.rstrip("/"), escape(dag_id), escape(run_id), ".run.json"))


def producer_of(root: str, uri: str) -> Producer | None:
    """Who wrote an artifact, read off its URI; ``None`` when it does not lie below this root."""
    prefix = root.rstrip("/") + "/"
    if not uri.startswith(prefix):
        return None
    match uri.removeprefix(prefix).split("/"):
        case [dag_id, run_id, task_id, try_number, _name] if try_number.isdecimal():
            map_index = str(NOT_MAPPED)
        case [dag_id, run_id, task_id, map_index, try_number, _name] if (
            map_index.isdecimal() and try_number.isdecimal()
        ):
            pass
        case _:
            return None
    return Producer(
        dag_id=_unescape(dag_id),
        run_id=_unescape(run_id),
        task_id=_unescape(task_id),
        map_index=int(map_index),
        try_number=int(try_number),
    )


def escape(segment: str, *, reserve: int = 0) -> str:
    """One path segment that no file system, URL or object store reads as anything else.

    ASCII letters, digits and ``-_.+`` stay, everything else becomes ``~`` and two hex digits a byte
    (not ``%``, which some readers of a URL decode and others do not), and so does the dot at the head of
    ".", ".." and hidden names. A segment too long for a file name ends in a digest of the whole.

    Args:
        segment: Any text.
        reserve: The bytes of the file name that something else needs.

    Returns:
        The segment, never empty.
    """
    quoted = _quote(segment)
    if not quoted:
        return _EMPTY
    if quoted.startswith("."):
        quoted = "~2E" + quoted[1:]
    limit = _MAX_SEGMENT_BYTES - reserve
    if len(quoted) <= limit:
        return quoted
    from blake3 import blake3

    digest = blake3(segment.encode(errors="surrogatepass")).hexdigest(length=12)
    head = quoted[: limit - len(digest) - 2]
    whole_escapes = head[:-2] + head[-2:].partition("~")[0]
    return f"{whole_escapes}--{digest}"


def _quote(text: str) -> str:
    return quote(text, safe="+", errors="surrogatepass").replace("~", "%7E").replace("%", "~")


def _unescape(segment: str) -> str:
    return unquote(segment.removesuffix(_EMPTY).replace("~", "%"), errors="replace")
