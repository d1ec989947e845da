"""Random worlds of an author (see `authored`), and random changes of them, as a hypothesis strategy.

Everything is drawn from a few small numbers, so that what one world holds often stands in another one as well: a wrong
hit shows across worlds too. The functions take any values, and tell the whole of them by a number (`told`).
"""

from __future__ import annotations

import zlib
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from authored import World
from drawn_pipelines import fingerprint
from hypothesis import strategies as st

SMALL = st.integers(0, 3)
OPERATORS = st.sampled_from("+-*")
DTYPES = st.sampled_from(["int64", "uint64", "float32"])
LABELS = st.sampled_from(["a", "b"])
KINDS = ["number", "list", "frame", "array", "two", "box", "boxed", "spoil", "mixed", "passed"]
WRAPS = ["{}", "partial({}, extra={n})", "closed({}, {n})", "decorated({})", "Times({}, {n})"]
CALLS = st.sampled_from(["n, extra", "first=n, second=extra", "second=n, first=extra"])
GIVEN = ["g0", "g1", "g2"]
CONFIG = ["config.window", "config.rows", "config.section", "config.section.depth"]


def told(value: Any) -> int:
    """A number that tells everything about a value."""
    return zlib.crc32(fingerprint(value).encode()) % 1000


@dataclass(frozen=True)
class Helper:
    """A helper function: ``first + constant op number``, through the helper before it or not."""

    operator: str
    number: int
    constant: int
    chained: bool
    swapped: bool = False

    def text(self, position: int) -> str:
        inner = f"h{position - 1}(first=first, second=second)" if self.chained and position else "first * 2 - second"
        names = "second, first" if self.swapped else "first, second"
        return f"def h{position}({names}):\n    return ({inner} + K[{self.constant}]) {self.operator} {self.number}\n"


@dataclass(frozen=True)
class Function:
    """A node's function, its inputs and its outputs."""

    kind: str
    helper: int
    number: int
    default: int
    dtype: str
    label: str
    wrap: str
    call: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def text(self, position: int) -> str:
        lines = [
            f"def f{position}(*values, extra={self.default}):",
            "n = sum(worlds.told(value) * (place + 1) for place, value in enumerate(values))",
            f"n = h{self.helper}({self.call}) % 7",
            *_BODIES[self.kind],
        ]
        filled = {"NUMBER": str(self.number), "DTYPE": repr(self.dtype), "LABEL": repr(self.label)}
        text = "\n    ".join(lines)
        for name, content in filled.items():
            text = text.replace(name, content)
        return text + "\n"

    @property
    def expression(self) -> str:
        return self.wrap.replace("{n}", str(self.number))


_BODIES = {
    "number": ["return n + NUMBER"],
    "list": ["return [n, NUMBER, *CONSTANTS]"],
    "frame": ["return pd.DataFrame({LABEL: np.arange(n + NUMBER).astype(DTYPE)})"],
    "array": ["result = np.zeros(9, dtype=DTYPE)", "result[4] = n", "return result"],
    "two": ["return n + NUMBER, [NUMBER]"],
    "box": ["return Box(n)"],
    "boxed": ["return [value.value() if hasattr(value, 'value') else n for value in values] + [n]"],
    "spoil": [
        "for value in values:",
        "    if isinstance(value, list):",
        "        value.append(NUMBER)",
        "return [n, *(worlds.told(value) for value in values)]",
    ],
    "mixed": ["return {LABEL: n, 'rest': (NUMBER, None, 0.5)}"],
    "passed": ["return values[0] if values else NUMBER"],
}
_HEAD = """
from functools import partial, update_wrapper, wraps
import drawn_worlds as worlds
import numpy as np
import pandas as pd
from helpers import *

CONSTANTS = {constants}

def closed(function, number):
    def inner(*values):
        return function(*values, extra=number)
    return inner

def decorated(function):
    @wraps(function)
    def inner(*values):
        return function(*values, extra={extra})
    return inner

class Times:
    def __init__(self, function, number):
        update_wrapper(self, function)
        self.function, self.number = function, number

    def __call__(self, *values):
        return self.function(*values, extra=self.number)

class Box:
    def __init__(self, number):
        self.number = number

    def value(self):
        return self.number + {box}

    def __repr__(self):
        return f"Box({{self.number}})"
"""


