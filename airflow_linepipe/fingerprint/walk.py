"""From a function to everything that it reaches, each thing once."""

from __future__ import annotations

import builtins
import enum
import functools
import importlib
import io
import logging
import pathlib
import re
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from itertools import chain as chained
from typing import Any, Final, TypeVar
from uuid import UUID

from airflow_linepipe.fingerprint.bytecode import Bytecode, Import, read_bytecode
from airflow_linepipe.fingerprint.origin import package_version
from airflow_linepipe.fingerprint.writing import CHANGING

__all__ = ["Walk"]

# What these see or make is not in the code that calls them.
_BLIND: Final = frozenset({"__import__", "compile", "eval", "exec", "globals", "locals", "vars"})
_BY_REPR: Final = (
    *(type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented), range, slice),
    *(date, datetime, time, timedelta, Decimal, Fraction, UUID, pathlib.PurePath, types.GenericAlias, types.UnionType),
    *(TypeVar, re.Pattern),
)
# What Python or a library keeps in a class for itself, made of the rest.
_OWN_OF_CLASSES: Final = re.compile(
    r"__(dict|weakref|doc|module|qualname|firstlineno|static_attributes|abstractmethods|dataclass_fields|"
    r"orig_bases|parameters|signature|hash|match_args|slots|pydantic_\w+|replace|annotate\w*|annotations_cache)__|_abc_impl"
)


