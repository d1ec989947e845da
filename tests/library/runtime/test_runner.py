"""Running the steps of a plan in this process."""

from __future__ import annotations

import gc
import logging
import traceback
import types
import weakref

import numpy as np
import pytest
from linepipe.node import Node, create_named_partial_function
from linepipe.pipeline import Pipeline
from nodes import ran

from airflow_linepipe.errors import MissingInputError, OutputCountError, OutputTypeError
from airflow_linepipe.plan import build_plan, plan_pipeline


def add(a, b):
    return a + b


def drain(plan, **given):
    return dict(ran(plan, given=given))


class Journal:
    def __init__(self):
        self.lines = []

    def step(self, name, result=None):
        """A node function that notes that it ran."""

        def function(*_values):
            self.lines.append(name)
            return result

        function.__name__ = name
        return function


@pytest.fixture
def journal():
    return Journal()


def test_a_pipeline_gives_every_named_output():
    pipeline = Pipeline([Node(add, ["x", "y"], ["sum"]), Node(add, ["sum", "sum"], ["twice"])], x=2, y=3)

    assert drain(plan_pipeline(pipeline)) == {"sum": 5, "twice": 10}


def test_inputs_are_passed_by_position_in_declared_order():
    def power(base, exponent):
        return base**exponent

    assert drain(build_plan([Node(power, ["exponent", "base"], ["p"])], constants={"base": 2, "exponent": 3})) == {
        "p": 9
    }


def test_a_plan_can_run_again():
    plan = build_plan([Node(add, ["x", "y"], ["x2"])], constants={"y": [3]}, given=["x"])

    assert [drain(plan, x=[1]), drain(plan, x=[2])] == [{"x2": [1, 3]}, {"x2": [2, 3]}]


def test_an_empty_plan_gives_nothing():
    assert drain(build_plan([])) == {}


def test_steps_run_one_at_a_time_in_list_order_and_none_before_it_is_asked_for(journal):
    nodes = [
        Node(journal.step("a", 1), [], ["a"]),
        Node(journal.step("save"), ["a"], []),
        Node(journal.step("b", (2, 3)), [], ["b", "c"]),
        Node(journal.step("last"), ["b"], []),
    ]
    running = ran(build_plan(nodes), given={})
    assert isinstance(running, types.GeneratorType)
    assert journal.lines == []

    assert next(running) == ("a", 1)
    assert journal.lines == ["a"]
    assert [next(running), next(running)] == [("b", 2), ("c", 3)]
    assert journal.lines == ["a", "save", "b"]
    assert list(running) == []
    assert journal.lines == ["a", "save", "b", "last"]


def test_an_output_is_as_the_node_made_it_when_it_is_yielded():
    """A later node gets the value itself; what was stored before that is not changed."""
    nodes = [Node(lambda: [1], [], ["a"]), Node(lambda a: a.append(2) or a, ["a"], ["b"])]
    stored = {name: list(value) for name, value in ran(build_plan(nodes), given={})}

    assert stored == {"a": [1], "b": [1, 2]}


def test_of_a_name_that_is_written_again_only_the_last_value_leaves():
    """R07."""
    nodes = [
        Node(lambda: 1, [], ["t"]),
        Node(lambda t: t + 1, ["t"], ["t"]),
        Node(lambda t: (t * 10, t), ["t"], ["t", "u"]),
    ]

    assert list(ran(build_plan(nodes), given={})) == [("t", 20), ("u", 2)]


def test_a_name_that_is_given_and_written_leaves_as_it_was_written():
    assert drain(build_plan([Node(lambda t: t + 1, ["t"], ["t"])], given=["t"]), t=1) == {"t": 2}


def test_none_is_an_output_like_any_other():
    """R34."""
    nodes = [
        Node(lambda: None, [], ["a"]),
        Node(lambda: (None, 1), [], ["b", "c"]),
        Node(lambda a: a is None, ["a"], ["d"]),
    ]

    assert drain(build_plan(nodes)) == {"a": None, "b": None, "c": 1, "d": True}


def test_a_writer_runs_once_and_its_result_is_dropped(journal):
    """R11."""
    nodes = [Node(lambda: 1, [], ["a"]), Node(journal.step("save", {"a": "dropped"}), ["a"], [])]

    assert drain(build_plan(nodes)) == {"a": 1}
    assert journal.lines == ["save"]


@pytest.mark.parametrize("profile", [False, True])
def test_a_function_runs_exactly_once_also_with_profile(journal, profile):
    """R24: linepipe runs a fast one up to six times."""
    assert drain(build_plan([Node(journal.step("fast", 1), [], ["a"], profile=profile)])) == {"a": 1}
    assert journal.lines == ["fast"]


def test_a_wrong_number_of_values_names_the_node_and_stops(journal):
    """R10."""
    split = create_named_partial_function(lambda: (1, 2, 3), "split")
    nodes = [Node(split, [], ["a", "b"]), Node(journal.step("next"), ["a"], [])]

    with pytest.raises(
        OutputCountError, match=r"^Node 'split' returned 3 values, but 2 outputs were declared \(a, b\)"
    ):
        drain(build_plan(nodes))
    assert journal.lines == []


