"""What changes between two runs, and which nodes are called for it: no more, and never one too few."""

from __future__ import annotations

import datetime as dt
import gc
import importlib
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from authored import Ran, World, one_node

from airflow_linepipe import Cache
from airflow_linepipe.fingerprint import fingerprint, origin

SOURCES = {
    "deep": """
        LIMIT = 5

        def scale(value):
            return value * 2

        def unused(value):
            return value
    """,
    "helpers": """
        import deep

        FACTORS = {"a": 3, "b": [1, 2, 4]}

        def clean(value, plus=1):
            return deep.scale(value) + FACTORS["b"][1] + plus

        class Model:
            depth = 3

            def predict(self, value):
                for_model = value
                return for_model + self.depth

        class Tree(Model):
            pass
    """,
    "author": """
        import functools
        import helpers
        import numpy as np
        from called import called
        from helpers import clean

        OFFSET = 10

        def traced(function):
            @functools.wraps(function)
            def inner(*values):
                return function(*values)
            return inner

        def doubled(function):
            @functools.wraps(function)
            def inner(*values):
                return [item * 2 for item in function(*values)]
            return inner

        def adding(number):
            def add(numbers):
                called("add")
                return [item + number for item in numbers]
            return add

        def load(rows):
            called("load")
            return [row * 2 for row in rows]

        def fit(table, window, start=1, *, step=2):
            called("fit")
            total = [clean(row) for row in table]
            model = helpers.Tree()
            return [model.predict(item) + window + start * step + OFFSET for item in total]

        def split(table):
            called("split")
            return table[:1], table[1:]

        def report(model, part, given):
            called("report")
            return [sum(model), len(part), given]

        def extra(table):
            called("extra")
            return len(table)

        def mean(table):
            called("mean")
            return float(np.mean(table))
    """,
}
FIT = "def fit(table, window, start=1, *, step=2):\n"


def world() -> World:
    return World(
        sources={name: textwrap.dedent(source) for name, source in SOURCES.items()},
        nodes=[
            ("load", ["config.rows"], ["table"]),
            ("fit", ["table", "config.window"], ["model"]),
            ("split", ["table"], ["first", "rest"]),
            ("functools.partial(adding(5))", ["table"], ["added"]),
            ("report", ["model", "rest", "given"], ["text"]),
            ("mean", ["table"], ["mean"]),
        ],
        config={"rows": [1, 2, 3], "window": 5, "unread": 1, "section": {"a": 1}},
        inputs={"given": 7},
    )


EVERYTHING = {"load", "fit", "split", "add", "report", "mean"}
Change = Callable[[World], object]


def edited(module: str, *changes: tuple[str, str]) -> Change:
    return lambda world: world.edit(module, *changes)


def function(position: int, expression: str) -> Change:
    def change(world: World) -> None:
        world.nodes[position] = (expression, *world.nodes[position][1:])

    return change


def wired(position: int, inputs: list[str] | None = None, outputs: list[str] | None = None) -> Change:
    def change(world: World) -> None:
        name, *wires = world.nodes[position]
        world.nodes[position] = (name, inputs or wires[0], outputs or wires[1])

    return change


def configured(**values: Any) -> Change:
    return lambda world: world.config.update(values)


def argued(**arguments: Any) -> Change:
    return lambda world: world.arguments.update(arguments)


def both(*changes: Change) -> Change:
    return lambda world: [change(world) for change in changes]


def renamed_module(world: World) -> None:
    world.sources["another"] = world.sources.pop("author")


def renamed_helpers(world: World) -> None:
    """The same helpers in a module of another name, imported under the old one."""
    world.sources = {
        "deep": world.sources["deep"],
        "tools": world.sources["helpers"],
        "author": world.sources["author"]
        .replace("import helpers\n", "import tools as helpers\n")
        .replace("from helpers", "from tools"),
    }


def reordered(world: World) -> None:
    load, fit, split, add, report, mean = world.nodes
    world.nodes = [load, mean, split, fit, add, report]


def added(world: World) -> None:
    world.nodes.append(("extra", ["table"], ["count"]))


def removed(world: World) -> None:
    del world.nodes[3]


