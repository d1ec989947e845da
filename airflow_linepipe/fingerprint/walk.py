"""From a function to everything that it reaches, each thing once."""

from __future__ import annotations

import builtins
import collections
import importlib
import io
import re
import sys
import types
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final

from airflow_linepipe.fingerprint.bytecode import Bytecode, Import, read_bytecode
from airflow_linepipe.fingerprint.kinds import (
    class_parts,
    instance_parts,
    is_a,
    is_foreign,
    is_silent,
    kind_parts,
    plain_text,
    singledispatch_parts,
)
from airflow_linepipe.fingerprint.origin import package_version

__all__ = ["Walk"]

# What these see or make is not in the code that calls them.
_BLIND: Final = frozenset({"__import__", "compile", "eval", "exec", "globals", "locals", "vars"})
_BLIND_ELSEWHERE: Final = frozenset(
    {*(f"builtins.{name}" for name in _BLIND), "importlib.import_module", "importlib.__import__", "importlib.reload"}
    | {"sys.modules", "sys._getframe", "inspect.currentframe", "inspect.stack", "gc.get_objects", "gc.get_referrers"}
    | {"runpy.run_path", "runpy.run_module", "pkgutil.resolve_name", "pydoc.locate", "inspect.getsource"}
    | {f"{module}.{name}" for module in ("pickle", "_pickle", "dill", "cloudpickle") for name in ("load", "loads")}
    | {"pickle.Unpickler", "_pickle.Unpickler", "dill.Unpickler", "joblib.load", "pandas.read_pickle", "shelve.open"}
)
_BLIND_MODULES: Final = frozenset({"builtins", "cloudpickle", "dill", "importlib", "pickle", "runpy", "sys"})
# These a function may write to without anything else happening.
_CONTAINERS: Final = frozenset(
    {list, dict, set, bytearray, deque, collections.Counter, collections.defaultdict, collections.OrderedDict}
)
_IMMUTABLE: Final = frozenset({type(None), bool, int, float, complex, str, bytes, tuple, frozenset})
_CODE: Final = (types.FunctionType, type, types.ModuleType)
# What a function writes to is what it keeps, a counter or a log, and not what it is made of.
_SCRATCH: Final = "written to"
# How one value names another: no text of a value has this character.
_REFERENCE: Final = re.compile("\0[0-9]+")


