"""What must hold of a published artifact: comparisons with its summary and its inline value."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from airflow_linepipe.errors import SettingError
from airflow_linepipe.handoff.reference import ArtifactRef, Json, references_in

__all__ = ["Condition", "parse_condition"]

_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_COMPARISON: Final = re.compile(r"\s*(==|!=|<=|>=|<|>)\s*(.*?)\s*", re.DOTALL)
_TRUTHS: Final = {"true": True, "false": False}
_MISSING: Final = object()


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """One comparison of a condition.

    Attributes:
        path: Where the left side stands, such as "columns.late", or "value.auc" for the inline value.
        sign: One of ==, !=, <, <=, >, >=.
        expected: The right side.
    """

    path: str
    sign: str
    expected: bool | float | str

    def holds(self, reference: ArtifactRef) -> bool:
        """Whether a reference fulfils it; one in which the path leads nowhere, or to NaN, does not."""
        found = _find(reference.summary, self.path.split("."))
        if found is _MISSING:
            found = _find({"value": reference.value}, self.path.split("."))
        if _kind(found) != _kind(self.expected) or (isinstance(found, float) and math.isnan(found)):
            return False
        return _OPERATORS[self.sign](found, self.expected)


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """Comparisons that must all hold; with none, everything fulfils it."""

    comparisons: tuple[Comparison, ...] = ()

    def holds(self, published: Json) -> bool:
        """Whether a published output fulfils it: of a list or dict of references, each one."""
        if not self.comparisons:
            return True
        references = list(references_in(published))
        return bool(references) and all(
            comparison.holds(reference) for comparison in self.comparisons for reference in references
        )


def parse_condition(condition: object) -> Condition:
    """What an author writes as ``condition``.

    Args:
        condition: Comparisons by path, such as ``{"rows": ">= 1000", "columns.late": "== bool"}``, or None. A path
            leads into the reference's summary; one that begins with "value" into its inline value. The right side is a
            number, true, false, or a text, quoted or not. Values of different kinds are never equal, and never unequal
            either.

    Raises:
        SettingError: It is none; the sentence names the path.
    """
    if condition is None:
        return Condition()
    if not isinstance(condition, Mapping) or not all(isinstance(path, str) and path for path in condition):
        message = f"condition={condition!r}: give a dict of comparisons, such as {{'rows': '>= 1000'}}."
        raise SettingError(message)
    return Condition(comparisons=tuple(_comparison(path, text) for path, text in condition.items()))


def _comparison(path: str, text: object) -> Comparison:
    if isinstance(text, bool | int | float) and text == text:  # noqa: PLR0124  (not NaN)
        return Comparison(path=path, sign="==", expected=text)
    match = _COMPARISON.fullmatch(text) if isinstance(text, str) else None
    if match is None or not match[2]:
        _refuse(path, text, "write an operator (==, !=, <, <=, >, >=) and a value, such as '>= 1000'")
    sign, written = match.groups()
    expected = _literal(path, text, written)
    if sign not in ("==", "!=") and (isinstance(expected, bool) or expected == written):
        _refuse(path, text, f"{sign} compares numbers, or a text in quotes such as \"{sign} '2026-01-31'\"")
    return Comparison(path=path, sign=sign, expected=expected)


def _literal(path: str, text: object, written: str) -> bool | float | str:
    if len(written) > 1 and written[0] == written[-1] and written[0] in "\"'":
        return written[1:-1]
    if written.lower() in _TRUTHS:
        return _TRUTHS[written.lower()]
    try:
        number = int(written) if re.fullmatch(r"[+-]?\d+", written) else float(written)
    except ValueError:
        return written
    if math.isnan(number):
        _refuse(path, text, "nothing compares with NaN")
    return number


def _find(tree: Any, path: list[str]) -> Any:
    """What stands at a path; a key may itself have dots in it."""
    if not path:
        return tree
    if isinstance(tree, list) and path[0].isdecimal() and int(path[0]) < len(tree):
        return _find(tree[int(path[0])], path[1:])
    if isinstance(tree, Mapping):
        for end in range(len(path), 0, -1):
            key = ".".join(path[:end])
            found = _find(tree[key], path[end:]) if key in tree else _MISSING
            if found is not _MISSING:
                return found
    return _MISSING


def _kind(value: object) -> str:
    match value:
        case bool():
            return "truth"
        case int() | float():
            return "number"
        case str():
            return "text"
        case _:
            return type(value).__name__


def _refuse(path: str, text: object, advice: str) -> NoReturn:
    message = f"condition['{path}'] is {text!r}: {advice}."
    raise SettingError(message)