NO_CHANGE: dict[str, Change] = {
    "nothing": lambda world: None,
    "white space": edited("author", ("clean(row) for row in table", "clean( row )  for row  in   table")),
    "line breaks": edited(
        "author", ("[clean(row) for row in table]", "[\n        clean(row)\n        for row in table]")
    ),
    "parentheses": edited("author", ("+ window + start * step", "+ window + (start * step)")),
    "blank lines": edited("author", (FIT, "\n\n\n" + FIT)),
    "a comment": edited("author", ('called("fit")', 'called("fit")  # so that it is counted')),
    "a docstring": edited("author", (FIT, FIT + '    """Fits."""\n')),
    "a helper's docstring": edited("helpers", ("plus=1):\n", 'plus=1):\n    """Cleans."""\n')),
    "a class's docstring": edited("helpers", ("class Model:\n", 'class Model:\n    """A model."""\n')),
    "a module's docstring": lambda world: world.sources.update(deep='"""Deep."""\n' + world.sources["deep"]),
    "the name of a local": edited("author", ("total", "cleaned")),
    "the name of a loop's variable": edited("author", ("row * 2 for row in rows", "one * 2 for one in rows")),
    "the name of a method's local": edited("helpers", ("for_model", "for_a_model")),
    "an annotation": edited("author", ("def load(rows):", "def load(rows: list) -> list:")),
    "a helper that nobody calls": edited("deep", ("return value\n", "return value + 1\n")),
    "a constant that nobody reads": edited("deep", ("LIMIT = 5", "LIMIT = 6")),
    "an import that nobody uses": edited("author", ("import functools\n", "import functools\nimport json\n")),
    "the order of definitions": edited(
        "helpers",
        ('FACTORS = {"a": 3, "b": [1, 2, 4]}\n', ""),
        ("    pass\n", '    pass\n\nFACTORS = {"a": 3, "b": [1, 2, 4]}\n'),
    ),
    "a constant written in another way": edited("author", ("OFFSET = 10", "OFFSET = 2 * 5")),
    "the name of the module": renamed_module,
    "the name of the function": both(edited("author", ("def load(", "def read(")), function(0, "read")),
    "the name of an output": both(
        wired(0, outputs=["raw"]),
        *(wired(position, inputs=["raw"]) for position in (2, 3, 5)),
        wired(1, inputs=["raw", "config.window"]),
    ),
    "the name of a given input": both(
        wired(4, inputs=["model", "rest", "other"]), lambda world: world.inputs.update(other=world.inputs.pop("given"))
    ),
    "the name of a key of the config": both(
        wired(1, inputs=["table", "config.width"]), lambda world: world.config.update(width=world.config.pop("window"))
    ),
    "the name of the pipeline": argued(name="another"),
    "a leaf of the config that nobody reads": configured(unread=2),
    "a new leaf of the config": configured(more=2),
    "a section of the config that nobody reads": configured(section={"a": 2}),
    "the order of the config": lambda world: world.config.update(rows=world.config.pop("rows")),
    "a config of another kind": lambda world: setattr(world, "config", _namespace(world.config)),
    "a constant that nobody asks for": lambda world: world.constants.update(unasked=3),
    "the order of nodes": reordered,
    "a node less": removed,
    "a param that is what it was": argued(params={"config.window": 5}),
    "what is kept": argued(persist="all"),
    "the order in which nodes run": argued(order="list"),
}


def _namespace(config: dict[str, Any]) -> Any:
    return SimpleNamespace(**config)


CALLED: dict[str, tuple[Change, set[str]]] = {
    # A class may be pickled, by its name.
    "the name of the module of a class": (renamed_helpers, {"fit"}),
    "a number in the body": (edited("author", ("row * 2 for row in rows", "row * 3 for row in rows")), EVERYTHING),
    "an operator": (edited("author", ("+ window", "- window")), {"fit", "report"}),
    "a type of number": (edited("author", ("OFFSET = 10", "OFFSET = 10.0")), {"fit", "report"}),
    "a global constant": (edited("author", ("OFFSET = 10", "OFFSET = 11")), {"fit", "report"}),
    "the middle of a constant": (edited("helpers", ("[1, 2, 4]", "[1, 3, 4]")), {"fit", "report"}),
    "a helper": (edited("helpers", ("for_model + self.depth", "for_model - self.depth")), {"fit", "report"}),
    "a helper two modules away": (edited("deep", ("value * 2", "value * 3")), {"fit", "report"}),
    "a helper's default": (edited("helpers", ("plus=1", "plus=2")), {"fit", "report"}),
    "another helper of the same name": (
        edited("author", ("from helpers import clean", "from deep import scale as clean")),
        {"fit", "report"},
    ),
    "a default": (edited("author", ("start=1", "start=2")), {"fit", "report"}),
    "a default by keyword": (edited("author", ("step=2", "step=3")), {"fit", "report"}),
    "an attribute of a class": (edited("helpers", ("depth = 3", "depth = 4")), {"fit", "report"}),
    "a class between two others": (edited("helpers", ("    pass", "    depth = 5")), {"fit", "report"}),
    "a method of its own in place of an inherited one": (
        edited("helpers", ("    pass", "    def predict(self, value):\n        return value")),
        {"fit", "report"},
    ),
    "a closure's value": (function(3, "functools.partial(adding(6))"), {"add"}),
    "an argument of a partial": (function(1, "functools.partial(fit, start=4)"), {"fit", "report"}),
    "a decorator": (edited("author", ("def load(rows)", "@doubled\ndef load(rows)")), EVERYTHING),
    "a decorator that changes nothing": (edited("author", ("def load(rows)", "@traced\ndef load(rows)")), {"load"}),
    "what changes no result": (
        edited("author", ("def load(rows):\n", "def load(rows):\n    rows = list(rows)\n")),
        {"load"},
    ),
    "another function": (function(5, "extra"), {"extra"}),
    "a lambda": (function(5, "lambda table: called('lambda') or len(table)"), {"lambda"}),
    "a leaf of the config": (configured(window=7), {"fit", "report"}),
    "a leaf of the config from int to float": (configured(window=5.0), {"fit", "report"}),
    "an item of a list in the config": (configured(rows=[1, 9, 3]), EVERYTHING),
    "the order of a list in the config": (configured(rows=[3, 2, 1]), EVERYTHING),
    "a list in the config that becomes a tuple": (configured(rows=(1, 2, 3)), {"load"}),
    "a param": (argued(params={"config.window": 6}), {"fit", "report"}),
    "a given input": (lambda world: world.inputs.update(given=8), {"report"}),
    "a given input's type": (lambda world: world.inputs.update(given=True), {"report"}),
    "inputs that change places": (wired(4, inputs=["rest", "model", "given"]), {"report"}),
    "another input": (wired(4, inputs=["model", "first", "given"]), {"report"}),
    "outputs that change places": (wired(2, outputs=["rest", "first"]), {"report"}),
    "a node more": (added, {"extra"}),
    "a node between two others": (
        both(
            wired(1, inputs=["more", "config.window"]),
            lambda world: world.nodes.insert(1, ("adding(1)", ["table"], ["more"])),
        ),
        {"add", "fit", "report"},
    ),
    "a version of the author's own": (argued(cache=Cache(version="2")), EVERYTHING),
    "the secret": (argued(cache_secret="another"), EVERYTHING),
    "no cache": (argued(cache=False), EVERYTHING),
}