class Walk:
    """One walk from one function.

    Attributes:
        texts: What each thing on the way is, by name and in the order in which they are met.
        versions: Those of Python and of the packages on the way, by name.
        unknown: What cannot be described, each in a few words.
    """

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.unknown: list[str] = []
        self._met: dict[int, str] = {}
        # While it goes on nothing else may get their ids.
        self._alive: list[Any] = []

    def describe(self, value: Any, name: str) -> str:
        """A text that is equal for values that do the same.

        Args:
            value: Anything.
            name: What to call it in what is unknown.
        """
        if type(value) in _BY_REPR or isinstance(value, (pathlib.PurePath, tzinfo)):
            return f"{type(value).__name__}:{value!r}"
        if id(value) in self._met:
            return self._met[id(value)]
        self._met[id(value)] = f"#{len(self._met)}"
        self._alive.append(value)
        return self._describe(value, name)

    def _describe(self, value: Any, name: str) -> str:
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, types.ModuleType):
            return self._installed(value.__name__) or self._module(value)
        if isinstance(value, _SILENT):
            return type(value).__name__
        parts = _parts(value)
        if parts is not None:
            return f"{type(value).__name__} {self._several(parts, name)}"
        return self._data(value) or self._object(value, name)

    def _installed(self, module: str) -> str:
        """The package of a module that somebody else has written, its version noted; "" for the author's own."""
        installed = package_version(module)
        if installed.name:
            self.versions[installed.name] = installed.version
        return installed.name

    def _several(self, values: Iterable[Any], name: str) -> str:
        return "[" + ",".join(self.describe(value, name) for value in values) + "]"

    def _function(self, function: types.FunctionType) -> str:
        if installed := self._installed(function.__module__ or ""):
            return f"{installed} {function.__module__}.{function.__qualname__}"
        reference = self._met[id(function)]
        name = _name_of(function)
        code = read_bytecode(function.__code__)
        lines = [code.text, self._several([function.__defaults__, function.__kwdefaults__], name)]
        lines += [f"{free}={text}" for free, text in self._closure(function, code, name)]
        lines += [f"{'.'.join(chain)}={self._global(chain, function, code, name)}" for chain in code.chains]
        lines += [f"import {self._import(found, function, name)}" for found in code.imports]
        own = {key: item for key, item in vars(function).items() if key != "__wrapped__"}
        if own:
            lines.append(self.describe(own, name))
        self._note(name, "\n".join(lines))
        return reference

    def _note(self, name: str, text: str) -> None:
        if self.texts.get(name) == text:
            return
        # Two lambdas of one module have one name.
        number = sum(1 for known in self.texts if known == name or known.startswith(f"{name} ("))
        self.texts[f"{name} ({number + 1})" if number else name] = text

    def _closure(self, function: types.FunctionType, code: Bytecode, name: str) -> Iterator[tuple[str, str]]:
        for free, cell in zip(code.frees, function.__closure__ or (), strict=True):
            try:
                content = cell.cell_contents
            except ValueError:
                yield free, "empty"
                continue
            if free in code.written and _is_scratch(content):
                yield free, _SCRATCH
            else:
                yield free, self.describe(content, f"'{free}' around {name}")

    def _global(self, chain: tuple[str, ...], function: types.FunctionType, code: Bytecode, name: str) -> str:
        first, *attributes = chain
        if first not in function.__globals__:
            if first in _BLIND:
                self.unknown.append(f"{name} calls {first}()")
            return f"builtin {hasattr(builtins, first)}"
        if first in code.written and _is_scratch(function.__globals__[first]):
            return _SCRATCH
        return self._attribute(function.__globals__[first], first, attributes, name)

    def _attribute(self, value: Any, path: str, attributes: list[str], name: str) -> str:
        for position, attribute in enumerate(attributes):
            if not isinstance(value, types.ModuleType):
                if attribute in CHANGING and _is_scratch(value):
                    return _SCRATCH
                break
            if installed := self._installed(value.__name__):
                return f"{installed} {value.__name__}.{'.'.join(attributes[position:])}"
            if not hasattr(value, attribute):
                return "absent"
            value, path = getattr(value, attribute), f"{path}.{attribute}"
        text = self.describe(value, f"'{path}' in {name}")
        if isinstance(value, types.FunctionType | type | types.ModuleType):
            return text
        # A name of its own: what has changed is the constant, and not each function that reads it.
        self._note(".".join([*name.split(".")[:-1], path]), text)
        # As the function spells it: the module's name is no part of what it does.
        return f"@{path}"

    def _import(self, found: Import, function: types.FunctionType, name: str) -> str:
        package = function.__globals__.get("__package__") or ""
        module = "." * found.level + found.module
        installed = "" if found.level else self._installed(found.module)
        if installed:
            return f"{installed} {found.module} {found.names}"
        try:
            imported = importlib.import_module(module, package or None)
        except Exception as error:  # noqa: BLE001  (importing a module runs whatever it holds)
            self.unknown.append(f"{name} imports {module}, which fails here ({type(error).__name__}: {error})")
            return module
        if not found.names:
            return self.describe(imported, module)
        return ",".join(self._attribute(imported, module, [attribute], name) for attribute in found.names)

    def _module(self, module: types.ModuleType) -> str:
        """All of a module of the author's own that is passed around as a value."""
        reference = self._met[id(module)]
        content = {
            key: value for key, value in vars(module).items() if not (key.startswith("__") and key.endswith("__"))
        }
        self._note(
            module.__name__,
            "\n".join(
                f"{key}={self.describe(value, f'{module.__name__}.{key}')}" for key, value in sorted(content.items())
            ),
        )
        return reference

    def _class(self, kind: type) -> str:
        if installed := self._installed(kind.__module__):
            return f"{installed} {kind.__module__}.{kind.__qualname__}"
        reference = self._met[id(kind)]
        name = _name_of(kind)
        lines = [self._several([type(kind), *kind.__bases__], name)]
        for key, value in sorted(vars(kind).items()):
            if not _OWN_OF_CLASSES.fullmatch(key) and not isinstance(
                value, types.MemberDescriptorType | types.GetSetDescriptorType
            ):
                lines.append(f"{key}={self.describe(value, f'{name}.{key}')}")
        self._note(name, "\n".join(lines))
        return reference

    def _data(self, value: Any) -> str:
        """Tables and arrays, by what would be stored of them; "" for anything else."""
        from blake3 import blake3

        from airflow_linepipe.handoff import CodecRegistry

        found = CodecRegistry().encode(value) if _is_data(value) else None
        if found is None or found[0].unpickles:
            return ""
        content = io.BytesIO()
        found[1].write(content)
        return f"{found[1].type} {blake3(content.getvalue()).hexdigest(length=16)}"

    def _object(self, value: Any, name: str) -> str:
        """By its class, and by what `copy` and `pickle` would make it of."""
        home = self._installed(getattr(value, "__module__", None) or type(value).__module__)
        if isinstance(value, types.WrapperDescriptorType | types.MethodDescriptorType):
            return f"{home} {value.__objclass__.__qualname__}.{value.__name__}"
        if isinstance(value, types.BuiltinFunctionType) and isinstance(value.__self__, types.ModuleType | None):
            return f"{home} {value.__qualname__}"
        label = str(getattr(value, "__name__", ""))
        if home and vars(sys.modules[type(value).__module__]).get(label) is value:  # NumPy's functions are objects
            return f"{home} {label}"
        if hasattr(value, "__wrapped__"):  # what functools.cache makes, for one
            return f"{self.describe(type(value), name)} around {self.describe(value.__wrapped__, name)}"
        try:
            reduced = value.__reduce_ex__(4)
        except Exception as error:  # noqa: BLE001  (the object's own code says what it is made of)
            self.unknown.append(f"{name} is a {type(value).__qualname__}, of which nothing is known ({error})")
            return type(value).__qualname__
        if isinstance(reduced, str) and home:
            return f"{home} {reduced}"
        if isinstance(reduced, str):
            self.unknown.append(f"{name} is a {type(value).__qualname__}, which is known by its name only")
            return reduced
        make, arguments, *rest = reduced
        # Of the state, the items of a list and those of a dict, the last two are iterators.
        state = [part if part is None or not isinstance(part, Iterator) else list(part) for part in rest]
        return f"{self.describe(type(value), name)} {self._several([make, arguments, *state], name)}"


