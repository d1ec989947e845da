"""Everything that keeps a pipeline from becoming a plan, all of it at once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from linepipe.node import Node, create_named_partial_function
from linepipe.pipeline import Pipeline
from nodes import clean, fit, load, made, save

from airflow_linepipe.errors import LinepipeError, PlanError
from airflow_linepipe.plan import (
    build_plan,
    plan_pipeline,
)


def problems(nodes, **arguments):
    """The (node, value) of every problem, and their sentences."""
    with pytest.raises(PlanError) as caught:
        build_plan(nodes, **arguments)
    found = caught.value.problems
    assert all(problem.message.endswith((".", "?")) and "\n" not in problem.message for problem in found)
    assert all(repr(problem.node) in problem.message for problem in found if problem.node)
    return [(problem.node, problem.value) for problem in found], [problem.message for problem in found]


def _give(name):
    return f": give it as a constant, or from outside with inputs={{'{name}': …}}."


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        pytest.param("day", "'day' is given from outside, and no node reads it.", id="nothing-like-it"),
        pytest.param(
            "months", "'months' is given from outside, and no node reads it: did you mean 'month'?", id="misspelt"
        ),
        pytest.param(
            "t",
            "'t' is given from outside, and no node reads it before node 'load' outputs it.",
            id="made-before-it-is-read",
        ),
        pytest.param(
            "config.x",
            "'config.x' is given from outside, and linepipe looks it up in the config: give a config instead.",
            id="part-of-the-config",
        ),
        pytest.param(
            "config",
            "'config' is given from outside, and linepipe looks it up in the config: give a config instead.",
            id="config",
        ),
    ],
)
def test_a_given_name_that_no_node_reads_is_a_problem(given, sentence):
    nodes = [Node(load, ["month", "config.x"], ["t"]), Node(clean, ["t"], ["u"])]

    assert problems(nodes, config={"x": 1}, constants={"month": "2013-01"}, given=[given]) == (
        [("", given)],
        [sentence],
    )


def test_an_unknown_input_names_node_and_input():
    """R03."""
    assert problems([Node(load, [], ["a"]), Node(clean, ["zz"], ["b"])]) == (
        [("clean", "zz")],
        [f"Node 'clean': it reads 'zz', which no earlier node outputs and which is no constant{_give('zz')}"],
    )


def test_an_unknown_input_is_found_before_any_node_has_run():
    """R03: linepipe finds it when the nodes before have run."""
    ran = []
    nodes = [Node(lambda: ran.append(1), [], ["a"]), Node(clean, ["zz"], ["b"])]

    with pytest.raises(PlanError):
        plan_pipeline(Pipeline(nodes))
    assert ran == []
    with pytest.raises(KeyError):
        Pipeline(nodes).run()
    assert ran == [1]


@pytest.mark.parametrize(
    ("name", "hint"),
    [("tabel", "'table'"), ("pth", "'path'"), ("mnth", "'month'")],
    ids=["output", "constant", "given"],
)
def test_a_misspelt_input_is_offered_the_closest_name(name, hint):
    """R03."""
    nodes = [Node(load, ["month"], ["table"]), Node(clean, [name], ["b"])]

    assert problems(nodes, constants={"path": "/there"}, given=["month"])[1] == [
        f"Node 'clean': it reads '{name}', which no earlier node outputs and which is no constant: did you mean {hint}?"
    ]


def test_an_input_that_a_later_node_outputs_says_which_one_to_move():
    """R27: the order of the list is linepipe's; a pipeline in another order never runs there either."""
    nodes = [Node(clean, ["a"], ["b"]), Node(load, [], ["a"])]

    assert problems(nodes) == (
        [("clean", "a")],
        [
            (
                "Node 'clean': it reads 'a', which no earlier node outputs and which is no constant: "
                "node 'load' outputs it, move that one up."
            )
        ],
    )
    with pytest.raises(KeyError):
        Pipeline(nodes).run()


def test_a_node_that_reads_only_its_own_output_is_not_told_to_move_before_itself():
    """R27."""
    assert problems([Node(load, [], ["count"]), Node(clean, ["counts"], ["counts"])])[1] == [
        "Node 'clean': it reads 'counts', which no earlier node outputs and which is no constant: did you mean 'count'?"
    ]