def ran_again(before: World, after: World, storage: object) -> Ran:
    """The second of two cached runs, after a third one without a cache has given the same."""
    first = before.run(storage, cache=before.arguments.get("cache", True))
    assert not first.cached
    second = after.run(storage, cache=after.arguments.get("cache", True))
    fresh = after.run(cache=False)
    assert second.made == fresh.made
    return second


def changed(change: Change) -> World:
    new = world()
    change(new)
    return new


@pytest.mark.parametrize("change", NO_CHANGE.values(), ids=NO_CHANGE.keys())
def test_what_does_not_change_a_result_calls_no_node(change, tmp_path):
    """R13."""
    assert ran_again(world(), changed(change), tmp_path).calls == []


@pytest.mark.parametrize(("change", "called"), CALLED.values(), ids=CALLED.keys())
def test_what_changes_a_node_calls_it_and_what_comes_after_it_and_nothing_else(change, called, tmp_path):
    """R13, R14."""
    second = ran_again(world(), changed(change), tmp_path)
    assert set(second.calls) == called
    assert len(second.calls) == len(called)


@pytest.mark.parametrize("change", [change for change, _ in CALLED.values()], ids=CALLED.keys())
def test_what_is_changed_back_is_found_again(change, tmp_path):
    there = changed(change)
    assert world().run(tmp_path, cache=True).calls
    there.run(tmp_path, cache=there.arguments.get("cache", True))
    assert world().run(tmp_path, cache=True).calls == []


# --- kinds of code --------------------------------------------------------------------------------------------------

