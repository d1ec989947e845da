"""The contract of a codec: one wire format, chosen by the value's type."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, Protocol

from airflow_linepipe.errors import UnknownColumnError
from airflow_linepipe.handoff.reference import ABSENT, Absent, ArtifactRef, Json

__all__ = ["TABLE_TYPES", "Codec", "Encoding", "Payload", "check_columns", "chosen_columns", "type_name"]

# The types whose readers may choose columns.
TABLE_TYPES: Final = frozenset({"pandas.DataFrame", "polars.DataFrame", "pyarrow.Table"})
_SHOWN_COLUMNS: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoding:
    """A value that a codec has agreed to write.

    Attributes:
        type: The value's type as the reference will name it.
        extension: The file extension, with its dot; at most 20 bytes, or none.
        write: Streams the bytes into a binary file that can only be written to, and knows its position (``tell()``).
        summary: What a person wants to see of the value, JSON-safe.
        value: The value itself, JSON-safe, where it is small and plain.
        lasting: Whether every buffer that `write` hands over stays as it is until `write` has returned. It is then
            digested beside all that follows, else before `write` goes on.
        largest: The bytes of the largest of these buffers, where that is known before. If it is very large, all
            processors digest it.
    """

    type: str
    extension: str
    write: Callable[[BinaryIO], None]
    summary: Mapping[str, Json] = field(default_factory=dict)
    value: Json | Literal[Absent.ABSENT] = ABSENT
    lasting: bool = False
    largest: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Payload:
    """Stored bytes, already verified against the reference's digest.

    Attributes:
        view: The bytes. They are the reader's own: writing to them changes nothing in storage.
        reference: The reference they were read through.
        scratch: Makes a new folder that lives as long as the exchange that reads.
        columns: The labels of the columns that the reader wants of a table, in its order; () for all there are.
    """

    view: memoryview
    reference: ArtifactRef
    scratch: Callable[[], Path]
    columns: tuple[Any, ...] = ()


class Codec(Protocol):
    """One wire format. What is read equals what was written, types included."""

    @property
    def name(self) -> str:
        """The name in the references, never to change."""

    @property
    def unpickles(self) -> bool:
        """Whether reading runs code that the bytes name, as pickle does: ``allow_pickle`` then decides about it."""

    def encode(self, value: Any) -> Encoding | None:
        """Agree to write a value, or not (``None``) if this format cannot give it back unchanged.

        The decision is cheap and final: an agreed value is written without a second look.
        """

    def decode(self, payload: Payload) -> Any:
        """Give the value back. Any exception but a HandoffError means that the bytes cannot be decoded here."""


def check_columns(columns: Iterable[Any], known: Sequence[Any], reference: ArtifactRef) -> None:
    """Make sure that a stored table has the columns that its reader wants.

    Raises:
        UnknownColumnError: It has not.
    """
    for label in columns:
        if label not in known:
            shown = ", ".join(str(name) for name in known[:_SHOWN_COLUMNS])
            message = (
                f"Artifact '{reference.name}' at {reference.uri} has no column '{label}': it has {shown}"
                f"{', …' if len(known) > _SHOWN_COLUMNS else ''}."
            )
            raise UnknownColumnError(message)


def chosen_columns(frame: Any, payload: Payload) -> Any:
    """The columns that the reader of a whole frame wants.

    Raises:
        UnknownColumnError: It has not all of them.
    """
    known = list(frame.columns)
    check_columns(payload.columns, known, payload.reference)
    return frame.iloc[:, [known.index(label) for label in payload.columns]].copy()


def type_name(value: object) -> str:
    """A value's type as it stands in references and messages, such as "sklearn.tree.DecisionTreeClassifier"."""
    kind = type(value)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    package, *inner = kind.__module__.split(".")
    # Where a package keeps what it shows at its top comes and goes: pandas.DataFrame was in pandas.core.frame.
    if vars(sys.modules.get(package, object)).get(kind.__qualname__) is kind:
        return f"{package}.{kind.__qualname__}"
    # And so do private modules: pathlib.PosixPath stands in pathlib._local in Python 3.13.
    return ".".join([package, *(part for part in inner if not part.startswith("_")), kind.__qualname__])
