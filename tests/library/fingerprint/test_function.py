"""What changes a function's fingerprint, and what does not."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import functools
import importlib
import logging
import pathlib
import pickle
import re
import subprocess
import sys
import textwrap
import threading
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier

from airflow_linepipe.fingerprint import fingerprint_function

# The author's own modules: `node` imports `helpers`, which imports `deep`.
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

        FACTORS = {"a": 1.5, "b": [1, 2, 3]}

        def clean(value):
            return deep.scale(value) + FACTORS["a"]

        class Model:
            depth = 3

            def predict(self, value):
                return value + self.depth

        class Tree(Model):
            pass
    """,
    "node": """
        import functools
        import helpers
        from helpers import clean

        def wrap(function):
            @functools.wraps(function)
            def inner(*args):
                return function(*args)
            return inner

        THRESHOLD = 0.5

        def node(table, window=7, *, strict=True):
            total = clean(table) + THRESHOLD
            model = helpers.Tree()
            return model.predict(total), [item + window for item in range(3)]
    """,
}


@pytest.fixture
def fingerprint(monkeypatch):
    """The fingerprint of ``node`` in modules of these sources, some of them changed."""

    def take(changes: dict[str, tuple[str, str]] | None = None, name: str = "node"):
        for module_name, source in SOURCES.items():
            text = textwrap.dedent(source)
            for old, new in (changes or {}).get(module_name, ()):
                assert old in text, f"{old!r} does not stand in {module_name}"
                text = text.replace(old, new)
            module = ModuleType(module_name)
            monkeypatch.setitem(sys.modules, module_name, module)
            exec(compile(text, f"{module_name}.py", "exec"), module.__dict__)
        return fingerprint_function(getattr(sys.modules["node"], name))

    return take


NODE = "def node(table, window=7, *, strict=True):\n"
SAME = {
    "a comment": {"node": [("total = clean(table) + THRESHOLD", "total = clean(table) + THRESHOLD  # so")]},
    "formatting": {"node": [("clean(table) + THRESHOLD", "(clean(\n        table) + (THRESHOLD))")]},
    "a docstring": {"node": [(NODE, NODE + '    """Says what it does."""\n')]},
    "a docstring of a helper": {"helpers": [("def clean(value):\n", 'def clean(value):\n    """So."""\n')]},
    "a docstring of a class": {"helpers": [("class Model:\n", 'class Model:\n    """So."""\n')]},
    "the name of a local variable": {"node": [("total", "sum_of_all")]},
    "an annotation": {"node": [("def node(table, window=7,", "def node(table: list, window: int = 7,")]},
    "a function that is not called": {
        "deep": [("def unused(value):\n    return value", "def unused(value):\n    return 1")]
    },
    "a constant that is not read": {"deep": [("LIMIT = 5", "LIMIT = 6")]},
    "blank lines above": {"node": [(NODE, "\n\n\n" + NODE)]},
    "an import that is not used": {"node": [("import functools\n", "import functools\nimport json\n")]},
    "the order of definitions": {
        "deep": [("LIMIT = 5\n", ""), ("    return value\n", "    return value\n\nLIMIT = 5\n")]
    },
}

CHANGED = {
    "a constant in the body": {"node": [("range(3)", "range(4)")]},
    "an operator": {"node": [("clean(table) + THRESHOLD", "clean(table) - THRESHOLD")]},
    "a type of constant": {"node": [("range(3)", "range(True)")]},
    "the sign of zero": {"node": [("THRESHOLD = 0.5", "THRESHOLD = -0.0")]},
    "a global constant": {"node": [("THRESHOLD = 0.5", "THRESHOLD = 0.6")]},
    "a global constant's type": {"node": [("THRESHOLD = 0.5", "THRESHOLD = '0.5'")]},
    "a default": {"node": [("window=7", "window=8")]},
    "a default by keyword": {"node": [("strict=True", "strict=False")]},
    "an argument's name": {"node": [("strict=True", "exact=True")]},
    "a helper": {"helpers": [('FACTORS["a"]', 'FACTORS["b"][0]')]},
    "a helper two modules away": {"deep": [("value * 2", "value * 3")]},
    "the middle of a constant": {"helpers": [("[1, 2, 3]", "[1, 9, 3]")]},
    "the order of a dict": {"helpers": [('{"a": 1.5, "b": [1, 2, 3]}', '{"b": [1, 2, 3], "a": 1.5}')]},
    "a list that becomes a tuple": {"helpers": [("[1, 2, 3]", "(1, 2, 3)")]},
    "a class attribute": {"helpers": [("depth = 3", "depth = 4")]},
    "a method": {"helpers": [("value + self.depth", "value - self.depth")]},
    "a method of its own in place of an inherited one": {
        "helpers": [("    pass", "    def predict(self, value):\n        return value")]
    },
    "a base class": {"helpers": [("class Tree(Model):", "class Tree(Model, dict):")]},
    "a decorator": {"node": [(NODE, "@wrap\n" + NODE)]},
    "another helper of the same name": {"node": [("from helpers import clean", "from deep import scale as clean")]},
    "an inner function": {"node": [("item + window", "item - window")]},
    "a generator in place of a list": {
        "node": [("[item + window for item in range(3)]", "(item + window for item in range(3))")]
    },
    "yield in place of return": {"node": [("return model", "yield model")]},
    "an import inside": {"node": [("    total =", "    from deep import unused\n    total =")]},
    "a helper that is gone": {"helpers": [("FACTORS = ", "FACTOR = ")]},
}


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME.keys())
def test_what_does_not_change_what_a_function_does_changes_no_fingerprint(changes, fingerprint):
    before = fingerprint()
    assert before.unknown == ()
    assert fingerprint(changes) == before