# A module with a function ``node``, and a change of it that changes what the function gives.
CODE = {
    "an argument's name in a call": (
        """
        def f(a=1, b=2):
            return [a, b]
        def node(x):
            return f(a=x)
        """,
        ("f(a=x)", "f(b=x)"),
    ),
    "a keyword in a method's call": (
        """
        def node(x):
            return 'a,b,c'.split(sep=',')
        """,
        ("sep=", "maxsplit=1, sep="),
    ),
    "the order of a dict": (
        """
        D = {'a': 1, 'b': 2}
        def node(x):
            return list(D)
        """,
        ("'a': 1, 'b': 2", "'b': 2, 'a': 1"),
    ),
    "the sign of zero": (
        """
        Z = 0.0
        def node(x):
            return str(Z)
        """,
        ("= 0.0", "= -0.0"),
    ),
    "1 and True": (
        """
        def node(x):
            return str([1])
        """,
        ("[1]", "[True]"),
    ),
    "a lambda of several": (
        """
        F = [lambda x: x + 1, lambda x: x + 2, lambda x: x + 1]
        def node(x):
            return [f(x) for f in F]
        """,
        ("lambda x: x + 2, lambda x: x + 1", "lambda x: x + 1, lambda x: x + 2"),
    ),
    "a closure of several": (
        """
        def make(n):
            return lambda x: x + n
        F = [make(1), make(2), make(1)]
        def node(x):
            return [f(x) for f in F]
        """,
        ("make(2), make(1)", "make(1), make(2)"),
    ),
    "a class's __hash__": (
        """
        class A:
            def __hash__(self):
                return 1
        def node(x):
            return hash(A())
        """,
        ("return 1", "return 2"),
    ),
    "a class's __match_args__": (
        """
        class A:
            __match_args__ = ('a', 'b')
            a, b = 1, 2
        def node(x):
            match A():
                case A(p, q):
                    return [p, q]
        """,
        ("('a', 'b')", "('b', 'a')"),
    ),
    "a property": (
        """
        class A:
            @property
            def v(self):
                return 1
        def node(x):
            return A().v
        """,
        ("return 1", "return 2"),
    ),
    "a cached property": (
        """
        import functools
        class A:
            @functools.cached_property
            def v(self):
                return 1
        def node(x):
            return A().v
        """,
        ("return 1", "return 2"),
    ),
    "a descriptor's state": (
        """
        class D:
            def __init__(self, k):
                self.k = k
            def __get__(self, owner, kind):
                return self.k
        class A:
            v = D(1)
        def node(x):
            return A().v
        """,
        ("D(1)", "D(2)"),
    ),
    "a metaclass": (
        """
        class M(type):
            def __call__(cls):
                return 1
        class A(metaclass=M):
            pass
        def node(x):
            return A()
        """,
        ("return 1", "return 2"),
    ),
    "an object with slots": (
        """
        class A:
            __slots__ = ('k',)
            def __init__(self, k):
                self.k = k
        O = A(1)
        def node(x):
            return O.k
        """,
        ("A(1)", "A(2)"),
    ),
    "an object that does not pickle all of itself": (
        """
        class A:
            def __init__(self, k):
                self.k = k
            def __getstate__(self):
                return {}
        O = A(1)
        def node(x):
            return O.k
        """,
        ("A(1)", "A(2)"),
    ),
    "a default of a dataclass": (
        """
        from dataclasses import dataclass
        @dataclass
        class S:
            depth: int = 3
        def node(x):
            return S().depth
        """,
        ("= 3", "= 4"),
    ),
    "a default factory of a dataclass": (
        """
        from dataclasses import dataclass, field
        @dataclass
        class S:
            depth: list = field(default_factory=lambda: [3])
        def node(x):
            return S().depth
        """,
        ("[3]", "[4]"),
    ),
    "the metadata of a dataclass": (
        """
        from dataclasses import dataclass, field, fields
        @dataclass
        class S:
            depth: int = field(default=1, metadata={'unit': 'm'})
        def node(x):
            return fields(S)[0].metadata['unit']
        """,
        ("'m'", "'km'"),
    ),
    "a default of a named tuple": (
        """
        from typing import NamedTuple
        class S(NamedTuple):
            depth: int = 3
        def node(x):
            return S().depth
        """,
        ("= 3", "= 4"),
    ),
    "a default of a named tuple whose annotations are texts": (
        """
        from __future__ import annotations
        from typing import NamedTuple
        class S(NamedTuple):
            depth: int = 3
        def node(x):
            return S().depth
        """,
        ("= 3", "= 4"),
    ),
    "a default of a dataclass whose annotations are texts": (
        """
        from __future__ import annotations
        from dataclasses import dataclass
        @dataclass
        class S:
            depth: int = 3
        def node(x):
            return S().depth
        """,
        ("= 3", "= 4"),
    ),
    "a default of a pydantic model": (
        """
        from pydantic import BaseModel
        class S(BaseModel):
            depth: int = 3
        def node(x):
            return S().depth
        """,
        ("= 3", "= 4"),
    ),
    "a bound of a pydantic model": (
        """
        from pydantic import BaseModel, Field, ValidationError
        class S(BaseModel):
            depth: int = Field(gt=0)
        def node(x):
            try:
                return S(depth=x).depth
            except ValidationError:
                return None
        """,
        ("gt=0", "gt=1"),
    ),
    "a validator of a pydantic model": (
        """
        from pydantic import BaseModel, field_validator
        class S(BaseModel):
            depth: int
            @field_validator('depth')
            @classmethod
            def check(cls, value):
                return value + 1
        def node(x):
            return S(depth=x).depth
        """,
        ("value + 1", "value + 2"),
    ),
    "a member of an enum": (
        """
        import enum
        class E(enum.Enum):
            A = [1]
        def node(x):
            return E.A.value
        """,
        ("[1]", "[2]"),
    ),
    "an argument of a decorator that is an object": (
        """
        import functools
        class Times:
            def __init__(self, function, factor):
                functools.update_wrapper(self, function)
                self.function, self.factor = function, factor
            def __call__(self, x):
                return self.function(x) * self.factor
        def plus(x):
            return x + 1
        node = Times(plus, 3)
        """,
        ("(plus, 3)", "(plus, 4)"),
    ),
    "a helper that a decorator object wraps": (
        """
        import functools
        class Times:
            def __init__(self, function):
                functools.update_wrapper(self, function)
                self.function = function
            def __call__(self, x):
                return self.function(x)
        @Times
        def plus(x):
            return x + 1
        def node(x):
            return plus(x)
        """,
        ("x + 1", "x + 2"),
    ),
    "an object that answers any attribute": (
        """
        class Config(dict):
            def __getattr__(self, name):
                return self.get(name)
        CONFIG = Config(window=5)
        def node(x):
            return CONFIG.window
        """,
        ("window=5", "window=7"),
    ),
    "a dict with attributes": (
        """
        class Config(dict):
            __getattr__ = dict.__getitem__
        CONFIG = Config(window=5)
        def node(x):
            return CONFIG.window
        """,
        ("window=5", "window=7"),
    ),
    "a method called add": (
        """
        class C:
            def add(self, x):
                return x + 1
        O = C()
        def node(x):
            return O.add(x)
        """,
        ("x + 1", "x + 2"),
    ),
    "a series that is added to": (
        """
        import pandas as pd
        W = pd.Series([1, 2])
        def node(x):
            return W.add(x).tolist()
        """,
        ("[1, 2]", "[1, 3]"),
    ),
    "a method of an object that counts its calls": (
        """
        class C:
            calls = 0
            def predict(self, x):
                return x + 1
        O = C()
        def node(x):
            O.calls += 1
            return O.predict(x)
        """,
        ("x + 1", "x + 2"),
    ),
    "a constant that is written to as well": (
        """
        OPTIONS = {'window': 5}
        def node(x):
            OPTIONS.setdefault('step', 1)
            return OPTIONS['window']
        """,
        ("'window': 5", "'window': 6"),
    ),
    "a start that is counted on from": (
        """
        def make(start):
            total = start
            def node(x):
                nonlocal total
                total += x
                return total
            return node
        node = make(1)
        """,
        ("make(1)", "make(5)"),
    ),
    "a constant with the name of an inner function's variable": (
        """
        limit = 3
        def node(x):
            def inner():
                limit = 1
                return lambda: limit
            return inner()() + limit
        """,
        ("limit = 3", "limit = 4"),
    ),
    "a class in a list's type": (
        """
        class M:
            k = 1
        T = list[M]
        def node(x):
            return T.__args__[0].k
        """,
        ("k = 1", "k = 2"),
    ),
    "a class in a union": (
        """
        class M:
            k = 1
        T = int | M
        def node(x):
            return T.__args__[1].k
        """,
        ("k = 1", "k = 2"),
    ),
    "a generic function's other version": (
        """
        import functools
        @functools.singledispatch
        def f(x):
            return 0
        @f.register
        def _(x: int):
            return 1
        def node(x):
            return f(x)
        """,
        ("return 1", "return 2"),
    ),
    "a module that is imported by a text": (
        """
        import importlib
        K = 1
        def node(x):
            return importlib.import_module('author').K
        """,
        ("K = 1", "K = 2"),
    ),
    "a module that is looked up": (
        """
        import sys
        K = 1
        def node(x):
            return sys.modules['author'].K
        """,
        ("K = 1", "K = 2"),
    ),
    "a subclass that is looked up": (
        """
        class B:
            pass
        class C(B):
            k = 1
        def node(x):
            return B.__subclasses__()[-1].k
        """,
        ("k = 1", "k = 2"),
    ),
    "a class in a pickle that is opened": (
        """
        import pickle
        class M:
            def value(self):
                return 1
        BLOB = pickle.dumps([M()])
        def node(x):
            return pickle.loads(BLOB)[0].value()
        """,
        ("return 1", "return 2"),
    ),
    "a class that is taken for a subclass": (
        """
        import abc
        class B(abc.ABC):
            pass
        B.register(int)
        def node(x):
            return isinstance(x, B)
        """,
        ("register(int)", "register(str)"),
    ),
    "a function called update in a namespace": (
        """
        import types
        N = types.SimpleNamespace(update=lambda x: x + 1)
        def node(x):
            return N.update(x)
        """,
        ("x + 1", "x + 2"),
    ),
    "the object of a method": (
        """
        class A:
            def __init__(self, k):
                self.k = k
            def add(self, x):
                return x + self.k
        node = A(1).add
        """,
        ("A(1)", "A(2)"),
    ),
    "a context manager": (
        """
        import contextlib
        @contextlib.contextmanager
        def opened():
            yield 1
        def node(x):
            with opened() as value:
                return value
        """,
        ("yield 1", "yield 2"),
    ),
    "a NumPy function of the author's own": (
        """
        import numpy as np
        F = np.frompyfunc(lambda a: a + 1, 1, 1)
        def node(x):
            return F(x)
        """,
        ("a + 1", "a + 2"),
    ),
    "the flags of an expression": (
        """
        import re
        P = re.compile('a')
        def node(x):
            return bool(P.match('A'))
        """,
        ("('a')", "('a', re.I)"),
    ),
    "what an exception's handler covers": (
        """
        def node(x):
            y = 1
            try:
                y = 2
                raise ValueError
            except ValueError:
                return y
        """,
        ("        y = 2\n        raise", "        raise"),
    ),
    "a condition's order": (
        """
        def node(x):
            return 0 if x < 2 else 5
        """,
        ("x < 2", "x > 2"),
    ),
    "a format": (
        """
        def node(x):
            return f'{x:>5}'
        """,
        (":>5", ":>6"),
    ),
    "a huge number": (
        """
        N = 10**5000
        def node(x):
            return N % 7
        """,
        ("5000", "5001"),
    ),
}


