"""What a code object does, apart from its comments, its formatting and the names of its local variables.

Bytecode and not source: it is what runs, also if the file has been edited since, and a lambda has it as well.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final
from weakref import WeakKeyDictionary

from airflow_linepipe.fingerprint.writing import names_written

__all__ = ["Bytecode", "Import", "read_bytecode"]

# What a class body says about itself, and not about what it does.
_DESCRIPTIONS: Final = frozenset({"__doc__", "__firstlineno__", "__qualname__", "__static_attributes__"})
_GLOBALS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_ATTRIBUTES: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_IS_GENERATOR: Final = 0x20 | 0x80 | 0x200
_HAS_ARGS: Final = 0x04
_HAS_KEYWORDS: Final = 0x08


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """An import statement inside a function.

    Attributes:
        module: The module's name as it is written.
        level: How many dots stand before it.
        names: What is imported from it; () for the module itself.
    """

    module: str
    level: int
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bytecode:
    """What a code object does.

    Attributes:
        text: Its instructions, in words that are equal if and only if they are.
        chains: The globals it reads, each with the attributes that are taken of it at once: ("helpers", "clean").
        imports: What it imports.
        frees: The names of the variables that it has of the functions around it.
        written: The names of the globals, and of these variables, that it changes.
    """

    text: str
    chains: tuple[tuple[str, ...], ...]
    imports: tuple[Import, ...]
    frees: tuple[str, ...]
    written: frozenset[str]


_known: WeakKeyDictionary[CodeType, Bytecode] = WeakKeyDictionary()


def read_bytecode(code: CodeType) -> Bytecode:
    """What a code object does, and what it reaches for."""
    found = _known.get(code)
    if found is None:
        found = _known[code] = _read(code)
    return found


def _read(code: CodeType) -> Bytecode:
    instructions = list(dis.get_instructions(code))
    inner = [read_bytecode(constant) for constant in _codes(instructions)]
    chains = [*_chains(instructions), *(chain for part in inner for chain in part.chains)]
    imports = [*_imports(instructions), *(found for part in inner for found in part.imports)]
    return Bytecode(
        text="\n".join([_signature(code), *_lines(instructions), code.co_exceptiontable.hex()]),
        chains=tuple(dict.fromkeys(chains)),
        imports=tuple(dict.fromkeys(imports)),
        frees=code.co_freevars,
        written=frozenset(names_written(instructions)).union(*(part.written for part in inner)),
    )


def _signature(code: CodeType) -> str:
    """How it may be called. Callers know arguments by name, local variables by nothing."""
    flags = code.co_flags & (_HAS_ARGS | _HAS_KEYWORDS | _IS_GENERATOR)
    count = code.co_argcount + code.co_kwonlyargcount + bool(flags & _HAS_ARGS) + bool(flags & _HAS_KEYWORDS)
    names = code.co_varnames[:count]
    return repr((names, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, flags))


def _lines(instructions: Sequence[dis.Instruction]) -> Iterator[str]:
    for position, instruction in enumerate(instructions):
        after = instructions[position + 1] if position + 1 < len(instructions) else None
        yield f"{instruction.opname} {_argument(instruction, after)}"


def _argument(instruction: dis.Instruction, after: dis.Instruction | None) -> str:
    if instruction.opcode in dis.hasconst:
        if after is not None and after.opname == "STORE_NAME" and after.argval in _DESCRIPTIONS:
            return "description"
        return _constant(instruction.argval)
    if instruction.opcode in dis.hasname:
        # The lowest bit of some says more than the name.
        return f"{instruction.argval} {(instruction.arg or 0) & 1}"
    return str(instruction.arg)


def _constant(value: Any) -> str:
    """Equal for constants of the same type and value: 1, 1.0 and True are not, nor are 0.0 and -0.0."""
    if isinstance(value, CodeType):
        return "{" + read_bytecode(value).text + "}"
    if isinstance(value, tuple):
        return f"({','.join(map(_constant, value))})"
    if isinstance(value, frozenset):
        return f"frozenset({','.join(sorted(map(_constant, value)))})"
    return f"{type(value).__name__}:{value!r}"


def _codes(instructions: Sequence[dis.Instruction]) -> Iterator[CodeType]:
    for instruction in instructions:
        if instruction.opcode in dis.hasconst and isinstance(instruction.argval, CodeType):
            yield instruction.argval


def _chains(instructions: Sequence[dis.Instruction]) -> Iterator[tuple[str, ...]]:
    position = 0
    while position < len(instructions):
        instruction = instructions[position]
        position += 1
        if instruction.opname not in _GLOBALS:
            continue
        chain = [instruction.argval]
        while position < len(instructions) and instructions[position].opname in _ATTRIBUTES:
            chain.append(instructions[position].argval)
            position += 1
        yield tuple(chain)


def _imports(instructions: Sequence[dis.Instruction]) -> Iterator[Import]:
    for position, instruction in enumerate(instructions):
        if instruction.opname == "IMPORT_NAME":
            level, names = (before.argval for before in instructions[position - 2 : position])
            yield Import(module=instruction.argval, level=level, names=tuple(names or ()))
