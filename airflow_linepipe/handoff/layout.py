"""Where artifacts lie under a storage: ``dag/run/task[/map_index]/try/name.ext`` (design 4.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

__all__ = [
    "EXPLANATIONS",
    "NOT_MAPPED",
    "Producer",
    "artifact_uri",
    "escape",
    "explanation_uri",
    "is_cut",
    "is_name",
    "own_url",
    "path_below",
    "producer_in",
    "producer_of",
    "record_uri",
    "run_url",
    "task_name",
    "unescape",
]

# Airflow's own value for a task that is not mapped.
NOT_MAPPED: Final = -1
# The folder of a run in which it stands why its tasks ran or did not.
EXPLANATIONS: Final = ".why"
_MAX_SEGMENT_BYTES: Final = 240
_CONNECTION: Final = re.compile(r"^([^/:]+://)[^/@]*@")
_CUT: Final = re.compile(r"--[0-9a-f]{24}$")
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


def is_name(segment: str, name: str) -> bool:
    """Whether a segment is how the name of an artifact stands in its URI, with any file extension."""
    dots = [position for position, character in enumerate(segment) if character == "."]
    return any(escape(name, reserve=len(segment) - end) == segment[:end] for end in (*dots, len(segment)))


def path_below(root: str, uri: str) -> str | None:
    """The path of an object below a storage, whatever connection either URL names; None if it lies elsewhere."""
    prefix = _without_connection(root.rstrip("/")) + "/"
    plain = _without_connection(uri)
    return plain.removeprefix(prefix) if plain.startswith(prefix) else None


def run_url(root: str, dag_id: str, run_id: str) -> str:
    """The folder of a run."""
    return "/".join((root.rstrip("/"), escape(dag_id), escape(run_id)))


def own_url(root: str) -> str:
    """The folder of what concerns more than one run; no DAG's folder can have its name."""
    return f"{root.rstrip('/')}/.linepipe"


def record_uri(root: str, dag_id: str, run_id: str) -> str:
    """The URI of what is known of a whole run; no task's folder can have its name."""
    return f"{run_url(root, dag_id, run_id)}/.run.json"


def explanation_uri(root: str, producer: Producer) -> str:
    """The URI of why a task ran or did not, whichever try."""
    return f"{run_url(root, producer.dag_id, producer.run_id)}/{EXPLANATIONS}/{task_name(producer, ending='.json')}"


def task_name(producer: Producer, *, ending: str = "") -> str:
    """One path segment for a task, with its index if it is mapped."""
    index = "" if producer.map_index == NOT_MAPPED else f".{producer.map_index}"
    return escape(producer.task_id, reserve=len(index + ending)) + index + ending


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
        dag_id=unescape(dag_id),
        run_id=unescape(run_id),
        task_id=unescape(task_id),
        map_index=int(map_index),
        try_number=int(try_number),
    )


def producer_in(uri: str) -> Producer | None:
    """Who wrote an artifact of another storage, as the end of its URI says; ``None`` if it says nothing."""
    *_, index, try_number, _name = ["", "", *uri.split("/")]
    count = 6 if index.isdecimal() and try_number.isdecimal() else 5
    root, found = uri.split("/")[:-count], uri.split("/")[-count:]
    return producer_of("/".join(root), uri) if root and len(found) == count else None


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


def is_cut(segment: str) -> bool:
    """Whether a segment may be that of an id too long for it, which `unescape` does not give back."""
    return len(segment) >= _MAX_SEGMENT_BYTES - len("~~") and bool(_CUT.search(segment))


def unescape(segment: str) -> str:
    """What `escape` made a segment of; of what was too long, the beginning and the digest."""
    return unquote(segment.removesuffix(_EMPTY).replace("~", "%"), errors="replace")


def _without_connection(url: str) -> str:
    return _CONNECTION.sub(r"\1", url) if "@" in url else url


def _quote(text: str) -> str:
    return quote(text, safe="+", errors="surrogatepass").replace("~", "%7E").replace("%", "~")