@pytest.mark.parametrize(("source", "change"), CODE.values(), ids=CODE.keys())
def test_code_of_any_kind_is_never_taken_for_what_it_was(source, change, tmp_path):
    before = one_node(source)
    after = before.copy()
    after.edit("author", change)
    assert before.run().made != after.run().made, "the change changes nothing"
    assert before.run(tmp_path, cache=True).made == before.run(tmp_path, cache=True).made == before.run().made
    again = after.run(tmp_path, cache=True)
    assert again.made == after.run().made
    assert again.cached == set()


# Of these it is not known what they are, or whether they change with each call: they are called each time.
NEVER_FOUND = {
    "a NumPy function of the author's own",
    "a start that is counted on from",
    "a method of an object that counts its calls",
    "a constant that is written to as well",
    "a module that is imported by a text",
    "a module that is looked up",
    "a subclass that is looked up",
    "a class in a pickle that is opened",
}
FOUND = {name: source for name, (source, _) in CODE.items() if name not in NEVER_FOUND}


@pytest.mark.parametrize("source", FOUND.values(), ids=FOUND.keys())
def test_code_of_any_kind_is_found_again(source, tmp_path):
    before = one_node(source)
    before.run(tmp_path, cache=True)
    again = before.run(tmp_path, cache=True)
    assert again.cached == set(again.result.steps), again.result.steps