@pytest.mark.parametrize("changes", CHANGED.values(), ids=CHANGED.keys())
def test_what_changes_what_a_function_does_changes_its_fingerprint(changes, fingerprint):
    before = fingerprint()
    assert fingerprint(changes).digest != before.digest
    assert fingerprint().digest == before.digest


def test_a_decorators_own_code_counts(fingerprint):
    decorated = {"node": [(NODE, "@wrap\n" + NODE)]}
    changed = {"node": [(NODE, "@wrap\n" + NODE), ("return function(*args)", "return function(*args[:1])")]}
    assert fingerprint(decorated).digest != fingerprint(changed).digest


def test_what_has_changed_can_be_said(fingerprint):
    before, after = fingerprint(), fingerprint({"deep": [("value * 2", "value * 3")]})
    assert [name for name in before.parts if before.parts[name] != after.parts[name]] == ["deep.scale"]
    before, after = fingerprint(), fingerprint({"node": [("THRESHOLD = 0.5", "THRESHOLD = 0.6")]})
    assert [name for name in before.parts if before.parts[name] != after.parts[name]] == ["node.THRESHOLD"]


# --- callables of other kinds ---------------------------------------------------------------------------------------


def power(base, exponent=2):
    return base**exponent


def counter(start):
    def count(step):
        return start + step

    return count


class Scaler:
    factor = 2

    def __init__(self, offset):
        self.offset = offset

    def __call__(self, value):
        return value * self.factor + self.offset

    def scale(self, value):
        return self(value)


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Settings:
    depth: int = 3
    names: list[str] = dataclasses.field(default_factory=list)


def reading(value):
    return lambda: value


PAIRS = {
    "a partial's argument": (functools.partial(power, exponent=3), functools.partial(power, exponent=4)),
    "a partial's position": (functools.partial(power, 3), functools.partial(power, 4)),
    "a closure's value": (counter(1), counter(2)),
    "a lambda": (lambda x: x + 1, lambda x: x + 2),
    "the state of a callable object": (Scaler(1), Scaler(2)),
    "the object of a method": (Scaler(1).scale, Scaler(2).scale),
    "a cached function": (functools.cache(lambda x: x + 1), functools.cache(lambda x: x + 2)),
    "a built-in": (len, sum),
    "a method of a built-in": (str.lower, str.upper),
    "a function of a package": (np.add, np.subtract),
    "a class": (Scaler, Settings),
    "an array's middle": (reading(np.arange(5)), reading(np.array([0, 1, 9, 3, 4]))),
    "an array's dtype": (reading(np.arange(5, dtype="i8")), reading(np.arange(5, dtype="u8"))),
    "a frame's column name": (reading(pd.DataFrame({"a": [1]})), reading(pd.DataFrame({"b": [1]}))),
    "a frame's row order": (reading(pd.DataFrame({"a": [1, 2]})), reading(pd.DataFrame({"a": [2, 1]}))),
    "a frame's index": (reading(pd.DataFrame({"a": [1]}, index=[0])), reading(pd.DataFrame({"a": [1]}, index=[1]))),
    "the order of categories": (
        reading(pd.Series(pd.Categorical(["x"], ["x", "y"]))),
        reading(pd.Series(pd.Categorical(["x"], ["y", "x"]))),
    ),
    "a member of an enum": (reading(Colour.RED), reading(Colour.BLUE)),
    "a field of a dataclass": (reading(Settings()), reading(Settings(depth=4))),
    "an expression": (reading(re.compile("a")), reading(re.compile("a", re.IGNORECASE))),
    "a path": (reading(pathlib.Path("a")), reading(pathlib.Path("b"))),
    "a time zone": (reading(dt.UTC), reading(dt.timezone(dt.timedelta(hours=1)))),
    "a set": (reading({1, 2}), reading({1, 3})),
    "a model": (reading(DecisionTreeClassifier(max_depth=2)), reading(DecisionTreeClassifier(max_depth=3))),
    "one and True": (reading([1]), reading([True])),
}


@pytest.mark.parametrize(("one", "other"), PAIRS.values(), ids=PAIRS.keys())
def test_callables_that_differ_have_different_fingerprints(one, other):
    assert fingerprint_function(one).unknown == fingerprint_function(other).unknown == ()
    assert fingerprint_function(one).digest != fingerprint_function(other).digest
    assert fingerprint_function(one) == fingerprint_function(one)


