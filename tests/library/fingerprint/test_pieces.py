"""Pieces of code and values of any kind: each of them counts, none of them makes the fingerprint fail."""

from __future__ import annotations

import copyreg
import functools
import importlib
import json
import pathlib
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from airflow_linepipe.fingerprint import fingerprint, fingerprint_function, fingerprint_value

# Of each a function ``node``, and a change.
PIECES = {
    "an argument's name in a call": (
        """
        def node(x):
            return dict(a=x)
        """,
        "a=x",
        "b=x",
    ),
    "the order of lambdas": (
        """
        F = [lambda x: x + 1, lambda x: x + 2, lambda x: x + 1]
        def node(x):
            return F
        """,
        "x + 2, lambda x: x + 1",
        "x + 1, lambda x: x + 2",
    ),
    "a long expression": (
        """
        import re
        P = re.compile('a' * 300 + 'b')
        def node(x):
            return P
        """,
        "'b'",
        "'c'",
    ),
    "what a decorator leaves of its function": (
        """
        import functools
        def f(x):
            return 1
        @functools.wraps(f)
        def g(x):
            return 0
        def node(x):
            return g.__wrapped__(x)
        """,
        "return 1",
        "return 2",
    ),
    "a function with the names of a library's": (
        """
        import functools, json
        @functools.wraps(json.dumps)
        def f(x):
            return 1
        def node(x):
            return f(x)
        """,
        "return 1",
        "return 2",
    ),
    "an object with the names of a library's": (
        """
        import functools, json
        class A:
            def __init__(self, k):
                self.k = k
        dumps = A(1)
        functools.update_wrapper(dumps, json.dumps)
        def node(x):
            return dumps.k
        """,
        "A(1)",
        "A(2)",
    ),
    "a class that a library makes": (
        """
        import dataclasses
        S = dataclasses.make_dataclass('S', [('a', int, 1)])
        def node(x):
            return S().a
        """,
        "int, 1",
        "int, 2",
    ),
    "a time zone of its own": (
        """
        import datetime as dt
        class Z(dt.tzinfo):
            def utcoffset(self, at):
                return dt.timedelta(hours=1)
            def __repr__(self):
                return 'Z'
        T = dt.datetime(2020, 1, 1, tzinfo=Z())
        def node(x):
            return T
        """,
        "hours=1",
        "hours=2",
    ),
    "a slot": (
        """
        class A:
            __slots__ = ('a',)
        def node(x):
            return A()
        """,
        "('a',)",
        "('b',)",
    ),
    "a class's name": (
        """
        class A:
            pass
        B = A
        def node(x):
            return B()
        """,
        "A",
        "C",
    ),
    "a bound of a type variable": (
        """
        import typing
        class A:
            k = 1
        T = typing.TypeVar('T', bound=A)
        def node(x):
            return T.__bound__.k
        """,
        "k = 1",
        "k = 2",
    ),
    "a logger of its own": (
        """
        import logging
        class L(logging.Logger):
            def scale(self, x):
                return x * 2
        l = L('l')
        def node(x):
            return l.scale(x)
        """,
        "x * 2",
        "x * 3",
    ),
    "a member of flags": (
        """
        import enum
        class F(enum.Flag):
            A = 1
            B = 2
        V = F(0)
        def node(x):
            return V
        """,
        "F(0)",
        "F.A",
    ),
}


def authored(source: str):
    space = {"__name__": "authored"}
    exec(textwrap.dedent(source), space)
    return fingerprint_function(space["node"])


@pytest.mark.parametrize(("source", "old", "new"), PIECES.values(), ids=PIECES.keys())
def test_a_change_of_any_piece_of_code_changes_the_fingerprint(source, old, new):
    assert old in source
    assert authored(source).digest == authored(source).digest
    assert authored(source).digest != authored(source.replace(old, new)).digest


def reading(value):
    return lambda: value


class Scaler:
    def __init__(self, offset):
        self.offset = offset


def power(base, exponent=2):
    return base**exponent