def test_code_of_any_length_has_a_fingerprint(tmp_path):
    helpers = ["def f0(x):\n    return x"] + [f"def f{n}(x):\n    return f{n - 1}(x)" for n in range(1, 400)]
    before = one_node("\n".join([*helpers, "def node(x):\n    return f399(x)"]))
    after = before.copy()
    after.edit("author", ("def f0(x):\n    return x", "def f0(x):\n    return x + 1"))
    before.run(tmp_path, cache=True)
    assert before.run(tmp_path, cache=True).cached == {"node"}
    assert after.run(tmp_path, cache=True).cached == set()


def test_a_value_of_any_depth_has_a_fingerprint_or_is_said_to_have_none(tmp_path):
    value: list[Any] = []
    for _ in range(400):
        value = [value]
    before = one_node("def node(x):\n    return len(x)", {"x": value})
    before.run(tmp_path, cache=True)
    assert one_node("def node(x):\n    return len(x)", {"x": [value]}).run(tmp_path, cache=True).cached == set()


# --- modules on disk ------------------------------------------------------------------------------------------------


def test_a_module_that_takes_a_name_of_pythons_own_counts(tmp_path, monkeypatch):
    before = World(
        sources={
            "code": "def helper(x):\n    return x + 1",
            "author": "import code\ndef node(x):\n    return code.helper(x)",
        },
        nodes=[("node", ["x"], ["y"])],
        inputs={"x": 1},
    )  # fmt: skip
    after = before.copy()
    after.edit("code", ("x + 1", "x + 2"))
    monkeypatch.setitem(sys.modules, "code", sys.modules.get("code"))
    assert ran_again(before, after, tmp_path).cached == set()


# What the node's function imports, what it then calls, and the file in which that stands.
LAZY = {
    "from a package": ("from package import sub", "sub.f(x)", "sub"),
    "by its whole name": ("import package.sub", "package.sub.f(x)", "sub"),
    "under a name": ("import package.sub as other", "other.f(x)", "sub"),
    "a function of it": ("from package.sub import f", "f(x)", "sub"),
    "what its package holds beside it": ("import package.sub", "package.f(x)", "__init__"),
    "what its package takes from it": ("from package import f", "f(x)", "__init__"),
}


@pytest.fixture
def on_disk(tmp_path, monkeypatch):
    """Run the node as a new process does, in which nothing of the author's has been imported."""
    folder = tmp_path / "code"
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def run(files: dict[str, str]) -> Ran:
        for name, content in files.items():
            write(folder / name, content)
        importlib.invalidate_caches()
        for name in ("package", "package.sub"):
            sys.modules.pop(name, None)
        return one_node((folder / "author.py").read_text()).run(tmp_path / "storage", cache=True)

    yield run
    for name in ("package", "package.sub"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(("statement", "call", "home"), LAZY.values(), ids=LAZY.keys())
def test_a_module_that_is_imported_when_a_node_is_called_counts(statement, call, home, on_disk):
    files = {
        "author.py": f"def node(x):\n    {statement}\n    return {call}\n",
        "package/__init__.py": "def f(x):\n    return x + 1\n",
        "package/sub.py": "def f(x):\n    return x + 1\n",
    }
    assert on_disk(files).result["y"] == 2
    assert on_disk({}).cached == {"node"}
    again = on_disk({f"package/{home}.py": "def f(x):\n    return x + 2\n"})
    assert (again.result["y"], again.cached) == (3, set())


# --- versions and files ---------------------------------------------------------------------------------------------


def test_the_version_of_a_package_calls_the_nodes_that_use_it(tmp_path, monkeypatch):
    world().run(tmp_path, cache=True)
    real = origin.version
    monkeypatch.setattr(origin, "version", lambda name: "0.0.1" if name == "numpy" else real(name))
    origin.package_version.cache_clear()
    try:
        assert world().run(tmp_path, cache=True).calls == ["mean"]
    finally:
        monkeypatch.undo()
        origin.package_version.cache_clear()
    assert world().run(tmp_path, cache=True).calls == []


def test_another_python_calls_every_node(tmp_path, monkeypatch):
    world().run(tmp_path, cache=True)
    newer = origin.PYTHON._replace(version="3.99")
    monkeypatch.setattr(origin, "PYTHON", newer)
    monkeypatch.setattr(fingerprint, "PYTHON", newer)
    origin.package_version.cache_clear()
    try:
        assert set(world().run(tmp_path, cache=True).calls) == EVERYTHING
    finally:
        monkeypatch.undo()
        origin.package_version.cache_clear()
    assert world().run(tmp_path, cache=True).calls == []


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


WATCHED: dict[str, Callable[[Path], object]] = {
    "a file's content": lambda folder: write(folder / "one.csv", "changed"),
    "a file's content of the same size": lambda folder: write(folder / "one.csv", "eno"),
    "a file that is gone": lambda folder: (folder / "one.csv").unlink(),
    "a file deep in a folder": lambda folder: write(folder / "more/deep/two.csv", "changed"),
    "a file more in a folder": lambda folder: write(folder / "more/three.csv", ""),
    "a file less in a folder": lambda folder: (folder / "more/deep/two.csv").unlink(),
    "a file's name in a folder": lambda folder: (folder / "more/deep/two.csv").rename(folder / "more/deep/other.csv"),
}


@pytest.fixture
def watched(tmp_path) -> Path:
    folder = tmp_path / "data"
    write(folder / "one.csv", "one")
    write(folder / "more/deep/two.csv", "two")
    return folder


READ = """
import pathlib
def read(paths):
    called("read")
    return [pathlib.Path(path).read_text() for path in paths if pathlib.Path(path).is_file()]
"""


def watching(folder: Path) -> World:
    """With a node that reads files, and has them watched."""
    new = world()
    new.sources["author"] += READ
    new.nodes.append(("read", ["paths"], ["content"]))
    new.inputs["paths"] = [str(folder / "one.csv"), str(folder / "more/deep/two.csv")]
    cache = Cache(watch=[folder / "one.csv", str(folder / "more")])
    return replace(new, arguments={"cache": True, "node_cache": {"read": cache}})


@pytest.mark.parametrize("change", WATCHED.values(), ids=WATCHED.keys())
def test_a_file_that_is_watched_counts_with_its_content(change, watched, tmp_path):
    """R35."""
    storage = tmp_path / "storage"
    assert "read" in watching(watched).run(storage).calls
    assert watching(watched).run(storage).calls == []
    change(watched)
    again = watching(watched).run(storage)
    assert again.calls == ["read"]
    assert again.made == watching(watched).run(None, cache=False, node_cache={}).made


def test_a_file_that_is_watched_and_not_there_is_named_in_every_run(watched, tmp_path):
    """It may be misspelt, and then nothing would be watched."""
    (watched / "one.csv").unlink()
    for _ in range(2):
        again = watching(watched).run(tmp_path / "storage")
        assert "read" in again.calls
        reason = f"the file '{watched / 'one.csv'}' that it watches is not there"
        assert again.why("read") == f"cache miss: it cannot be known: {reason}"


def test_a_file_that_is_only_touched_or_lies_elsewhere_changes_nothing(watched, tmp_path):
    storage = tmp_path / "storage"
    watching(watched).run(storage)
    (watched / "one.csv").touch()
    write(watched / "unwatched.csv", "new")
    assert watching(watched).run(storage).calls == []


# --- values ---------------------------------------------------------------------------------------------------------


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns or {"a": [1, 2, 3], "b": [4.0, 5.0, 6.0]})