def test_what_cannot_be_split_names_the_node_and_stops(journal):
    """R10."""
    nodes = [Node(journal.step("split", {"a": 1, "b": 2}), [], ["a", "b"]), Node(journal.step("next"), ["a"], [])]

    with pytest.raises(OutputTypeError, match=r"^Node 'split' declares 2 outputs"):
        drain(build_plan(nodes))
    assert journal.lines == ["split"]


class OwnError(Exception):
    """Needs more than a message, as some do."""

    def __init__(self, code, reason):
        super().__init__(code, reason)
        self.code = code


def _fail(value):
    raise OwnError(3, value)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), MemoryError()], ids=repr)
def test_what_is_no_ordinary_exception_passes_too(error):
    def fail():
        raise error

    with pytest.raises(type(error)) as caught:
        drain(build_plan([Node(fail, [], ["a"])]))
    assert caught.value is error


def test_a_nodes_exception_is_itself_with_its_own_traceback():
    """R12: linepipe wraps it in RuntimeError."""
    pipeline = Pipeline([Node(_fail, ["x"], ["a"])], x="why")

    with pytest.raises(OwnError) as caught:
        drain(plan_pipeline(pipeline))
    assert (caught.value.code, caught.value.args) == (3, (3, "why"))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    frame = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (frame.name, frame.line) == ("_fail", "raise OwnError(3, value)")
    with pytest.raises(RuntimeError, match="An error occurred while running _fail"):
        pipeline.run()


def test_the_cause_that_a_node_gives_its_exception_is_kept():
    def fail():
        try:
            {}["x"]
        except KeyError as error:
            message = "no x"
            raise ValueError(message) from error

    with pytest.raises(ValueError, match="no x") as caught:
        drain(build_plan([Node(fail, [], ["a"])]))
    assert isinstance(caught.value.__cause__, KeyError)


def test_outputs_made_before_a_failure_have_left():
    running = ran(build_plan([Node(lambda: 1, [], ["a"]), Node(_fail, ["a"], ["b"])]), given={})

    assert next(running) == ("a", 1)
    with pytest.raises(OwnError):
        next(running)


@pytest.mark.parametrize("stop", [StopIteration(1), StopIteration()], ids=["with-a-value", "without"])
def test_a_stop_iteration_of_a_node_does_not_end_the_run_quietly(stop):
    """A forgotten default of next(): Python turns it into RuntimeError inside a generator."""

    def fail():
        raise stop

    with pytest.raises(RuntimeError) as caught:
        drain(build_plan([Node(fail, [], ["a"])]))
    assert caught.value.__cause__ is stop


def test_what_nobody_gave_is_missed():
    with pytest.raises(MissingInputError, match="Node 'add' reads 'b'"):
        drain(build_plan([Node(add, ["a", "b"], ["c"])], given=["a", "b"]), a=1)


def test_what_is_given_too_much_is_left_alone():
    assert drain(build_plan([Node(add, ["a", "a"], ["c"])], given=["a"]), a=1, b=2) == {"c": 2}


def test_the_mapping_of_given_values_is_not_changed():
    given = {"a": [1]}
    drain(build_plan([Node(add, ["a", "a"], ["c"])], given=["a"]), **given)

    assert given == {"a": [1]}


class Table:
    """Something whose life can be watched."""


def test_a_value_that_nobody_reads_any_more_is_let_go_before_the_next_step_runs():
    alive = []

    def make():
        table = Table()
        alive.append(weakref.ref(table))
        return table

    def count(*_values):
        gc.collect()
        return sum(table() is not None for table in alive)

    nodes = [Node(make, [], ["a"]), Node(type, ["a"], ["kind"]), Node(count, [], ["n"])]

    counted = [value for name, value in ran(build_plan(nodes), given={}) if name == "n"]
    assert counted == [0]


def test_each_node_is_named_in_the_log(caplog):
    with caplog.at_level(logging.INFO, logger="airflow_linepipe"):
        drain(build_plan([Node(lambda: 1, [], ["a"]), Node(type, ["a"], ["b"])]))

    assert [record.getMessage() for record in caplog.records] == ["Running node: <lambda>", "Running node: type"]


def test_an_array_passes_through_without_a_copy():
    passed = []

    def same(array):
        passed.append(id(array))
        return array

    nodes = [Node(np.zeros, ["length"], ["a"]), *(Node(same, [name], [after]) for name, after in ("ab", "bc", "cd"))]
    plan = build_plan(nodes, constants={"length": 3})
    assert dict(ran(plan, given={}, outputs={"d": plan.outputs["d"]}))["d"].tolist() == [0, 0, 0]
    assert len(passed) == 3
    assert len(set(passed)) == 1


@pytest.mark.parametrize("profile", [False, True])
def test_an_exception_says_in_which_node_it_was_raised(caplog, profile):
    """R12."""

    def divide():
        return 1 // 0

    with caplog.at_level(logging.INFO, logger="airflow_linepipe"), pytest.raises(ZeroDivisionError) as caught:
        drain(build_plan([Node(divide, [], ["a"], profile=profile)]))

    assert caught.value.__notes__ == ["Raised in node 'divide'."]
    assert caught.value.__cause__ is None
    assert [record.getMessage() for record in caplog.records][-1] == (
        "Node divide ended with ZeroDivisionError: integer division or modulo by zero"
    )