def test_a_function_that_a_library_makes_counts_by_what_it_is_made_of():
    space = {"__name__": "json"}
    exec("def make(f):\n    def made(x):\n        return f(x)\n    return made\n", space)
    made = [fingerprint_function(space["make"](function)) for function in (lambda x: x + 1, lambda x: x + 2)]
    assert made[0].digest != made[1].digest


@pytest.mark.parametrize("function", [np.linalg.norm, np.add, pd.read_csv, LinearRegression, json.dumps])
def test_what_is_a_librarys_counts_by_its_name_and_version(function):
    found = fingerprint_function(reading(function))
    assert found.unknown == ()
    assert len(found.parts) == 1


def test_a_module_that_nobody_has_imported_yet_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "lazy_package").mkdir()
    (tmp_path / "lazy_package/__init__.py").write_text("")
    source = "import lazy_package\ndef node(x):\n    return lazy_package.sub.f(x)"
    found = []
    for number in (1, 22, 1):
        (tmp_path / "lazy_package/sub.py").write_text(f"def f(x):\n    return x + {number}\n")
        importlib.invalidate_caches()
        for name in ("lazy_package", "lazy_package.sub"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        found.append(authored(source))
    assert found[0] == found[2]
    assert found[0].digest != found[1].digest


class Attributes(dict):
    __getattr__ = dict.__getitem__


class Breaking:
    @property
    def __dict__(self):
        raise RuntimeError

    def __reduce_ex__(self, protocol):
        raise RecursionError

    def __repr__(self):
        raise ZeroDivisionError


VALUES = {
    "a dict with attributes": Attributes(a=1),
    "an object that fails": Breaking(),
    "a set of one": {Breaking()},
    "a huge number": 10**5000,
    "a slice of it": [slice(10**5000)],
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_no_value_makes_it_fail(value):
    assert fingerprint_value(value, "it").digest
    assert fingerprint_function(reading(value)).digest


def test_what_fails_is_said():
    (unknown,) = fingerprint_value({Breaking()}, "it").unknown
    assert unknown == "it is a set that fails to be read (ZeroDivisionError)"


def test_what_is_long_or_deep_has_a_fingerprint():
    def long(first):
        helpers = [f"def f{number}(x):\n    return f{number - 1}(x)" for number in range(1, 2000)]
        return authored("\n".join([f"f0 = {first}", *helpers, "node = f1999"]))

    assert long("len").unknown == ()
    assert long("len").digest != long("sum").digest

    def deep(inmost):
        return functools.reduce(lambda value, _: [value], range(5000), inmost)

    assert fingerprint_value(deep([1]), "it").unknown == ()
    assert fingerprint_value(deep([1]), "it").digest != fingerprint_value(deep([2]), "it").digest


def test_a_value_does_not_count_by_the_version_of_python(monkeypatch):
    before = fingerprint_value([1, pathlib.Path("a"), Scaler(1)], "it")
    function = fingerprint_function(power)
    monkeypatch.setattr(fingerprint, "PYTHON", fingerprint.PYTHON._replace(version="3.99"))
    assert fingerprint_value([1, pathlib.Path("a"), Scaler(1)], "it") == before
    assert dict(before.versions) == {}
    assert fingerprint_function(power).digest != function.digest


def generic():
    @functools.singledispatch
    def convert(value):
        return value

    @convert.register
    def _(value: int):
        return value + 1

    return convert


class Lazy:
    @functools.cached_property
    def value(self):
        return 1


def test_what_python_keeps_for_itself_does_not_count():
    convert = generic()
    before = fingerprint_function(convert)
    convert(1)
    convert("a")
    assert fingerprint_function(convert) == before
    assert before.unknown == ()
    before = fingerprint_function(Scaler(1))
    copyreg._slotnames(Scaler)
    assert "__slotnames__" in vars(Scaler)
    assert fingerprint_function(Scaler(1)) == before
    assert fingerprint_function(Lazy).unknown == ()