def with_middle(number: int) -> np.ndarray:
    array = np.zeros(100_001)
    array[50_000] = number
    return array


def with_attrs(unit: str) -> pd.DataFrame:
    table = frame()
    table.attrs["unit"] = unit
    return table


DAYS = ["2020-01-01", "2020-01-02", "2020-01-03"]
ONE = [1]
OTHER_VALUES: dict[str, tuple[Any, Any]] = {
    "an array's middle element": (with_middle(0), with_middle(1)),
    "an array's dtype": (np.arange(5, dtype="i8"), np.arange(5, dtype="u8")),
    "an array's shape": (np.arange(6), np.arange(6).reshape(2, 3)),
    "an array's memory order": (np.array([[1, 2], [3, 4]]), np.array([[1, 2], [3, 4]], order="F")),
    "an array's mask": (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0])),
    "a column's name": (frame(a=[1]), frame(b=[1])),
    "the order of columns": (frame(), frame()[["b", "a"]]),
    "a column's dtype": (frame(a=[1]), frame(a=[1]).astype("uint64")),
    "a column's nullable dtype": (frame(a=[1]), frame(a=[1]).astype("Int64")),
    "the order of rows": (frame(), frame().iloc[::-1].reset_index(drop=True)),
    "an index": (frame(), frame().set_axis([0, 1, 3])),
    "an index's name": (frame(), frame().rename_axis("row")),
    "an index's kind": (frame(), frame().set_axis(pd.Index([0, 1, 2]))),
    "an index's frequency": (
        frame().set_axis(pd.date_range(DAYS[0], periods=3)),
        frame().set_axis(pd.DatetimeIndex(DAYS)),
    ),
    "the order of categories": (
        frame(a=pd.Categorical(["x"], ["x", "y"])),
        frame(a=pd.Categorical(["x"], ["y", "x"])),
    ),
    "whether categories have an order": (
        frame(a=pd.Categorical(["x"], ["x", "y"])),
        frame(a=pd.Categorical(["x"], ["x", "y"], ordered=True)),
    ),
    "a time zone": (
        frame(a=pd.to_datetime(DAYS).tz_localize("UTC")),
        frame(a=pd.to_datetime(DAYS).tz_localize("UTC").tz_convert("Europe/Zurich")),
    ),
    "a time's unit": (frame(a=pd.to_datetime(DAYS).as_unit("s")), frame(a=pd.to_datetime(DAYS).as_unit("ms"))),
    "None and NaN": (
        pd.DataFrame({"a": ["x", None]}, dtype=object),
        pd.DataFrame({"a": ["x", np.nan]}, dtype=object),
    ),
    "a frame's attributes": (with_attrs("m"), with_attrs("km")),
    "a polars column's dtype": (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]}, schema={"a": pl.UInt64})),
    "a polars column's name": (pl.DataFrame({"a": [1]}), pl.DataFrame({"b": [1]})),
    "pandas and polars": (pd.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]})),
    "a number": (1, 2),
    "the sign of zero in a value": (0.0, -0.0),
    "an int and a float": (1, 1.0),
    "an int and a bool": ([1], [True]),
    "a list and a tuple": ([1], (1,)),
    "the order of a dict's keys": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "the type of a dict's key": ({1: 0}, {"1": 0}),
    "bytes and bytearray": (b"a", bytearray(b"a")),
    "a text": ("a", "b"),
    "text and bytes": ("a", b"a"),
    "a set": ({1, 2}, {1, 3}),
    "a NumPy scalar's dtype": (np.float32(0.5), np.float64(0.5)),
    "a NumPy scalar and a number": (np.float64(0.5), 0.5),
    "a date and a time": (dt.date(2020, 1, 1), dt.datetime(2020, 1, 1)),
    "a time's zone": (dt.datetime(2020, 1, 1), dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),
    "two that are one": ([ONE, ONE], [[1], [1]]),
    "None and nothing": (None, []),
}
EQUAL_VALUES: dict[str, tuple[Any, Any]] = {
    "an array": (with_middle(1), with_middle(1)),
    "an array that is a view": (np.arange(6)[::2], np.array([0, 2, 4])),
    "a frame": (frame(), frame()),
    "a frame with objects": (
        pd.DataFrame({"a": ["x", None]}, dtype=object),
        pd.DataFrame({"a": ["x", None]}, dtype=object),
    ),
    "a polars frame": (pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]})),
    "a dict": ({"a": [1, 2]}, {"a": [1, 2]}),
    "a set written in another order": ({"a", "b", "c"}, {"c", "b", "a"}),
    "NaN": ([float("nan")], [float("nan")]),
    "a time": (dt.datetime(2020, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),
}
USE = """
from called import called

def giving(value):
    return lambda: value

def use(value):
    called("use")
    return repr(value)
"""


