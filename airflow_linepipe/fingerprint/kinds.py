"""What a value is made of, by its kind: what fits in a text, and what is made of other values."""

from __future__ import annotations

import abc
import dataclasses
import enum
import functools
import io
import logging
import pathlib
import re
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import chain
from typing import Any, Final, ForwardRef, Generic, Protocol, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from airflow_linepipe.fingerprint.bytecode import read_bytecode
from airflow_linepipe.fingerprint.origin import package_version

__all__ = [
    "class_parts",
    "instance_parts",
    "is_a",
    "is_foreign",
    "is_silent",
    "kind_parts",
    "plain_text",
    "singledispatch_parts",
]

# What Python or a library keeps in a class for itself, made of the rest.
_OWN_OF_CLASSES: Final = re.compile(
    r"__(dict|weakref|doc|module|qualname|firstlineno|static_attributes|abstractmethods|dataclass_fields|parameters|"
    r"signature|slotnames|pydantic_(?!fields__)\w+|replace|annotate\w*|annotations_cache)__|_abc_impl"
)
_OF_FIELDS: Final = ("default", "default_factory", "init", "repr", "hash", "compare", "kw_only", "metadata")
# Flags of a class: it was made while Python ran, and it can never be changed (as no class that is written in Python).
_IS_PYTHONS: Final = 1 << 9
_IS_FIXED: Final = 1 << 8
_ZONES: Final = (type(None), timezone, ZoneInfo)


def is_a(value: Any, kinds: type | tuple[type, ...] | types.UnionType) -> bool:
    """As `isinstance`, but a value cannot say itself what it is."""
    return issubclass(type(value), kinds)


def is_foreign(thing: types.FunctionType | type) -> bool:
    """Whether it is what its module and its name say, if that module is somebody else's.

    A decorator gives its function the names of another, and a library makes functions and classes of what it is given.
    """
    if isinstance(thing, types.FunctionType):
        if not package_version(str(thing.__globals__.get("__name__", ""))).name:
            return False
        if not (thing.__closure__ or thing.__defaults__ or thing.__kwdefaults__ or vars(thing)):
            return True
    elif thing.__flags__ & _IS_PYTHONS != _IS_PYTHONS or thing.__flags__ & _IS_FIXED:
        return True
    found: Any = sys.modules.get(thing.__module__ or "")
    for name in thing.__qualname__.split("."):
        found = getattr(found, "__dict__", {}).get(name)
    return found is thing or getattr(found, "__func__", None) is thing


def plain_text(value: Any) -> str | None:
    """The whole of a value that is made of nothing else; None for one of another kind."""
    make = _TEXTS.get(type(value))
    return None if make is None else make(value)


def _by_repr(value: Any) -> str:
    return f"{type(value).__name__}:{value!r}"


def _at_time(value: Any) -> str | None:
    return _by_repr(value) if type(value.tzinfo) in _ZONES else None


def _tuple(value: tuple[Any, ...]) -> str | None:
    """Only of plain values: another may be nested deep, and which other values are the same one counts."""
    texts = [None if type(item) is tuple else plain_text(item) for item in value]
    return None if None in texts else f"tuple({','.join(map(str, texts))})"


_BY_REPR: Final = (
    *(type(None), bool, float, complex, str, bytes, type(...), type(NotImplemented), date, timedelta, Decimal, UUID),
    *(pathlib.PurePosixPath, pathlib.PureWindowsPath, pathlib.PosixPath, pathlib.WindowsPath, timezone, ZoneInfo),
)
_TEXTS: Final[Mapping[type, Callable[[Any], str | None]]] = {
    **dict.fromkeys(_BY_REPR, _by_repr),
    # A huge number has no decimal text.
    int: lambda value: f"int:{value:#x}",
    datetime: _at_time,
    time: _at_time,
    tuple: _tuple,
    ForwardRef: lambda value: f"ForwardRef:{value.__forward_arg__!r}",
    types.CodeType: lambda value: "{" + read_bytecode(value).text + "}",
}


def kind_parts(value: Any) -> Iterable[Any] | None:
    """What a value of one of Python's own kinds is made of; None for one of another kind."""
    make = _EXACTLY.get(type(value))
    if make is not None:
        return make(value)
    make = next((make for kinds, make in _KINDS if is_a(value, kinds)), None)
    if make is None:
        return None
    return [*make(value), type(value), getattr(value, "__dict__", None)]


def _sorted(value: Iterable[Any]) -> list[Any]:
    """Iterating over a set gives another order in each process."""
    return sorted(value, key=lambda item: plain_text(item) or repr(item))