def _parts(value: Any) -> Iterable[Any] | None:
    """What a value of one of Python's own kinds is made of; None for one of another kind."""
    make = _EXACTLY.get(type(value))
    if make is None:
        make = next((make for kinds, make in _KINDS if isinstance(value, kinds)), None)
    return None if make is None else make(value)


# A subclass may hold more.
_EXACTLY: Final[Mapping[type, Callable[[Any], Iterable[Any]]]] = {
    list: iter,
    tuple: iter,
    dict: lambda value: chained.from_iterable(value.items()),
    # Iterating gives another order in each process.
    set: lambda value: sorted(value, key=repr),
    frozenset: lambda value: sorted(value, key=repr),
}
_KINDS: Final[Sequence[tuple[type | tuple[type, ...], Callable[[Any], Iterable[Any]]]]] = (
    (types.MethodType, lambda value: [value.__func__, value.__self__]),
    (functools.partial, lambda value: [value.func, value.args, value.keywords]),
    ((staticmethod, classmethod), lambda value: [value.__func__]),
    (property, lambda value: [value.fget, value.fset, value.fdel]),
    (types.MappingProxyType, lambda value: [dict(value)]),
    (types.CellType, lambda value: [value.cell_contents]),
    (enum.Enum, lambda value: [type(value), value.name]),
)
# What they do is told to people, and to no other node.
_SILENT: Final = (logging.Logger, io.TextIOWrapper)


# What a function writes to is what it keeps, a counter or a memo, and not what it is made of.
_SCRATCH: Final = "written to"


def _is_scratch(value: Any) -> bool:
    return not isinstance(value, types.ModuleType | types.FunctionType | type)


def _is_data(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] in ("numpy", "pandas", "polars", "pyarrow")


def _name_of(thing: types.FunctionType | type) -> str:
    """With its module, unless that is the file of a DAG or a script, whose name is none."""
    module = thing.__module__ or ""
    if module == "__main__" or module.startswith("unusual_prefix_"):
        return thing.__qualname__
    return f"{module}.{thing.__qualname__}"