def test_a_cycle_is_a_problem_of_its_first_node():
    """R27."""
    nodes = [Node(load, ["b"], ["a"]), Node(clean, ["a"], ["b"])]

    assert problems(nodes) == (
        [("load", "b")],
        [
            (
                "Node 'load': it reads 'b', which no earlier node outputs and which is no constant: "
                "node 'clean' outputs it, move that one up."
            )
        ],
    )


def test_an_output_that_replaces_one_that_nobody_has_read_is_a_problem():
    """R27, R07."""
    nodes = [Node(load, [], ["a"]), Node(clean, [], ["a"]), Node(fit, ["a"], ["m"])]

    assert problems(nodes) == (
        [("clean", "a")],
        [
            (
                "Node 'clean': its output 'a' replaces the one of node 'load' before any node has read it: "
                "rename one of them."
            )
        ],
    )


def test_an_output_is_a_duplicate_of_the_one_right_before_it_only():
    nodes = [Node(load, [], ["a"]), Node(clean, ["a"], ["a"]), Node(fit, [], ["a"])]

    assert problems(nodes)[1] == [
        "Node 'fit': its output 'a' replaces the one of node 'clean' before any node has read it: rename one of them."
    ]


def test_a_node_that_names_one_output_twice_is_a_problem():
    """R27."""
    assert problems([Node(load, [], ["a", "b", "a"])]) == (
        [("load", "a")],
        ["Node 'load': it names its output 'a' twice: give each output its own name."],
    )


def test_an_output_named_like_a_constant_is_a_problem():
    """R07: linepipe logs an error, keeps the constant and drops the output."""
    assert problems([Node(load, [], ["x"])], constants={"x": 1}) == (
        [("load", "x")],
        [
            (
                "Node 'load': its output 'x' has the name of a runtime constant, which linepipe would keep and drop "
                "the output: rename one of them."
            )
        ],
    )


@pytest.mark.parametrize("name", ["config", "config.lr", "config."])
def test_an_output_named_like_the_config_is_a_problem(name):
    assert problems([Node(load, [], [name])]) == (
        [("load", name)],
        [f"Node 'load': its output '{name}' can never be read: linepipe looks it up in the config."],
    )


@pytest.mark.parametrize("length", [251, 300])
def test_a_name_longer_than_airflow_takes_is_a_problem(length):
    label = "f" * length
    node = Node(create_named_partial_function(load, label), [], ["a"])

    assert problems([node]) == (
        [(label, label)],
        [f"Node '{label}': its name has {length} characters and Airflow takes 250: rename."],
    )


def test_the_longest_name_that_airflow_takes_is_fine_until_it_repeats():
    nodes = [Node(create_named_partial_function(load, "f" * 250), [], [name]) for name in "ab"]

    assert [step.id for step in build_plan(nodes[:1]).steps] == ["f" * 250]
    assert problems(nodes)[0] == [("f" * 250, "f" * 250 + "__2")]


def test_an_input_text_that_linepipe_took_apart_is_reported_letter_by_letter():
    """LP01: ``inputs="ab"`` means ``["a", "b"]``."""
    assert problems([Node(load, "ab", ["c"])])[0] == [("load", "a"), ("load", "b")]


def test_all_problems_are_reported_together_in_node_order():
    """R03, R27."""

    async def fetch():
        return 1

    def add(a, b):
        return a + b

    nodes = [
        Node(load, ["zz", "config.rl", "yy"], ["a", "a"]),
        Node(fetch, [], ["a"]),
        Node(add, ["a"], ["path"]),
        Node(create_named_partial_function(save, "f" * 300), ["config.a.b"], ["config"]),
    ]
    found, sentences = problems(nodes, config={"lr": 1, "a": {}}, constants={"path": "/there"}, given=["day"])

    assert found == [
        ("load", "zz"),
        ("load", "config.rl"),
        ("load", "yy"),
        ("load", "a"),
        ("fetch", ""),
        ("fetch", "a"),
        ("add", ""),
        ("add", "path"),
        ("f" * 300, "f" * 300),
        ("f" * 300, "config.a.b"),
        ("f" * 300, "config"),
        ("", "day"),
    ]
    assert len(set(sentences)) == len(sentences)