def given(value: Any) -> World:
    """The value comes from outside."""
    return World(sources={"author": USE}, nodes=[("use", ["value"], ["text"])], inputs={"value": value})


def handed(value: Any) -> World:
    """The value comes from another node."""
    values = ModuleType("values")
    values.VALUE = value
    sys.modules["values"] = values
    return World(
        sources={"author": f"from values import VALUE\n{USE}"},
        nodes=[("giving(VALUE)", [], ["value"]), ("use", ["value"], ["text"])],
    )


@pytest.mark.parametrize("way", [given, handed])
@pytest.mark.parametrize(("one", "other"), OTHER_VALUES.values(), ids=OTHER_VALUES.keys())
def test_a_value_that_differs_in_anything_calls_its_reader(one, other, way, tmp_path):
    """R35."""
    assert "use" in way(one).run(tmp_path, cache=True).calls
    again = way(other).run(tmp_path, cache=True)
    assert "use" in again.calls
    assert again.made == way(other).run().made


@pytest.mark.parametrize("way", [given, handed])
@pytest.mark.parametrize(("one", "other"), EQUAL_VALUES.values(), ids=EQUAL_VALUES.keys())
def test_a_value_that_is_equal_in_everything_does_not_call_its_reader(one, other, way, tmp_path):
    way(one).run(tmp_path, cache=True)
    assert "use" not in way(other).run(tmp_path, cache=True).calls


# A run closes the folder of the files that it has read when nobody has it any more.
@pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")
@pytest.mark.parametrize("name", ["b.csv", "a.txt"])
def test_the_name_of_a_file_that_is_handed_over_counts(name, tmp_path):
    source = (
        "import pathlib\ndef make():\n    return pathlib.Path(PATH)\ndef name(path):\n    return path.name\nPATH = {!r}"
    )

    def name_of(file: Path) -> str:
        write(file, "the same")
        nodes = [("make", [], ["path"]), ("name", ["path"], ["name"])]
        world = World(sources={"author": source.format(str(file))}, nodes=nodes)
        return world.run(tmp_path / "storage", cache=True).result["name"]

    names = [name_of(tmp_path / "files" / file) for file in ("a.csv", name)]
    gc.collect()
    assert names == ["a.csv", name]


def test_two_inputs_that_are_one_value_are_not_two_values_that_are_equal(tmp_path):
    source = (
        "def make():\n    return [1]\ndef same():\n    return [1]\n"
        "def use(one, other):\n    one.append(2)\n    return len(other)"
    )
    for inputs in (["one", "one"], ["one", "other"]):
        world = World(
            sources={"author": source},
            nodes=[("make", [], ["one"]), ("same", [], ["other"]), ("use", inputs, ["count"])],
        )
        assert world.run(tmp_path, cache=True).made == world.run(tmp_path).made


def test_the_table_has_enough_rows():
    """At least 40 changes, each with a hit or a miss."""
    assert len(NO_CHANGE) + len(CALLED) + len(CODE) + len(WATCHED) + len(OTHER_VALUES) + len(EQUAL_VALUES) >= 150