@dataclass(frozen=True)
class Drawn:
    """What `World` is made of."""

    constants: tuple[int, ...]
    extra: int
    box: int
    table: tuple[int, ...]
    helpers: tuple[Helper, ...]
    functions: tuple[Function, ...]
    config: dict[str, Any]
    given: dict[str, Any]
    granularity: str = "node"
    persist: str = "boundary"
    home: str = "author"

    def world(self) -> World:
        """The author's modules and the rest."""
        read = {name for function in self.functions for name in function.inputs}
        head = _HEAD.format(constants=list(self.constants), extra=self.extra, box=self.box)
        functions = "\n".join(function.text(position) for position, function in enumerate(self.functions))
        helpers = "\n".join(helper.text(position) for position, helper in enumerate(self.helpers))
        return World(
            sources={"helpers": f"K = {list(self.table)}\n{helpers}", self.home: head + functions},
            nodes=[
                (function.expression.format(f"f{position}"), function.inputs, function.outputs)
                for position, function in enumerate(self.functions)
            ],
            config=self.config,
            inputs={name: deepcopy(value) for name, value in self.given.items() if name in read},
            arguments={"granularity": self.granularity, "persist": self.persist},
        )


def _array(number: int, dtype: str) -> np.ndarray:
    array = np.zeros(9, dtype=dtype)
    array[4] = number
    return array


def _frame(number: int, label: str, dtype: str) -> pd.DataFrame:
    return pd.DataFrame({label: np.array([0, number, 1], dtype=dtype)})


VALUES = (
    SMALL | st.lists(SMALL, max_size=2) | st.builds(_array, SMALL, DTYPES) | st.builds(_frame, SMALL, LABELS, DTYPES)
)


@st.composite
def worlds(draw: st.DrawFn) -> Drawn:
    """A world to begin with."""
    helpers = st.builds(Helper, operator=OPERATORS, number=SMALL, constant=st.integers(0, 2), chained=st.booleans())
    config = {
        "window": draw(SMALL),
        "rows": draw(st.lists(SMALL, max_size=2)),
        "section": {"depth": draw(SMALL), "other": 1},
        "unread": 0,
    }
    drawn = Drawn(
        constants=tuple(draw(st.lists(SMALL, max_size=2))),
        extra=draw(SMALL),
        box=draw(SMALL),
        table=tuple(draw(st.lists(SMALL, min_size=3, max_size=3))),
        helpers=tuple(draw(st.lists(helpers, min_size=2, max_size=2))),
        functions=(),
        config=config,
        given={name: draw(VALUES) for name in GIVEN},
    )
    for _ in range(draw(st.integers(2, 5))):
        drawn = with_another(draw, drawn, len(drawn.functions))
    return drawn


def with_another(draw: st.DrawFn, drawn: Drawn, position: int) -> Drawn:
    """With a function more, at this position."""
    made = [name for function in drawn.functions[:position] for name in function.outputs]
    pool = st.sampled_from(made or GIVEN) | st.sampled_from([*GIVEN, *CONFIG])
    kind = draw(st.sampled_from(KINDS))
    taken = {name for function in drawn.functions for name in function.outputs}
    names = [name for name in (f"o{number}" for number in range(30)) if name not in taken]
    function = Function(
        kind=kind,
        helper=draw(st.integers(0, 1)),
        number=draw(SMALL),
        default=draw(SMALL),
        dtype=draw(DTYPES),
        label=draw(LABELS),
        wrap=draw(st.sampled_from(WRAPS)),
        call=draw(CALLS),
        inputs=tuple(draw(st.lists(pool, min_size=1, max_size=3))),
        outputs=tuple(names[: 2 if kind == "two" else 1]),
    )
    return replace(drawn, functions=(*drawn.functions[:position], function, *drawn.functions[position:]))


def changed(draw: st.DrawFn, drawn: Drawn) -> tuple[str, Drawn]:
    """The world after a change, and what that is."""
    # Of few examples, more kinds than `sampled_from` would draw.
    name = [*_CHANGES][draw(st.integers(0, 10**9)) % len(_CHANGES)]
    return name, _CHANGES[name](draw, drawn)


def _one_function(**strategies: st.SearchStrategy[Any]) -> Any:
    def change(draw: st.DrawFn, drawn: Drawn) -> Drawn:
        position = draw(st.integers(0, len(drawn.functions) - 1))
        new = {name: draw(strategy) for name, strategy in strategies.items()}
        return _with_function(drawn, position, replace(drawn.functions[position], **new))

    return change


def _with_function(drawn: Drawn, position: int, function: Function) -> Drawn:
    functions = list(drawn.functions)
    functions[position] = function
    return replace(drawn, functions=tuple(functions))


def _kind(draw: st.DrawFn, drawn: Drawn) -> Drawn:
    position = draw(st.integers(0, len(drawn.functions) - 1))
    function = drawn.functions[position]
    kinds = [kind for kind in KINDS if (kind == "two") == (function.kind == "two")]
    return _with_function(drawn, position, replace(function, kind=draw(st.sampled_from(kinds))))


