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

from airflow_linepipe.fingerprint.writing import Uses, uses_of

__all__ = ["Bytecode", "Import", "read_bytecode"]

# What a class body says about itself, and not about what it does.
_DESCRIPTIONS: Final = frozenset({"__doc__", "__firstlineno__", "__qualname__", "__static_attributes__"})
_GLOBALS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_ATTRIBUTES: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
# Attributes from which there is no telling where they lead.
_BLIND: Final = frozenset({"__globals__", "__subclasses__", "f_globals", "f_locals"})
_IS_GENERATOR: Final = 0x20 | 0x80 | 0x100 | 0x200
_HAS_ARGS: Final = 0x04
_HAS_KEYWORDS: Final = 0x08


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """An import statement inside a function.

    Attributes:
        module: The module's name as it is written.
        level: How many dots stand before it.
        names: What is imported from it; () for the module itself.
        is_renamed: Whether it is ``import a.b as c``, which gives b and not a.
        chains: Of a module itself, the attributes that are taken of it; None if it is used in other ways as well.
    """

    module: str
    level: int
    names: tuple[str, ...]
    is_renamed: bool
    chains: tuple[tuple[str, ...], ...] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Bytecode:
    """What a code object does.

    Attributes:
        text: Its instructions, in words that are equal if and only if they are.
        chains: The globals it reads, each with the attributes that are taken of it at once: ("helpers", "clean").
        imports: What it imports.
        frees: The names of the variables that it has of the functions around it.
        uses: How it writes to globals and to these variables.
        blind: The attributes it takes from which there is no telling where they lead.
    """

    text: str
    chains: tuple[tuple[str, ...], ...]
    imports: tuple[Import, ...]
    frees: tuple[str, ...]
    uses: Uses
    blind: frozenset[str]


_known: WeakKeyDictionary[CodeType, Bytecode] = WeakKeyDictionary()


def read_bytecode(code: CodeType) -> Bytecode:
    """What a code object does, and what it reaches for."""
    found = _known.get(code)
    if found is None:
        found = _known[code] = _read(code)
    return found


def _read(code: CodeType) -> Bytecode:
    instructions = list(dis.get_instructions(code))
    inner = [read_bytecode(constant) for constant in code.co_consts if isinstance(constant, CodeType)]
    chains = [*_chains(instructions), *(chain for part in inner for chain in part.chains)]
    imports = [*_imports(instructions), *(found for part in inner for found in part.imports)]
    attributes = {instruction.argval for instruction in instructions if instruction.opname in _ATTRIBUTES}
    return Bytecode(
        text="\n".join([_signature(code), *_lines(instructions, code), code.co_exceptiontable.hex()]),
        chains=tuple(dict.fromkeys(chains)),
        imports=tuple(dict.fromkeys(imports)),
        frees=code.co_freevars,
        uses=uses_of(code, instructions).including((part.uses for part in inner), code.co_freevars),
        blind=frozenset(attributes & _BLIND).union(*(part.blind for part in inner)),
    )


def _signature(code: CodeType) -> str:
    """How it may be called. Callers know arguments by name, local variables by nothing."""
    flags = code.co_flags & (_HAS_ARGS | _HAS_KEYWORDS | _IS_GENERATOR)
    count = code.co_argcount + code.co_kwonlyargcount + bool(flags & _HAS_ARGS) + bool(flags & _HAS_KEYWORDS)
    names = code.co_varnames[:count]
    return repr((names, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, flags))


def _lines(instructions: Sequence[dis.Instruction], code: CodeType) -> Iterator[str]:
    for position, instruction in enumerate(instructions):
        after = instructions[position + 1] if position + 1 < len(instructions) else None
        yield f"{instruction.opname} {_argument(instruction, after, code)}"


def _argument(instruction: dis.Instruction, after: dis.Instruction | None, code: CodeType) -> str:
    if instruction.opcode in dis.hasconst:
        if after is not None and after.opname == "STORE_NAME" and after.argval in _DESCRIPTIONS:
            return "description"
        # Not `argval`, which is unknown for the names of arguments in a call.
        return _constant(code.co_consts[instruction.arg or 0])
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
    if type(value) is int:
        return f"int:{value:#x}"
    return f"{type(value).__name__}:{value!r}"


def _chains(instructions: Sequence[dis.Instruction]) -> Iterator[tuple[str, ...]]:
    for position, instruction in enumerate(instructions):
        if instruction.opname in _GLOBALS:
            yield (instruction.argval, *_attributes(instructions, position + 1))


def _attributes(instructions: Sequence[dis.Instruction], position: int) -> Iterator[str]:
    while position < len(instructions) and instructions[position].opname in _ATTRIBUTES:
        yield instructions[position].argval
        position += 1


def _imports(instructions: Sequence[dis.Instruction]) -> Iterator[Import]:
    for position, instruction in enumerate(instructions):
        if instruction.opname == "IMPORT_NAME":
            level, names = (before.argval for before in instructions[position - 2 : position])
            yield Import(
                module=instruction.argval,
                level=level,
                names=tuple(names or ()),
                is_renamed=instructions[position + 1].opname == "IMPORT_FROM",
                chains=None if names else _chains_of(_stored(instructions, position), instructions),
            )


def _stored(instructions: Sequence[dis.Instruction], position: int) -> str:
    """The local variable in which an import leaves a module; "" if it is not one."""
    stores = (instruction for instruction in instructions[position:] if instruction.opname.startswith("STORE_"))
    store = next(stores)
    if store.opname == "STORE_FAST_LOAD_FAST":
        return str(store.argval[0])
    return str(store.argval) if store.opname == "STORE_FAST" else ""


def _chains_of(variable: str, instructions: Sequence[dis.Instruction]) -> tuple[tuple[str, ...], ...] | None:
    """What is taken of a local variable; None if it is more than attributes, or if that cannot be seen."""
    if not variable:
        return None
    chains = []
    for position, instruction in enumerate(instructions):
        loaded = _loaded(instruction)
        if variable in loaded:
            chain = tuple(_attributes(instructions, position + 1))
            if not chain or variable in loaded[:-1]:
                return None
            chains.append(chain)
    return tuple(dict.fromkeys(chains))


def _loaded(instruction: dis.Instruction) -> tuple[str, ...]:
    if "LOAD_FAST" not in instruction.opname:
        return ()
    names = instruction.argval if isinstance(instruction.argval, tuple) else (instruction.argval,)
    return names[1:] if instruction.opname.startswith("STORE_") else names
