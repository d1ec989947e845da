"""What can be a node's function: called by position, once, with a result that stays."""

from __future__ import annotations

import functools
import inspect
from functools import partial

import pytest
from linepipe.node import Node, create_named_partial_function
from linepipe.pipeline import Pipeline
from nodes import ran

from airflow_linepipe.errors import PlanError
from airflow_linepipe.plan import plan_pipeline
from airflow_linepipe.plan.calling import calling_problem


def add(a, b):
    return a + b


def scale(x, factor=2):
    return x * factor


def rest(first, *others):
    return (first, *others)


def keyword(*, x):
    return x


def keyword_default(x, *, factor=2):
    return x * factor


def positional(a, /, b):
    return a + b


class Model:
    def __init__(self, depth, width=1):
        self.size = depth * width

    def __call__(self, x):
        return x + self.size

    def predict(self, x):
        return x * self.size


def _connected(function):
    """A decorator that passes an argument of its own, as those that open a connection do."""

    @functools.wraps(function)
    def wrapper(x):
        return function("connection", x)

    return wrapper


@_connected
def query(connection, text):
    return f"{connection}: {text}"


def _logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


async def fetch(x):
    return x


def stream(x):
    yield x


async def astream(x):
    yield x


class AsyncCall:
    async def __call__(self, x):
        return x


class GeneratorCall:
    def __call__(self, x):
        yield x


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        pytest.param(add, ["a", "b"], id="exact"),
        pytest.param(add, ["a", "a"], id="one-name-twice"),
        pytest.param(scale, ["x"], id="default-left-out"),
        pytest.param(scale, ["x", "y"], id="default-filled"),
        pytest.param(rest, ["a", "b", "c", "d"], id="any-number"),
        pytest.param(keyword_default, ["x"], id="keyword-only-default"),
        pytest.param(positional, ["a", "b"], id="positional-only"),
        pytest.param(lambda x: x, ["x"], id="lambda"),
        pytest.param(partial(add, 1), ["b"], id="partial"),
        pytest.param(create_named_partial_function(add, "add_one", b=1), ["a"], id="named-partial"),
        pytest.param(Model, ["depth"], id="class"),
        pytest.param(Model(2), ["x"], id="callable-object"),
        pytest.param(Model(2).predict, ["x"], id="bound-method"),
        pytest.param(sorted, ["x"], id="builtin"),
        pytest.param(print, ["a", "b", "c"], id="builtin-any-number"),
        pytest.param(query, ["text"], id="decorator-with-an-argument-of-its-own"),
        pytest.param(_logged(add), ["a", "b"], id="decorator-of-any-arguments"),
        pytest.param(functools.lru_cache(add), ["a", "b"], id="cached"),
    ],
)
def test_a_function_that_linepipe_can_call_is_accepted(function, inputs):
    assert calling_problem(function, inputs) == ""


def test_builtins_without_a_signature_are_left_to_the_run():
    without = [function for function in (int, max, getattr, dict, range) if not _has_signature(function)]

    assert without
    assert [calling_problem(function, ["a"] * 9) for function in without] == [""] * len(without)


def _has_signature(function):
    try:
        inspect.signature(function)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("function", "inputs", "half_a_sentence"),
    [
        pytest.param(
            add,
            ["a"],
            "it takes (a, b) and its 1 input (a) are passed by position: missing a required argument: 'b'",
            id="too-few",
        ),
        pytest.param(
            add,
            [],
            "it takes (a, b) and its 0 inputs () are passed by position: missing a required argument: 'a'",
            id="none",
        ),
        pytest.param(
            add,
            ["a", "b", "c"],
            "it takes (a, b) and its 3 inputs (a, b, c) are passed by position: too many positional arguments",
            id="too-many",
        ),
        pytest.param(
            keyword,
            ["x"],
            "it takes (*, x) and its 1 input (x) are passed by position: too many positional arguments",
            id="keyword-only",
        ),
        pytest.param(
            create_named_partial_function(add, "add_one", a=1),
            ["b"],
            "it takes (*, a=1, b) and its 1 input (b) are passed by position: too many positional arguments",
            id="partial-that-leaves-only-keywords",
        ),
        pytest.param(
            Model(1),
            ["x", "y"],
            "it takes (x) and its 2 inputs (x, y) are passed by position: too many positional arguments",
            id="callable-object",
        ),
        pytest.param(
            Model,
            [],
            "it takes (depth, width=1) and its 0 inputs () are passed by position: "
            "missing a required argument: 'depth'",
            id="class",
        ),
        pytest.param(
            query,
            ["connection", "text"],
            "it takes (x) and its 2 inputs (connection, text) are passed by position: too many positional arguments",
            id="decorator-with-an-argument-of-its-own",
        ),
    ],
)
def test_a_call_that_would_fail_says_what_is_taken_and_what_is_passed(function, inputs, half_a_sentence):
    assert calling_problem(function, inputs) == half_a_sentence


ASYNC = "it is an async function, which linepipe never awaits: wrap it in a plain function"
GENERATOR = "it is a generator function, whose values can be read only once: return a list"


@pytest.mark.parametrize(
    ("function", "half_a_sentence"),
    [
        pytest.param(fetch, ASYNC, id="async"),
        pytest.param(partial(fetch), ASYNC, id="partial-of-async"),
        pytest.param(AsyncCall(), ASYNC, id="object-with-async-call"),
        pytest.param(AsyncCall().__call__, ASYNC, id="async-method"),
        pytest.param(stream, GENERATOR, id="generator"),
        pytest.param(astream, GENERATOR, id="async-generator"),
        pytest.param(partial(stream), GENERATOR, id="partial-of-generator"),
        pytest.param(GeneratorCall(), GENERATOR, id="object-with-generator-call"),
    ],
)
def test_async_and_generator_functions_are_refused(function, half_a_sentence):
    assert calling_problem(function, ["x"]) == half_a_sentence


def test_a_class_is_not_taken_for_its_instances():
    assert calling_problem(AsyncCall, []) == ""


def test_the_plan_names_the_node():
    with pytest.raises(PlanError) as caught:
        plan_pipeline(Pipeline([Node(add, ["x"], ["y"]), Node(fetch, ["x"], ["z"])], x=1))

    assert [problem.node for problem in caught.value.problems] == ["add", "fetch"]
    assert [problem.message for problem in caught.value.problems] == [
        "Node 'add': it takes (a, b) and its 1 input (x) are passed by position: missing a required argument: 'b'.",
        f"Node 'fetch': {ASYNC}.",
    ]


def test_a_decorated_function_runs_as_in_linepipe():
    pipeline = Pipeline([Node(query, ["text"], ["answer"])], text="select 1", track_history=True)
    pipeline.run()

    assert dict(ran(plan_pipeline(pipeline), given={})) == pipeline.history[0]["outputs"]