class Walk:
    """One walk from one function.

    Attributes:
        versions: Those of Python and of the packages on the way, by name.
        unknown: What cannot be described, each in a few words.
    """

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}
        self.unknown: list[str] = []
        self._texts: list[str] = []
        self._numbers: dict[int, int] = {}
        # What is still to be described: its number, it, its name, and the part that it is of.
        self._waiting: deque[tuple[int, Any, str, list[str]]] = deque()
        # While it goes on nothing else may get their ids.
        self._alive: list[Any] = []
        self._part: list[str] = []
        self._parts: list[tuple[str, list[str]]] = []

    def take(self, thing: Any, name: str) -> str:
        """Describe something and all that it reaches in one text, which is equal for things that do the same.

        Args:
            thing: Anything.
            name: What to call it in what is unknown.
        """
        self._texts.append(self._describe(thing, name))
        while self._waiting:
            number, value, what, self._part = self._waiting.popleft()
            text = self._reach(value, number, what)
            self._texts.append(f"\0{number} {text}")
            self._part.append(text)
        return "\n".join(self._texts)

    def parts(self) -> dict[str, str]:
        """What each thing that was reached is, by name; what it reaches in turn is a part of its own."""
        texts: dict[str, dict[str, None]] = {}
        for name, part in self._parts:
            # Two lambdas of one module have one name.
            texts.setdefault(name, {})[_REFERENCE.sub("", "\n".join(part))] = None
        # What is reached last is told first: that has changed, the others only reach it.
        return {
            f"{name} ({number})" if number > 1 else name: text
            for name, different in reversed(texts.items())
            for number, text in enumerate(different, start=1)
        }

    def _describe(self, value: Any, name: str) -> str:
        """What it is, if that is short, or a number under which that is told later: nothing is nested too deep."""
        text = plain_text(value)
        if text is not None:
            return text
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._numbers)
            self._alive.append(value)
            self._waiting.append((number, value, name, self._part))
        return f"\0{number}"

    def _reach(self, value: Any, number: int, name: str) -> str:
        try:
            return self._text_of(value, name)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  (what describes an object may be the author's own code)
            self.unknown.append(f"{name} is a {type(value).__name__} that fails to be read ({type(error).__name__})")
            return f"unknown {number}"

    def _text_of(self, value: Any, name: str) -> str:
        if is_a(value, types.FunctionType):
            return self._function(value)
        if is_a(value, type):
            return self._class(value)
        if is_a(value, types.ModuleType):
            return self._foreign(value.__name__, "", name) or self._module(value)
        if is_silent(value):
            return type(value).__name__
        parts = kind_parts(value)
        if parts is not None:
            return f"{type(value).__name__} {self._several(parts, name)}"
        return self._data(value) or self._object(value, name)

    def _several(self, values: Iterable[Any], name: str) -> str:
        return "[" + ",".join([self._describe(value, name) for value in values]) + "]"

    def _installed(self, module: Any) -> str:
        """The package of a module that somebody else has written, its version noted; "" for the author's own."""
        installed = package_version(module if isinstance(module, str) else "")
        if installed.name:
            self.versions[installed.name] = installed.version
        return installed.name

    def _foreign(self, module: Any, path: str, name: str) -> str:
        """Something in a module that somebody else has written; "" if the module is the author's own."""
        installed = self._installed(module)
        if not installed:
            return ""
        known = path.split(".")
        if any(f"{module}.{'.'.join(known[:length])}" in _BLIND_ELSEWHERE for length in range(1, len(known) + 1)):
            self._blind(f"{module}.{path}", name)
        return f"{installed} {module}.{path}"

    def _blind(self, what: str, name: str) -> None:
        self.unknown.append(f"{name} uses {what}, of which there is no telling what it finds")

    def _start_part(self, name: str) -> None:
        self._part = []
        self._parts.append((name, self._part))

    @contextmanager
    def _inside(self, name: str) -> Iterator[None]:
        outer = self._part
        self._start_part(name)
        yield
        self._part = outer

    def _function(self, function: types.FunctionType) -> str:
        name = _name_of(function)
        if is_foreign(function) and (foreign := self._foreign(function.__module__, function.__qualname__, name)):
            return foreign
        self._start_part(name)
        code = read_bytecode(function.__code__)
        for blind in sorted(code.blind):
            self._blind(blind, name)
        lines = [code.text, self._several([function.__defaults__, function.__kwdefaults__], name)]
        versions = singledispatch_parts(function)
        if versions is not None:
            return "\n".join([*lines, self._describe(versions, name)])
        lines += [f"{free}={text}" for free, text in self._closure(function, code, name)]
        lines += [f"{'.'.join(chain)}={self._global(chain, function, code, name)}" for chain in code.chains]
        lines += [f"import {self._import(found, function, name)}" for found in code.imports]
        if vars(function):
            lines.append(self._describe(vars(function), name))
        return "\n".join(lines)

    def _closure(self, function: types.FunctionType, code: Bytecode, name: str) -> Iterator[tuple[str, str]]:
        for free, cell in zip(code.frees, function.__closure__ or (), strict=True):
            try:
                content = cell.cell_contents
            except ValueError:
                yield free, "empty"
                continue
            scratch = self._scratch(f"free {free}", content, code, name)
            yield free, scratch or self._describe(content, f"'{free}' around {name}")

    def _scratch(self, path: str, value: Any, code: Bytecode, name: str) -> str:
        """What to say in place of what a function only writes to; "" if it does more."""
        if not code.uses.is_scratch(path) or is_a(value, _CODE):
            return ""
        if type(value) in _CONTAINERS or (type(value) in _IMMUTABLE and path in code.uses.stored):
            return _SCRATCH
        # Of another kind: what a method of it does may be anything, and how it stores is its own.
        return "" if path in code.uses.called else f"{_SCRATCH} {self._describe(type(value), name)}"

    def _global(self, chain: tuple[str, ...], function: types.FunctionType, code: Bytecode, name: str) -> str:
        first, *attributes = chain
        if first not in function.__globals__:
            if first in _BLIND:
                self.unknown.append(f"{name} calls {first}()")
            return f"builtin {hasattr(builtins, first)}"
        return self._attribute(function.__globals__[first], (first, *attributes), code, name)

    def _attribute(self, value: Any, chain: tuple[str, ...], code: Bytecode | None, name: str) -> str:
        path, *attributes = chain
        for position, attribute in enumerate(attributes):
            if not is_a(value, types.ModuleType):
                break
            if foreign := self._foreign(value.__name__, ".".join(attributes[position:]), name):
                return foreign
            if not self._has(value, attribute, name):
                return "absent"
            value, path = getattr(value, attribute), f"{path}.{attribute}"
        if code is not None and (scratch := self._scratch(f"global {path}", value, code, name)):
            return scratch
        if is_a(value, types.ModuleType) and self._installed(value.__name__):
            return self._whole_foreign(value.__name__, name)
        if is_a(value, _CODE) or id(value) in self._numbers:
            return self._describe(value, path)
        # A part of its own: what has changed is the constant, and not each function that reads it.
        with self._inside(".".join([*name.split(".")[:-1], path])):
            text = self._describe(value, f"'{path}' in {name}")
            self._part.append(text)
        self._texts.append(f"@{path}={text}")
        # As the function spells it: the module's name is no part of what it does.
        return f"@{path}"

    def _whole_foreign(self, module: str, name: str) -> str:
        """A module of somebody else's that is used in ways that cannot be seen."""
        if module in _BLIND_MODULES:
            self._blind(module, name)
        return f"{self._installed(module)} {module}"

    def _import(self, found: Import, function: types.FunctionType, name: str) -> str:
        module = "." * found.level + found.module
        if not found.level and self._installed(found.module):
            if found.chains is None and not found.names:
                return self._whole_foreign(found.module, name)
            paths = found.names or [".".join(chain) for chain in found.chains or ()]
            return ",".join([self._foreign(found.module, path, name) for path in paths] or [found.module])
        package = function.__globals__.get("__package__") or ""
        try:
            imported = importlib.import_module(module, package or None)
        except Exception as error:  # noqa: BLE001  (importing a module runs whatever it holds)
            self.unknown.append(
                f"{name} imports {module}, which fails here ({type(error).__name__}: {_message(error)})"
            )
            return module
        if found.names:
            return ",".join(self._attribute(imported, (module, attribute), None, name) for attribute in found.names)
        first, _, rest = found.module.partition(".")
        if rest and not found.is_renamed:
            # It is the package that has a name then.
            imported = sys.modules[first]
        if found.chains is None:
            return self._describe(imported, module)
        return ",".join(self._attribute(imported, (first, *chain), None, name) for chain in found.chains)

    def _has(self, module: types.ModuleType, attribute: str, name: str) -> bool:
        """Whether a module has something; of a package that may be a module that nobody has imported yet."""
        if hasattr(module, attribute):
            return True
        inner = f"{module.__name__}.{attribute}"
        try:
            if not hasattr(module, "__path__") or find_spec(inner) is None:
                return False
            importlib.import_module(inner)
        except Exception as error:  # noqa: BLE001  (importing a module runs whatever it holds)
            self.unknown.append(f"{name} uses {inner}, which fails here ({type(error).__name__}: {_message(error)})")
        return hasattr(module, attribute)

    def _module(self, module: types.ModuleType) -> str:
        """All of a module of the author's own that is passed around as a value."""
        self._start_part(module.__name__)
        content = {key: value for key, value in vars(module).items() if not re.fullmatch("__.*__", key)}
        return "\n".join(
            f"{key}={self._describe(value, f'{module.__name__}.{key}')}" for key, value in sorted(content.items())
        )

    def _class(self, kind: type) -> str:
        name = _name_of(kind)
        if is_foreign(kind) and (foreign := self._foreign(kind.__module__, kind.__qualname__, name)):
            return foreign
        self._start_part(name)
        # With its name: under that an object of it is found in a file again.
        lines = [name, self._several([type(kind), *kind.__bases__], name)]
        lines += [f"{key}={self._describe(part, f'{name}.{key}')}" for key, part in class_parts(kind)]
        return "\n".join(lines)

    def _data(self, value: Any) -> str:
        """Tables and arrays, by what would be stored of them; "" for anything else."""
        if not _is_data(value):
            return ""
        from blake3 import blake3

        from airflow_linepipe.handoff import CodecRegistry

        found = CodecRegistry().encode(value)
        if found is None or found[0].unpickles:
            return ""
        content = io.BytesIO()
        found[1].write(content)
        return f"{found[1].type} {blake3(content.getvalue()).hexdigest(length=16)}"

    def _object(self, value: Any, name: str) -> str:
        """By its class and by what it consists of, or by what `copy` and `pickle` would make of it."""
        if is_a(value, types.WrapperDescriptorType | types.MethodDescriptorType):
            return self._foreign(
                value.__objclass__.__module__, f"{value.__objclass__.__qualname__}.{value.__name__}", name
            )
        if is_a(value, types.BuiltinFunctionType) and is_a(value.__self__, types.ModuleType | None):
            return self._foreign(value.__module__, value.__qualname__, name) or f"builtin {value.__qualname__}"
        kind = type(value)
        if self._installed(kind.__module__):
            label = str(getattr(value, "__name__", ""))
            if foreign := self._foreign(_module_with(value, label), label, name):
                return foreign
        parts, is_all = instance_parts(value)
        if not is_all:
            parts += self._reduced(value, name)
        return f"{self._describe(kind, name)} {self._several(parts, name)}"

    def _reduced(self, value: Any, name: str) -> list[Any]:
        try:
            reduced = value.__reduce_ex__(4)
        except Exception as error:  # noqa: BLE001  (the object's own code says what it is made of)
            why = f"{type(error).__name__}: {_message(error)}"
            self.unknown.append(f"{name} is a {type(value).__qualname__}, of which nothing is known ({why})")
            return []
        if isinstance(reduced, str):
            if not self._installed(type(value).__module__) or not self._installed(_module_with(value, reduced)):
                self.unknown.append(f"{name} is a {type(value).__qualname__}, which is known by its name only")
            return [reduced]
        # Of the state, the items of a list and those of a dict, the last two are iterators.
        return [list(part) if isinstance(part, Iterator) else part for part in reduced]


def _module_with(value: Any, label: str) -> str:
    """The module in which an object lies under a name, as NumPy's functions do; "" if there is none."""
    home = type(value).__module__
    for name in (home, getattr(value, "__module__", None), home.partition(".")[0]):
        module = sys.modules.get(name) if isinstance(name, str) else None
        if label and module is not None and vars(module).get(label) is value:
            return module.__name__
    return ""


def _message(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001  (an author's exception may fail at anything)
        return ""


def _is_data(value: Any) -> bool:
    module = type(value).__module__
    return isinstance(module, str) and module.partition(".")[0] in ("numpy", "pandas", "polars", "pyarrow")


def _name_of(thing: types.FunctionType | type) -> str:
    """With its module, unless that is the file of a DAG or a script, whose name is none."""
    module = thing.__module__ or ""
    if module == "__main__" or module.startswith("unusual_prefix_"):
        return thing.__qualname__
    return f"{module}.{thing.__qualname__}"