def test_the_error_of_several_problems_numbers_them():
    with pytest.raises(PlanError) as caught:
        build_plan([Node(clean, ["x", "y"], ["z"])])

    assert str(caught.value) == (
        "The pipeline has 2 problems:\n"
        f"  1. Node 'clean': it reads 'x', which no earlier node outputs and which is no constant{_give('x')}\n"
        f"  2. Node 'clean': it reads 'y', which no earlier node outputs and which is no constant{_give('y')}"
    )


def test_the_error_of_one_problem_is_its_sentence_and_a_value_error():
    with pytest.raises(ValueError, match=r"^Node 'clean': it reads 'x', which no earlier .*\.$") as caught:
        build_plan([Node(clean, ["x"], ["z"])])

    assert isinstance(caught.value, LinepipeError)


def _bent(**names):
    """A node that was changed after linepipe made it."""
    node = Node(load, [], [])
    for name, value in names.items():
        setattr(node, name, value)
    return node


@pytest.mark.parametrize(
    ("node", "place", "sentence"),
    [
        pytest.param(3, ("", "1"), "Item 1 of the pipeline is a int, not a linepipe Node.", id="number"),
        pytest.param(load, ("", "1"), "Item 1 of the pipeline is a function, not a linepipe Node.", id="function"),
        pytest.param(
            [Node(load, [], [])], ("", "1"), "Item 1 of the pipeline is a list, not a linepipe Node.", id="nested-list"
        ),
        pytest.param(
            Pipeline([]), ("", "1"), "Item 1 of the pipeline is a Pipeline, not a linepipe Node.", id="pipeline"
        ),
        pytest.param(
            Node("load", [], []), ("", "1"), "Node 1 wraps a str, which cannot be called.", id="name-of-a-function"
        ),
        pytest.param(Node(load(), [], []), ("", "1"), "Node 1 wraps a tuple, which cannot be called.", id="called"),
        pytest.param(
            Node(load, [3], []),
            ("load", "3"),
            "Node 'load': the input name 3 is not a non-empty string.",
            id="number-in",
        ),
        pytest.param(
            Node(load, [["x"]], []),
            ("load", "['x']"),
            "Node 'load': the input name ['x'] is not a non-empty string.",
            id="list-in",
        ),
        pytest.param(
            Node(load, [], [None]),
            ("load", "None"),
            "Node 'load': the output name None is not a non-empty string.",
            id="none-out",
        ),
        pytest.param(
            Node(load, [], [""]),
            ("load", "''"),
            "Node 'load': the output name '' is not a non-empty string.",
            id="empty",
        ),
        pytest.param(
            _bent(inputs=None),
            ("load", "None"),
            "Node 'load': its inputs are a NoneType, not a list of names.",
            id="inputs-replaced-by-none",
        ),
        pytest.param(
            _bent(outputs="table"),
            ("load", "'table'"),
            "Node 'load': its outputs are a str, not a list of names.",
            id="outputs-replaced-by-a-text",
        ),
    ],
)
def test_a_malformed_node_is_named_by_its_place_or_function(node, place, sentence):
    found, sentences = problems([Node(clean, [], ["a"]), node])

    assert (found, sentences) == ([place], [sentence])


def test_all_malformed_nodes_are_reported_together():
    nodes = [3, Node("load", [], []), Node(load, [3, ""], [None]), Node(clean, ["x"], [])]

    assert problems(nodes)[0] == [("", "0"), ("", "1"), ("load", "3"), ("load", "''"), ("load", "None")]


@pytest.mark.parametrize("nodes", [None, 3, SimpleNamespace(nodes=3), SimpleNamespace()])
def test_what_is_no_pipeline_is_refused(nodes):
    with pytest.raises(PlanError) as caught:
        plan_pipeline(nodes)

    assert str(caught.value) == f"Expected a linepipe Pipeline, not {type(nodes).__name__}."


def test_names_changed_to_a_list_after_the_node_was_made_are_as_good():
    plan = build_plan([_bent(outputs=["a"]), Node(clean, ["a"], ["b"])])

    assert (plan.steps[0].outputs, plan.steps[1].bindings) == (("a",), (made("load", "a"),))
