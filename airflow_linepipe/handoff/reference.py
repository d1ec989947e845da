"""The small JSON dict that travels through XCom in place of a value (design 4.1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, Final, Literal, TypeAlias

from airflow_linepipe.errors import InvalidReferenceError, UnsupportedVersionError

__all__ = [
    "ABSENT",
    "MARK",
    "MAX_REFERENCE_BYTES",
    "Absent",
    "ArtifactRef",
    "Json",
    "is_reference",
    "json_size",
    "printable",
    "references_in",
    "replace_references",
]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MARK: Final = "linepipe_artifact"
VERSION: Final = 1
MAX_REFERENCE_BYTES: Final = 4000
_MAX_SHOWN_URI: Final = 500
# Made once: `json.dumps` makes an encoder for every value that is not to be written its usual way.
_compact: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Absent(Enum):
    """The type of `ABSENT`: there is no inline value (which is not the same as the value None)."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent.ABSENT


def is_reference(value: object) -> bool:
    """Whether a value claims to be a reference on the wire; `ArtifactRef.from_wire` then checks it."""
    return isinstance(value, dict) and MARK in value


def references_in(value: object) -> Iterator[ArtifactRef]:
    """Every reference on the wire in lists, tuples and dicts.

    Raises:
        InvalidReferenceError: One that claims to be a reference is none.
    """
    if is_reference(value):
        yield ArtifactRef.from_wire(value)
    elif isinstance(value, dict | list | tuple) and type(value) in (dict, list, tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from references_in(item)


def replace_references(value: Any, replacement: Callable[[ArtifactRef], Any]) -> Any:
    """The value with something else for every reference that `references_in` finds, in new containers.

    Raises:
        InvalidReferenceError: One that claims to be a reference is none.
    """
    if is_reference(value):
        return replacement(ArtifactRef.from_wire(value))
    if type(value) is dict:
        return {key: replace_references(item, replacement) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(replace_references(item, replacement) for item in value)
    return value


def json_size(value: Json) -> int:
    """The bytes a value takes as compact JSON."""
    return len(_compact(value).encode())


def printable(text: str) -> str:
    """A text as every JSON database takes it: NUL and lone surrogates become escapes to read."""
    return text.encode(errors="backslashreplace").decode().replace("\0", r"\x00")


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactRef:
    """Where one handed-over value lies, and how to be sure that it is the right one.

    Attributes:
        name: The output's name in the pipeline.
        uri: Where the bytes lie; it may name an Airflow connection, never a credential.
        codec: The wire format's name.
        type: The value's type, such as "pandas.DataFrame".
        nbytes: The size of the stored bytes.
        digest: "algorithm:hex" of the stored bytes.
        summary: What a person wants to see: rows, columns, shape. JSON-safe and bounded.
        value: The value itself when it is small and plain, JSON-safe; else `ABSENT`.
        recipe: What has made it, as the cache knows it; "" if it does not.
    """

    name: str
    uri: str
    codec: str
    type: str
    nbytes: int
    digest: str
    summary: Mapping[str, Json] = field(default_factory=dict)
    value: Json | Literal[Absent.ABSENT] = ABSENT
    recipe: str = ""

    def to_wire(self) -> dict[str, Json]:
        """The plain JSON dict.

        Raises:
            InvalidReferenceError: It would be larger than `MAX_REFERENCE_BYTES`, or `from_wire` would not take it.
        """
        wire: dict[str, Json] = {MARK: VERSION}
        wire.update({name: getattr(self, name) for name in _TEXTS})
        wire["nbytes"] = self.nbytes
        wire["digest"] = self.digest
        wire["summary"] = dict(self.summary)
        if not isinstance(self.value, Absent):
            wire["value"] = self.value
        if self.recipe:
            wire["recipe"] = self.recipe
        _check_wire(wire)
        return wire

    @classmethod
    def from_wire(cls, wire: object) -> ArtifactRef:
        """Read the plain JSON dict back, strictly.

        Raises:
            InvalidReferenceError: A field is missing, unknown or of the wrong type, or the whole is too large or no
                JSON.
            UnsupportedVersionError: Its version is another one.
        """
        if not isinstance(wire, Mapping) or MARK not in wire:
            message = f"Expected an artifact reference (a dict with the key '{MARK}'), not {_shown(wire)}."
            raise InvalidReferenceError(message)
        if wire[MARK] != VERSION or type(wire[MARK]) is not int:
            origin = f"{_shown(wire.get('name', '?'))} at {str(wire.get('uri', '?'))[:_MAX_SHOWN_URI]}"
            message = (
                f"The artifact reference of {origin} has version {_shown(wire[MARK])} and this airflow-linepipe reads "
                f"version {VERSION}: upgrade airflow-linepipe where it is read."
            )
            raise UnsupportedVersionError(message)
        _check_wire(wire)
        return cls(**{key: value for key, value in wire.items() if key != MARK})


_TEXTS: Final = ("name", "uri", "codec", "type")
_TYPES: Final[Mapping[str, type]] = {
    **dict.fromkeys(_TEXTS, str),
    "digest": str,
    "nbytes": int,
    "summary": dict,
    "recipe": str,
}
_KNOWN: Final = frozenset({MARK, *(field.name for field in fields(ArtifactRef))})


def _check_wire(wire: Mapping[str, Any]) -> None:
    problem = _wire_problem(wire)
    if problem:
        message = f"The artifact reference of {_shown(wire.get('name', '?'))} is not valid: {problem}."
        raise InvalidReferenceError(message)


def _wire_problem(wire: Mapping[str, Any]) -> str:
    if unknown := sorted(str(key) for key in wire.keys() - _KNOWN):
        return f"'{unknown[0]}' is no field of it"
    for name, expected in _TYPES.items():
        if name not in wire and name != "recipe":
            return f"'{name}' is missing"
        if not isinstance(wire.get(name, ""), expected) or isinstance(wire.get(name), bool):
            return f"'{name}' is {_shown(wire[name])}, not {expected.__name__}"
    if wire["nbytes"] < 0:
        return f"'nbytes' is {wire['nbytes']}"
    try:
        text = _compact(dict(wire))
        kept = all(map(_is_kept_by_json, wire.values()))
    except (TypeError, ValueError, RecursionError) as error:
        return f"it is not plain JSON ({error})"
    if not kept:
        return "JSON does not give it back unchanged"
    if len(text) > MAX_REFERENCE_BYTES:
        return (
            f"it has {len(text)} bytes and {MAX_REFERENCE_BYTES} are allowed: shorten the storage URL, the ids or "
            f"the output's name"
        )
    return ""


def _is_kept_by_json(value: Any) -> bool:
    """Whether a value that JSON takes comes back equal: a tuple would be a list, and a number that is a key a text."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_kept_by_json(item) for key, item in value.items())
    return not isinstance(value, tuple) and (not isinstance(value, list) or all(map(_is_kept_by_json, value)))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"  # noqa: PLR2004
