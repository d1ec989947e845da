"""Which globals, and which variables of the functions around it, a code object changes: counters, memos, registries."""

from __future__ import annotations

import dis
from collections.abc import Iterator, Sequence
from typing import Final

__all__ = ["CHANGING", "names_written"]

_LOADS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_GLOBALS"})
_REBINDS: Final = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "DELETE_DEREF"})
_ATTRIBUTES: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
# What is stored to, counted from the top of the stack.
_CONTAINERS: Final = {
    "STORE_SUBSCR": 2,
    "DELETE_SUBSCR": 2,
    "STORE_SLICE": 3,
    "STORE_ATTR": 1,
    "DELETE_ATTR": 1,
}
# Those that leave nothing on the stack.
_SINKS: Final = ("POP_", "STORE_", "DELETE_", "RETURN_", "RERAISE", "RAISE_", "LIST_APPEND", "SET_ADD", "MAP_ADD")
# Of lists, dicts, sets, deques and counters.
CHANGING: Final = frozenset(
    {"add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop", "popitem", "popleft"}
    | {"remove", "reverse", "rotate", "setdefault", "sort", "subtract", "update"}
)


def names_written(instructions: Sequence[dis.Instruction]) -> Iterator[str]:
    """The names of the variables that instructions rebind, store into, or call a changing method of.

    A function that writes to a variable from outside keeps something there, and is not made of it.

    Args:
        instructions: Those of one code object.
    """
    # The names of what lies on the stack, as far as they are known: "" for anything computed.
    stack: list[str] = []
    for instruction in instructions:
        name = instruction.opname
        if name in _REBINDS:
            yield str(instruction.argval)
        depth = _CONTAINERS.get(name, 0)
        if depth and len(stack) >= depth and stack[-depth]:
            yield stack[-depth]
        if name in _ATTRIBUTES and stack and stack[-1] and instruction.argval in CHANGING:
            yield stack[-1]
        _apply(instruction, stack)


def _apply(instruction: dis.Instruction, stack: list[str]) -> None:
    name, argument = instruction.opname, instruction.arg or 0
    if instruction.is_jump_target:
        # Whence it was reached is not known.
        stack.clear()
    if name in _LOADS:
        # The lowest bit says that a NULL is pushed with a global, before or after it.
        stack += [str(instruction.argval)] if name != "LOAD_GLOBAL" else _global(instruction)
    elif name == "COPY":
        stack.append(stack[-argument] if len(stack) >= argument else "")
    elif name == "SWAP" and len(stack) >= argument:
        stack[-1], stack[-argument] = stack[-argument], stack[-1]
    else:
        effect = dis.stack_effect(instruction.opcode, instruction.arg, jump=False)
        del stack[max(0, len(stack) + min(effect, 0)) :]
        if stack and not name.startswith(_SINKS) and not name.startswith("LOAD_"):
            stack[-1] = ""
        stack += [""] * max(effect, 0)
        if name in _ATTRIBUTES and stack:
            stack[-1] = ""


def _global(instruction: dis.Instruction) -> list[str]:
    name = str(instruction.argval)
    effect = dis.stack_effect(instruction.opcode, instruction.arg, jump=False)
    return [name] if effect == 1 else ["", name]