# A subclass may hold more.
_EXACTLY: Final[Mapping[type, Callable[[Any], Iterable[Any]]]] = {
    list: iter,
    tuple: iter,
    dict: lambda value: chain.from_iterable(value.items()),
    set: _sorted,
    frozenset: _sorted,
    range: lambda value: [value.start, value.stop, value.step],
    slice: lambda value: [value.start, value.stop, value.step],
    datetime: lambda value: [value.replace(tzinfo=None), value.tzinfo],
    time: lambda value: [value.replace(tzinfo=None), value.tzinfo],
    re.Pattern: lambda value: [value.pattern, value.flags],
    types.MethodType: lambda value: [value.__func__, value.__self__],
    staticmethod: lambda value: [value.__func__],
    classmethod: lambda value: [value.__func__],
    property: lambda value: [value.fget, value.fset, value.fdel],
    types.MappingProxyType: lambda value: [dict(value)],
    types.CellType: lambda value: [value.cell_contents],
    types.GenericAlias: lambda value: [value.__origin__, value.__args__, value.__unpacked__],
    types.UnionType: lambda value: value.__args__,
    TypeVar: lambda value: [value.__name__, value.__bound__, value.__constraints__],
    functools.cached_property: lambda value: [value.func, value.attrname],
    functools._lru_cache_wrapper: lambda value: [value.__wrapped__, value.cache_parameters()],  # noqa: SLF001
}
_KINDS: Final[Sequence[tuple[type | tuple[type, ...], Callable[[Any], Iterable[Any]]]]] = (
    (functools.partial, lambda value: [value.func, value.args, value.keywords]),
    ((staticmethod, classmethod), lambda value: [value.__func__]),
    (property, lambda value: [value.fget, value.fset, value.fdel]),
    (enum.Enum, lambda value: [value.name, value.value]),
)


def is_silent(value: Any) -> bool:
    """Whether what it does is told to people, and to no other node."""
    if is_a(value, logging.Logger):
        return bool(package_version(type(value).__module__).name)
    if any(value is stream for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)):
        return True
    return type(value) is io.TextIOWrapper and not value.readable()


# The code that all functions made by `singledispatch` share. They also keep what they have found, by weak references.
_DISPATCHING: Final = getattr(functools.singledispatch(lambda _: None), "__code__")  # noqa: B009  (not in its types)


def singledispatch_parts(function: types.FunctionType) -> dict[Any, Any] | None:
    """The versions of a generic function, by type; None for any other function."""
    if function.__code__ is not _DISPATCHING:
        return None
    return dict(vars(function)["registry"])


def class_parts(kind: type) -> Iterator[tuple[str, Any]]:
    """What stands in a class, and what is said of it elsewhere."""
    for key, value in sorted(vars(kind).items()):
        if _OWN_OF_CLASSES.fullmatch(key) or is_a(value, types.GetSetDescriptorType):
            continue
        yield key, "slot" if is_a(value, types.MemberDescriptorType) else value
    if "__dataclass_fields__" in vars(kind):
        for field in vars(kind)["__dataclass_fields__"].values():
            parts = [getattr(field, name) for name in _OF_FIELDS]
            yield f"field {field.name}", [None if part is dataclasses.MISSING else part for part in parts]
    if "_abc_impl" in vars(kind):
        registered = [found for reference in abc._get_dump(kind)[0] if (found := reference())]  # type: ignore[attr-defined]  # noqa: SLF001
        if registered:
            yield "registered", sorted(registered, key=lambda found: f"{found.__module__}.{found.__qualname__}")


# Containers whose content is known, and bases of which an object keeps nothing.
_CONTENTS: Final[Mapping[type, Callable[[Any], Any]]] = {
    dict: lambda value: dict(dict.items(value)),
    list: lambda value: list(list.__iter__(value)),
    tuple: lambda value: list(tuple.__iter__(value)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: set(frozenset.__iter__(value)),
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
}
_EMPTY: Final = (object, Generic, Protocol, abc.ABC)


def instance_parts(value: Any) -> tuple[list[Any], bool]:
    """What an object of an author's class consists of, whatever it says of itself, and whether that is all of it."""
    kinds = [kind for kind in type(value).__mro__ if kind not in _EMPTY]
    own = [kind for kind in kinds if not package_version(kind.__module__).name]
    if not own:
        return [], False
    contents = [kind for kind in kinds if kind in _CONTENTS]
    slots = [(key, slot) for kind in own for key, slot in vars(kind).items() if is_a(slot, types.MemberDescriptorType)]
    has_attributes = type(value).__dictoffset__ != 0
    parts: list[Any] = [object.__getattribute__(value, "__dict__") if has_attributes else None]
    parts += [_CONTENTS[kind](value) for kind in contents]
    for key, slot in slots:
        try:
            parts += [key, slot.__get__(value)]
        except AttributeError:
            parts.append(key)
    return parts, len(own) + len(contents) == len(kinds) and bool(slots or contents or has_attributes)