def test_a_function_that_calls_itself_and_one_that_calls_back_are_known(fingerprint):
    recursive = {"node": [("model.predict(total)", "node(total)")]}
    assert fingerprint(recursive).unknown == ()
    circle = {"deep": [("    return value * 2", "    import helpers\n    return helpers.clean(value) * 2")]}
    changed = {"deep": [("    return value * 2", "    import helpers\n    return helpers.clean(value) * 3")]}
    assert fingerprint(circle).digest != fingerprint(changed).digest


UNKNOWN = {
    "a lock": (reading(threading.Lock()), "is a lock, of which nothing is known"),
    "a generator": (reading(x for x in ()), "is a generator, of which nothing is known"),
    "eval": (lambda text: eval(f"{text} + 1"), r"calls eval\(\)"),
    "globals": (lambda: globals()["x"], r"calls globals\(\)"),
    "the globals of a function": (lambda f: f.__globals__["x"], "uses __globals__, of which there is no telling"),
    "subclasses": (lambda kind: kind.__subclasses__(), "uses __subclasses__"),
    "a module by name": (lambda: importlib.import_module("x"), r"uses importlib\.import_module"),
    "a module that is looked up": (lambda: sys.modules["x"], r"uses sys\.modules"),
    "a pickle": (lambda text: pickle.loads(text)[0], r"uses pickle\.loads"),
    "a pickle by another name": (reading(pickle.loads), r"uses _pickle\.loads"),
    "pickle as a whole": (lambda: getattr(pickle, "loa" + "ds"), "uses pickle"),
}


def import_missing():
    import not_installed_anywhere

    return not_installed_anywhere


@pytest.mark.parametrize(("function", "reason"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_nobody_can_know_is_said(function, reason):
    (unknown,) = fingerprint_function(function).unknown
    assert re.search(reason, unknown)


def test_a_module_that_cannot_be_imported_is_said():
    (unknown,) = fingerprint_function(import_missing).unknown
    assert "imports not_installed_anywhere, which fails here (ModuleNotFoundError" in unknown


def test_loggers_and_streams_are_no_part_of_what_a_function_does():
    logger = logging.getLogger("some")
    assert fingerprint_function(reading([logger, sys.stderr])).unknown == ()


def test_packages_and_python_count_by_their_version(monkeypatch):
    before = fingerprint_function(lambda: np.zeros(3))
    from airflow_linepipe.fingerprint import origin

    monkeypatch.setattr(origin, "version", lambda name: "0.0.1")
    origin.package_version.cache_clear()
    try:
        assert fingerprint_function(lambda: np.zeros(3)).digest != before.digest
    finally:
        monkeypatch.undo()
        origin.package_version.cache_clear()
    assert fingerprint_function(lambda: np.zeros(3)).digest == before.digest


@pytest.mark.parametrize(
    ("source", "counts_by"),
    [
        ("", "version"),
        ('{"url": "https://example.org/mine-1.0.whl", "archive_info": {}}', "version"),
        ('{"url": "file:///src/mine", "dir_info": {}}', "code"),
        ('{"url": "https://example.org/mine.git", "vcs_info": {"vcs": "git", "commit_id": "1"}}', "code"),
    ],
)
def test_a_package_installed_from_source_counts_by_its_code(source, counts_by, tmp_path, monkeypatch):
    """Its author may build it again without another version."""
    from airflow_linepipe.fingerprint import origin

    information = tmp_path / "mine_of_the_author-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: mine-of-the-author\nVersion: 1.0\n")
    if source:
        (information / "direct_url.json").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(origin, "_INSTALLED", (f"{tmp_path}/",))
    found = []
    for body in ("return 1", "return 2"):
        (tmp_path / "mine_of_the_author.py").write_text(f"def helper():\n    {body}\n")
        monkeypatch.delitem(sys.modules, "mine_of_the_author", raising=False)
        importlib.invalidate_caches()
        origin.package_version.cache_clear()
        helper = importlib.import_module("mine_of_the_author").helper
        found.append(fingerprint_function(lambda helper=helper: helper()).digest)
        (tmp_path / "mine_of_the_author.py").unlink()
    origin.package_version.cache_clear()
    assert (found[0] != found[1]) == (counts_by == "code")


PROGRAM = """
import functools, re
from airflow_linepipe.fingerprint import fingerprint_function
NAMES = {"a", "b", "c", ("d", 1)}
class Model:
    kinds = {"x", "y"}
    def fit(self, x): return x in self.kinds
def node(x, *, model=Model()):
    return model.fit(x), NAMES, frozenset(["p", "q", "r"]), x in {"k", "l", "m"}
print(fingerprint_function(functools.partial(node, 1)).digest)
"""


def test_the_fingerprint_is_the_same_in_every_process():
    digests = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("0", "1", "2", "random")
    }
    assert len(digests) == 1
    assert digests != {""}
