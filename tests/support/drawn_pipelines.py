"""Random pipelines that linepipe runs, as a hypothesis strategy; load it by path, the test folders are no packages.

Drawn are fan-out, fan-in, names bound again, several outputs, writers, nodes that change their inputs, nodes that
pass their inputs on, constants, and config paths through dicts, objects and pydantic models. The functions take any
values and depend on nothing but them and the files they are led to, so that a pipeline can run as often as needed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from linepipe.node import Node, create_named_partial_function
from linepipe.pipeline import Pipeline
from pydantic import BaseModel, ConfigDict

NODES = st.integers(3, 9)
INPUTS = st.sampled_from([0, 1, 1, 2, 2, 3, 3])
OUTPUTS = st.sampled_from([0, 1, 1, 2, 2, 3])
OUTPUT_NAMES = tuple("abcdefg")
FUNCTION_NAMES = ("load", "clean", "fit", "load__2")
CONFIG_KEYS = ("train", "paths", "rows", "seed", "lr")

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=3)
    | st.sampled_from([np.float32(0.1), np.int8(-3), np.str_("s")])
)
ARRAYS = st.builds(
    lambda numbers, dtype, is_table: np.array(numbers, dtype).reshape((-1, 1) if is_table else (-1,)),
    st.lists(st.integers(0, 9), max_size=4),
    st.sampled_from(["int64", "int8", "float32", "bool", "<U2", ">i4"]),
    st.booleans(),
)
FRAMES = st.builds(
    lambda numbers, words: pd.DataFrame(
        {"n": numbers, "x": [number / 4 for number in numbers], "w": pd.Series(words(numbers), dtype="category")},
        index=[number * 2 for number in numbers],
    ),
    st.lists(st.integers(0, 9), max_size=4),
    st.sampled_from([lambda numbers: ["ab"[number % 2] for number in numbers], lambda numbers: numbers]),
)
VALUES = st.recursive(
    SCALARS | ARRAYS | FRAMES | st.sets(st.integers(0, 9), max_size=3) | st.binary(max_size=3).map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["k", "l", 3]), inner, max_size=2)
    ),
    max_leaves=4,
)
# What one output is made of: see _result.
MADE_OF_INPUTS = st.sampled_from(["first", "last", "again", "part", "list", "dict", "digest", "files"])
RESULTS = MADE_OF_INPUTS | MADE_OF_INPUTS | VALUES.map(lambda value: ("value", value))


class Section(BaseModel):
    """A pydantic model of whatever fields the config has there."""

    model_config = ConfigDict(extra="allow")


@st.composite
def pipelines(draw: st.DrawFn, *, folder: str) -> Pipeline:
    """A pipeline that linepipe can run, with its history on.

    Args:
        draw: Given by hypothesis.
        folder: Where the files lie that constants and config values lead to.
    """
    config = draw(configs(folder=folder))
    constants = draw(st.dictionaries(st.sampled_from(["size", "limit"]), VALUES))
    constants |= {name: f"{folder}/{name}" for name in draw(st.sets(st.sampled_from(["journal", "ledger"])))}
    known = constants | config_values(config)
    leading = [name for name, value in known.items() if any(_files(value, folder))]
    unread: set[str] = set()
    made: list[str] = []
    nodes = []
    for salt in range(draw(NODES)):
        pool = st.one_of([st.sampled_from(names) for names in (made, made, leading, [*known]) if names])
        inputs = [draw(pool) for _ in range(draw(INPUTS))]
        free = [name for name in OUTPUT_NAMES if name not in unread or name in inputs]
        outputs = draw(st.permutations(free))[: draw(OUTPUTS)]
        function = draw(functions(inputs=inputs, leading=leading, outputs=len(outputs), folder=folder, salt=salt))
        nodes.append(Node(function, inputs, outputs))
        unread = (unread - set(inputs)) | set(outputs)
        made = list(dict.fromkeys([*made, *outputs]))
    return Pipeline(nodes, config=config, track_history=True, **constants)


@st.composite
def functions(
    draw: st.DrawFn, *, inputs: Sequence[str], leading: Collection[str], outputs: int, folder: str, salt: int
) -> Callable[..., Any]:
    """A node's function.

    Args:
        draw: Given by hypothesis.
        inputs: The node's inputs.
        leading: The names that lead to files.
        outputs: How many; without any it is a writer, which appends to all files it is led to.
        folder: Where these files lie.
        salt: Makes this function another than the others.
    """
    changed = [draw(st.booleans()) for _ in inputs]
    results = [draw(RESULTS) for _ in range(outputs)]
    in_list = draw(st.booleans())

    def function(*values: Any, salt: int = salt) -> Any:
        named = dict(zip(inputs, values, strict=True))
        files = sorted({path for name in leading if name in named for path in _files(named[name], folder)})
        for value, changes in zip(values, changed, strict=True):
            if changes:
                _change(value, salt)
        if not outputs:
            for path in files:
                with path.open("a") as file:
                    file.write(f"{salt}: {zlib.crc32(fingerprint(values).encode())}\n")
            return "dropped"
        items: list[Any] = []
        for result in results:
            again = result == "again" and items
            items.append(items[-1] if again else _result(result, [*named.values()], files, salt))
        if len(items) == 1:
            return items[0]
        return items if in_list else tuple(items)

    function.__name__ = draw(st.sampled_from([*FUNCTION_NAMES, "<lambda>"]))
    made = create_named_partial_function(function, function.__name__, salt=-salt) if draw(st.booleans()) else function
    made.story = f"changes {changed}, makes {results or 'lines in files'}"
    return made


def describe(pipeline: Pipeline) -> str:
    """The pipeline as a text to read when a comparison fails."""
    nodes = (
        f"{node.func.__name__}({', '.join(node.inputs)}) -> {', '.join(node.outputs)}: {node.func.story}"
        for node in pipeline.nodes
    )
    return "\n".join((*nodes, f"config: {pipeline.config!r}", f"constants: {pipeline.runtime_constants!r}"))


@st.composite
def configs(draw: st.DrawFn, *, folder: str) -> Any:
    """A config of dicts, objects and pydantic models; no two of its values lead to one file."""
    file = object()

    def section(fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        named = st.dictionaries(st.sampled_from(CONFIG_KEYS), fields, min_size=1, max_size=3)
        return named | named.map(lambda found: SimpleNamespace(**found)) | named.map(lambda found: Section(**found))

    tree = draw(st.none() | section(st.recursive(st.just(file) | VALUES, section, max_leaves=4)))
    numbers = iter(range(100))

    def place(value: Any) -> Any:
        if value is file:
            return f"{folder}/config-{next(numbers)}"
        for key, item in list(_fields(value).items()):
            _fields(value)[key] = place(item)
        return value

    return place(tree)


def config_values(value: Any, name: str = "config") -> dict[str, Any]:
    """Everything that an input can read of a config, by input name."""
    values = {name: value}
    for key, item in _fields(value).items():
        if key in CONFIG_KEYS:
            values |= config_values(item, f"{name}.{key}")
    return values


def fingerprint(value: Any) -> str:
    """A text that is the same for values that are the same in types, order and every bit."""
    if isinstance(value, np.ndarray):
        return f"array({value.dtype.str}, {value.shape}, {value.tolist()!r})"
    if isinstance(value, pd.DataFrame):
        columns = {name: f"{column.dtype!r} {column.tolist()!r}" for name, column in value.items()}
        return f"frame({columns}, {value.index!r})"
    if isinstance(value, set):
        return f"set({sorted(map(fingerprint, value))})"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(map(fingerprint, value))})"
    if isinstance(value, dict):
        return f"dict({', '.join(f'{fingerprint(key)}: {fingerprint(item)}' for key, item in value.items())})"
    if isinstance(value, SimpleNamespace | Section):
        return f"{type(value).__name__}({fingerprint(dict(_fields(value)))})"
    return f"{type(value).__name__}({value!r})"


def _fields(value: Any) -> dict[Any, Any]:
    """What a section of the config holds; for any other value nothing."""
    if isinstance(value, Section):
        extra = value.__pydantic_extra__
        assert extra is not None
        return extra
    if isinstance(value, pd.DataFrame):
        return {}
    return value if isinstance(value, dict) else getattr(value, "__dict__", {})


def _files(value: Any, folder: str) -> Iterator[Path]:
    if isinstance(value, str) and value.startswith(f"{folder}/"):
        yield Path(value)
    for item in _fields(value).values():
        yield from _files(item, folder)


def _change(value: Any, salt: int) -> None:
    """Change a value in place, and the first container in it."""
    if isinstance(value, np.ndarray):
        value[...] = value[::-1].copy()
        if value.dtype.kind in "if":
            value += 1
    elif isinstance(value, pd.DataFrame):
        _change_frame(value, salt)
    elif isinstance(value, list):
        value.append(salt)
    elif isinstance(value, set):
        value.add(salt)
    elif isinstance(value, bytearray):
        value.extend(b"!")
    elif isinstance(value, dict | SimpleNamespace | Section):
        _fields(value)["changed"] = salt
    items = value if isinstance(value, list | tuple) else _fields(value).values()
    for item in items:
        if isinstance(item, list | set | dict | np.ndarray | pd.DataFrame | SimpleNamespace | Section):
            _change(item, salt)
            break


def _change_frame(frame: pd.DataFrame, salt: int) -> None:
    frame.iloc[: len(frame) // 2, 0] = -1
    if salt % 2 and "w" in frame:
        del frame["w"]
    frame[f"changed{salt}"] = salt


def _result(result: Any, values: Sequence[Any], files: Sequence[Path], salt: int) -> Any:
    """One output. Inputs are passed on as they are, so that outputs share memory with them and with each other.

    Within one output nothing stands twice: a codec need not keep that two parts of a value are one object. The
    values are those of different names, which never share memory.
    """
    match result:
        case ("value", value):
            return deepcopy(value)
        case "first" | "again":
            return values[0] if values else salt
        case "last":
            return values[-1] if values else salt
        case "part":
            part = values[0] if values else None
            return part[:1] if isinstance(part, np.ndarray | pd.DataFrame | list | tuple) else part
        case "list":
            return [salt, *values]
        case "dict":
            return {"salt": salt, "of": values}
        case "digest":
            return zlib.crc32(fingerprint(values).encode())
    return [path.read_text() if path.exists() else "" for path in files]