def _helper(draw: st.DrawFn, drawn: Drawn) -> Drawn:
    position = draw(st.integers(0, 1))
    change = draw(
        st.fixed_dictionaries({"number": SMALL})
        | st.fixed_dictionaries({"operator": OPERATORS})
        | st.fixed_dictionaries({"chained": st.booleans()})
        | st.fixed_dictionaries({"constant": st.integers(0, 2)})
        | st.fixed_dictionaries({"swapped": st.booleans()})
    )
    helpers = list(drawn.helpers)
    helpers[position] = replace(helpers[position], **change)
    return replace(drawn, helpers=tuple(helpers))


def _config(draw: st.DrawFn, drawn: Drawn) -> Drawn:
    config = deepcopy(drawn.config)
    match draw(st.sampled_from(["window", "rows", "depth", "unread"])):
        case "depth":
            config["section"]["depth"] = draw(SMALL)
        case "rows":
            config["rows"] = draw(st.lists(SMALL, max_size=2) | st.lists(SMALL, max_size=2).map(tuple))
        case key:
            config[key] = draw(SMALL | SMALL.map(float))
    return replace(drawn, config=config)


def _given(draw: st.DrawFn, drawn: Drawn) -> Drawn:
    return replace(drawn, given={**drawn.given, draw(st.sampled_from(GIVEN)): draw(VALUES)})


def _inputs(draw: st.DrawFn, drawn: Drawn) -> Drawn:
    position = draw(st.integers(0, len(drawn.functions) - 1))
    function = drawn.functions[position]
    return _with_function(drawn, position, replace(function, inputs=tuple(draw(st.permutations(function.inputs)))))


def _other_input(draw: st.DrawFn, drawn: Drawn) -> Drawn:
    position = draw(st.integers(0, len(drawn.functions) - 1))
    function = drawn.functions[position]
    made = [name for other in drawn.functions[:position] for name in other.outputs]
    inputs = list(function.inputs)
    inputs[draw(st.integers(0, len(inputs) - 1))] = draw(st.sampled_from([*made, *GIVEN, *CONFIG]))
    return _with_function(drawn, position, replace(function, inputs=tuple(inputs)))


def _add(draw: st.DrawFn, drawn: Drawn) -> Drawn:
    return with_another(draw, drawn, draw(st.integers(0, len(drawn.functions)))) if len(drawn.functions) < 7 else drawn


def _remove(draw: st.DrawFn, drawn: Drawn) -> Drawn:
    position = draw(st.integers(0, len(drawn.functions) - 1))
    gone = drawn.functions[position].outputs
    left = [function for number, function in enumerate(drawn.functions) if number != position]
    if not left:
        return drawn
    # Who read it reads something that is given.
    return replace(
        drawn,
        functions=tuple(
            replace(function, inputs=tuple("g0" if name in gone else name for name in function.inputs))
            for function in left
        ),
    )


def _outputs(draw: st.DrawFn, drawn: Drawn) -> Drawn:
    """Two outputs exchange their names, and their readers read what now has the name; or one gets a new name."""
    position = draw(st.integers(0, len(drawn.functions) - 1))
    function = drawn.functions[position]
    if len(function.outputs) == 2 and draw(st.booleans()):
        return _with_function(drawn, position, replace(function, outputs=function.outputs[::-1]))
    old, new = function.outputs[0], f"{function.outputs[0]}_"

    def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if name == old else name for name in names)

    functions = (replace(f, inputs=renamed(f.inputs), outputs=renamed(f.outputs)) for f in drawn.functions)
    return replace(drawn, functions=tuple(functions))


def _set(**strategies: st.SearchStrategy[Any]) -> Any:
    return lambda draw, drawn: replace(drawn, **{name: draw(strategy) for name, strategy in strategies.items()})


_CHANGES = {
    "a constant": _set(constants=st.lists(SMALL, max_size=2).map(tuple)),
    "a constant of the helpers": _set(table=st.lists(SMALL, min_size=3, max_size=3).map(tuple)),
    "a number in a decorator": _set(extra=SMALL),
    "a method": _set(box=SMALL),
    "a helper": _helper,
    "a number": _one_function(number=SMALL),
    "a default": _one_function(default=SMALL),
    "a dtype": _one_function(dtype=DTYPES),
    "a label": _one_function(label=LABELS),
    "which helper": _one_function(helper=st.integers(0, 1)),
    "what is around a function": _one_function(wrap=st.sampled_from(WRAPS)),
    "how a helper is called": _one_function(call=CALLS),
    "what a function makes": _kind,
    "the config": _config,
    "a given input": _given,
    "the order of inputs": _inputs,
    "an input": _other_input,
    "a node more": _add,
    "a node less": _remove,
    "names of outputs": _outputs,
    "the granularity": _set(granularity=st.sampled_from(["node", "chain", "pipeline"])),
    "what is kept": _set(persist=st.sampled_from(["boundary", "all"])),
    "the module's name": _set(home=st.sampled_from(["author", "writer"])),
    "nothing": lambda draw, drawn: drawn,
}
