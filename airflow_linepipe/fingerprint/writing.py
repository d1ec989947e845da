"""Which variables from outside a code object only writes to, and never reads: counters, logs, registries.

The instructions are followed with a stack of what each value is made of: whatever reaches a result, a local variable,
a condition, a loop or another function has been read. In doubt it has.
"""

from __future__ import annotations

import dis
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Final, NamedTuple

__all__ = ["Uses", "uses_of"]

_GLOBALS: Final = {"LOAD_GLOBAL": 0, "LOAD_NAME": 0, "LOAD_FROM_DICT_OR_GLOBALS": 1}
_FREES: Final = {"LOAD_DEREF": 0, "LOAD_CLASSDEREF": 0, "LOAD_FROM_DICT_OR_DEREF": 1}
_ATTRIBUTES: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_REBINDS: Final = frozenset({"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "DELETE_DEREF"})
# How many values are taken from the stack, and which of them, from the top, is what is stored to.
_STORES: Final = {
    "STORE_SUBSCR": (3, 2),
    "DELETE_SUBSCR": (2, 2),
    "STORE_SLICE": (4, 3),
    "STORE_ATTR": (2, 1),
    "DELETE_ATTR": (1, 1),
}
# What makes one value of others, and does nothing else.
_MAKES: Final = frozenset(
    {"BINARY_OP", "BINARY_SUBSCR", "BINARY_SLICE", "UNARY_NEGATIVE", "UNARY_POSITIVE", "UNARY_INVERT", "UNARY_NOT"}
    | {"BUILD_TUPLE", "BUILD_LIST", "BUILD_SET", "BUILD_MAP", "BUILD_CONST_KEY_MAP", "BUILD_STRING", "BUILD_SLICE"}
    | {"FORMAT_VALUE", "FORMAT_SIMPLE", "FORMAT_WITH_SPEC", "CONVERT_VALUE", "TO_BOOL", "LIST_TO_TUPLE"}
)
# What takes values, and leaves one that says nothing of where they come from: they have been read.
_TAKES_FOR_ONE: Final = frozenset(
    {"COMPARE_OP", "CONTAINS_OP", "IS_OP", "GET_ITER", "MAKE_FUNCTION", "SET_FUNCTION_ATTRIBUTE", "CALL_FUNCTION_EX"}
    | {"IMPORT_NAME", "CALL_INTRINSIC_1", "CALL_INTRINSIC_2", "STORE_FAST_LOAD_FAST"}
)
_TAKES: Final = frozenset(
    {"RETURN_VALUE", "RAISE_VARARGS", "RERAISE", "STORE_FAST", "STORE_NAME", "STORE_FAST_STORE_FAST", "LIST_APPEND"}
    | {"SET_ADD", "MAP_ADD", "LIST_EXTEND", "SET_UPDATE", "DICT_UPDATE", "DICT_MERGE", "POP_EXCEPT", "END_FOR"}
    | {"NOP", "RESUME", "PRECALL", "KW_NAMES", "COPY_FREE_VARS", "MAKE_CELL", "EXTENDED_ARG", "RETURN_CONST"}
    | {"DELETE_FAST", "DELETE_NAME"}
)
_ENDS: Final = frozenset({"RETURN_VALUE", "RETURN_CONST", "RAISE_VARARGS", "RERAISE"})
_JUMPS: Final = frozenset({"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT"})
# Methods of lists, dicts, sets, deques and counters that change them, and those of them that never fail.
_ADDING: Final = frozenset({"add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "update"})
_CHANGING: Final = _ADDING | {
    *("insert", "pop", "popitem", "popleft", "remove", "reverse", "rotate", "setdefault", "sort", "subtract")
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Uses:
    """What a code object does with variables from outside: "global counts", "global helpers.counts", "free total".

    Attributes:
        stored: Those that it rebinds, or of which it stores an item or an attribute.
        called: Those of which it calls a method that changes lists, dicts or sets.
        read: Those that it reads for anything but writing to them.
    """

    stored: frozenset[str]
    called: frozenset[str]
    read: frozenset[str]

    def is_scratch(self, path: str) -> bool:
        """Whether it only writes to a variable."""
        return path not in self.read and (path in self.stored or path in self.called)

    def including(self, inner: Iterable[Uses], frees: Sequence[str]) -> Uses:
        """These with those of code inside it, whose variables may be its own: all but these free ones."""
        parts = [self, *inner]
        outside = {f"free {name}" for name in frees}

        def united(sets: Iterable[frozenset[str]]) -> frozenset[str]:
            return frozenset(
                path
                for each in sets
                for path in each
                if path.startswith("global ") or path.partition(".")[0] in outside
            )

        return Uses(
            stored=united(part.stored for part in parts),
            called=united(part.called for part in parts),
            read=united(part.read for part in parts),
        )


class _Item(NamedTuple):
    """A value on the stack.

    Attributes:
        path: The variable that it is, or of whose attributes it is one; "" if it is computed.
        made_of: The variables that it is, or is computed from.
        is_left: Whether it is what a method that changes a variable leaves: it may be dropped unread.
    """

    path: str = ""
    made_of: frozenset[str] = frozenset()
    is_left: bool = False


_PLAIN: Final = _Item()


def uses_of(code: CodeType, instructions: Sequence[dis.Instruction]) -> Uses:
    """What a code object does with variables from outside, without the code inside it.

    Args:
        code: The code object.
        instructions: Its instructions.
    """
    followed = _Followed(code, instructions)
    for instruction in instructions:
        followed.follow(instruction)
    read = followed.read | followed.loaded if followed.is_lost else followed.read
    return Uses(stored=frozenset(followed.stored), called=frozenset(followed.called), read=frozenset(read))


class _Followed:
    """The instructions of one code object as far as they have been followed."""

    def __init__(self, code: CodeType, instructions: Sequence[dis.Instruction]) -> None:
        self.stored: set[str] = set()
        self.called: set[str] = set()
        self.read: set[str] = set()
        self.loaded: set[str] = set()
        self.is_lost = False
        self._frees = frozenset(code.co_freevars)
        # None after a jump or a return, until something jumps to what follows.
        self._stack: list[_Item] | None = []
        self._at: dict[int, list[_Item]] = {}
        self._guarded: list[tuple[int, int]] = []
        self._is_guarded = False
        self._enter_handlers(code, {instruction.offset: instruction.opname for instruction in instructions})

    def _enter_handlers(self, code: CodeType, names: Mapping[int, str]) -> None:
        if not code.co_exceptiontable:
            return
        for entry in dis.Bytecode(code).exception_entries:  # type: ignore[attr-defined]
            self._at.setdefault(entry.target, [_PLAIN] * (entry.depth + entry.lasti + 1))
            if names.get(entry.target) == "PUSH_EXC_INFO":
                self._guarded.append((entry.start, entry.end))

    def follow(self, instruction: dis.Instruction) -> None:
        """Take one more instruction."""
        offset = instruction.offset
        if offset in self._at:
            self._join(self._at[offset])
        if self._stack is None:
            self.is_lost = True
            self._stack = []
        if instruction.is_jump_target:
            self._at[offset] = list(self._stack)
        self._is_guarded = any(start <= offset < end for start, end in self._guarded)
        if instruction.opcode in dis.hasjrel or instruction.opcode in dis.hasjabs:
            self._jump(instruction, self._stack)
        else:
            self._apply(instruction, self._stack)
        if instruction.opname in _ENDS or instruction.opname in _JUMPS:
            self._stack = None

    def _join(self, other: list[_Item]) -> None:
        if self._stack is None:
            self._stack = list(other)
        elif len(self._stack) != len(other):
            self.is_lost = True
        else:
            self._stack = [
                _Item(
                    path=one.path if one.path == two.path else "",
                    made_of=one.made_of | two.made_of,
                    is_left=(one.is_left or not one.made_of) and (two.is_left or not two.made_of),
                )
                for one, two in zip(self._stack, other, strict=True)
            ]

    def _jump(self, instruction: dis.Instruction, stack: list[_Item]) -> None:
        name, target = instruction.opname, int(instruction.argval)
        if name.startswith("POP_JUMP"):
            self._reads(self._take(stack, 1))
            self._reach(target, stack, instruction.offset)
        elif name.startswith("JUMP_IF"):
            self._reads(stack[-1:])
            self._reach(target, stack, instruction.offset)
            self._take(stack, 1)
        else:
            if name not in _JUMPS and name != "FOR_ITER":
                self._reads(stack)
            there = list(stack)
            self._change(there, dis.stack_effect(instruction.opcode, instruction.arg, jump=True))
            self._reach(target, there, instruction.offset)
            if name not in _JUMPS:
                self._change(stack, dis.stack_effect(instruction.opcode, instruction.arg, jump=False))

    def _reach(self, target: int, stack: list[_Item], offset: int) -> None:
        known = self._at.get(target)
        if known is None:
            self.is_lost = self.is_lost or target <= offset
            self._at[target] = list(stack)
        elif target > offset:
            here, self._stack = self._stack, list(stack)
            self._join(known)
            self._at[target], self._stack = self._stack, here
        elif len(known) != len(stack):
            self.is_lost = True
        else:
            self._reads(item for item, before in zip(stack, known, strict=True) if item.made_of - before.made_of)

    def _apply(self, instruction: dis.Instruction, stack: list[_Item]) -> None:
        name = instruction.opname
        effect = dis.stack_effect(instruction.opcode, instruction.arg, jump=False)
        if name in _GLOBALS or name in _FREES or name in _ATTRIBUTES:
            self._load(instruction, effect, stack)
        elif name in ("COPY", "SWAP", "POP_TOP"):
            self._move(name, instruction.arg or 0, stack)
        elif name in _REBINDS or name in _STORES:
            self._write(instruction, effect, stack)
        elif name in ("CALL", "CALL_KW"):
            self._call(self._take(stack, 1 - effect), stack)
        elif name in _MAKES:
            self._make(self._take(stack, 1 - effect), stack)
        elif name in _TAKES_FOR_ONE:
            self._reads(self._take(stack, 1 - effect))
            stack.append(_PLAIN)
        elif name in _TAKES:
            self._reads(self._take(stack, -effect))
        else:
            if not name.startswith(("LOAD_", "PUSH_NULL")) or effect < 1:
                self._reads(stack)
                stack[:] = [_PLAIN] * len(stack)
            self._change(stack, effect)

    def _move(self, name: str, argument: int, stack: list[_Item]) -> None:
        if name == "POP_TOP":
            self._reads(item for item in stack[-1:] if not item.is_left)
            del stack[-1:]
        elif len(stack) < argument:
            self.is_lost = True
        elif name == "COPY":
            stack.append(stack[-argument])
        else:
            stack[-1], stack[-argument] = stack[-argument], stack[-1]

    def _make(self, parts: list[_Item], stack: list[_Item]) -> None:
        if self._is_guarded:
            # Whether it fails may be seen.
            self._reads(parts)
        stack.append(_Item(made_of=_all_of(parts)))

    def _load(self, instruction: dis.Instruction, effect: int, stack: list[_Item]) -> None:
        name = instruction.opname
        if name in _ATTRIBUTES:
            (whole,) = self._take(stack, 1)
            if self._is_guarded and instruction.argval not in _CHANGING:
                self._reads([whole])
            path = f"{whole.path}.{instruction.argval}" if whole.path else ""
            item = _Item(path=path, made_of=whole.made_of | {path} if path else whole.made_of)
            pushed = effect + 1
        else:
            taken = _GLOBALS.get(name, _FREES.get(name, 0))
            self._reads(self._take(stack, taken))
            path = f"global {instruction.argval}" if name in _GLOBALS else f"free {instruction.argval}"
            is_outer = name in _GLOBALS or instruction.argval in self._frees
            item = _Item(path=path, made_of=frozenset({path})) if is_outer else _PLAIN
            pushed = effect + taken
        self.loaded |= item.made_of
        # The second is NULL or `self`, before or after it.
        stack += [item, _PLAIN][:pushed]

    def _write(self, instruction: dis.Instruction, effect: int, stack: list[_Item]) -> None:
        name = instruction.opname
        if name in _REBINDS:
            values = self._take(stack, -effect)
            is_outer = name.endswith("GLOBAL") or instruction.argval in self._frees
            kind = "global" if name.endswith("GLOBAL") else "free"
            path = f"{kind} {instruction.argval}" if is_outer else ""
        else:
            count, position = _STORES[name]
            values = self._take(stack, count)
            if self._is_guarded:
                self._reads(values)
            path = values.pop(-position).path if values[-position].path else ""
        if path:
            self.stored.add(path)
        self._reads(values, {path})

    def _call(self, items: list[_Item], stack: list[_Item]) -> None:
        """With the function and NULL, or the method and `self`, in the first two places."""
        called = next((item for item in items[:2] if item.path), _PLAIN)
        owner, _, method = called.path.rpartition(".")
        if owner and method in _CHANGING:
            self.called.add(owner)
            self._reads(items[2:], {owner})
            if self._is_guarded and method not in _ADDING:
                self._reads([called])
            stack.append(_Item(made_of=called.made_of, is_left=True))
        elif owner and method == "get" and not self._is_guarded:
            stack.append(_Item(made_of=_all_of(items)))
        else:
            self._reads(items)
            stack.append(_PLAIN)

    def _reads(self, items: Iterable[_Item], into: Collection[str] = ()) -> None:
        """Note what is read, but for what is written back into where it comes from."""
        for item in items:
            self.read.update(item.made_of.difference(into))

    def _take(self, stack: list[_Item], count: int) -> list[_Item]:
        if count > len(stack):
            self.is_lost = True
            stack[:0] = [_PLAIN] * (count - len(stack))
        taken = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        return taken

    def _change(self, stack: list[_Item], effect: int) -> None:
        if effect < 0:
            self._reads(self._take(stack, -effect))
        stack += [_PLAIN] * max(effect, 0)


def _all_of(items: Iterable[_Item]) -> frozenset[str]:
    return frozenset().union(*(item.made_of for item in items))
