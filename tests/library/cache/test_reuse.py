"""What a second run takes from the first."""

from __future__ import annotations

import contextlib
import sys

import numpy as np
import pytest
from authored import World, counted, import_from_source, one_node
from linepipe.node import Node
from linepipe.pipeline import Pipeline
from sklearn.linear_model import LinearRegression

import airflow_linepipe
from airflow_linepipe import Cache, read_run
from airflow_linepipe.errors import LinepipeError

SOURCE = """
    from called import called

    def load(rows):
        called("load")
        return list(rows)

    def clean(table, window):
        called("clean")
        return [row + window for row in table]

    def split(table):
        called("split")
        return table[:1], table[1:]

    def total(part):
        called("total")
        return sum(part)

    def publish(number):
        called("publish")
"""
NODES = [
    ("load", ["config.rows"], ["table"]),
    ("clean", ["table", "config.window"], ["cleaned"]),
    ("split", ["cleaned"], ["first", "rest"]),
    ("total", ["rest"], ["sum"]),
]
PUBLISH = ("publish", ["sum"], [])


@pytest.fixture
def world():
    return World(sources={"author": SOURCE}, nodes=list(NODES), config={"rows": [1, 2, 3], "window": 5, "unread": 1})


def test_a_second_run_calls_nothing_and_gives_the_same(world, tmp_path):
    """R13."""
    first = world.run(tmp_path, cache=True)
    second = world.run(tmp_path, cache=True)
    assert first.calls == ["load", "clean", "split", "total"]
    assert second.calls == []
    assert second.cached == {"load", "clean", "split", "total"}
    assert second.made == first.made
    assert second.result.success
    assert second.result.run_id != first.result.run_id


def test_with_the_cache_off_everything_is_computed_again(world, tmp_path):
    """R13."""
    world.run(tmp_path, cache=True)
    for cache in (False, "off", Cache(mode="off")):
        again = world.run(tmp_path, cache=cache)
        assert again.calls == ["load", "clean", "split", "total"]
        assert again.cached == set()
        assert again.why("load") in {"", "cache off"}


def test_a_run_without_the_cache_leaves_nothing_for_others_to_find(world, tmp_path):
    world.run(tmp_path)
    assert world.run(tmp_path, cache=True).cached == set()


def test_what_has_changed_is_called_with_all_that_it_changes(world, tmp_path):
    """R13, R14, R35."""
    world.run(tmp_path, cache=True)
    world.config["window"] = 7
    assert world.run(tmp_path, cache=True).calls == ["clean", "split", "total"]
    world.config["rows"] = [1, 9, 3]
    assert world.run(tmp_path, cache=True).calls == ["load", "clean", "split", "total"]
    world.edit("author", ("sum(part)", "sum(part) * 2"))
    assert world.run(tmp_path, cache=True).calls == ["total"]
    world.config["unread"] = 2
    assert world.run(tmp_path, cache=True).calls == []


def test_a_change_above_never_serves_an_old_value_below(world, tmp_path):
    """R14."""
    for rows in ([1, 2, 3], [1, 2, 4], [1, 2, 3], [4, 2, 3]):
        world.config["rows"] = rows
        assert world.run(tmp_path, cache=True).result["sum"] == sum(row + 5 for row in rows[1:])


def test_a_change_above_that_leads_to_the_same_stops_there(world, tmp_path):
    world.run(tmp_path, cache=True)
    world.config["rows"] = (1, 2, 3)
    assert world.run(tmp_path, cache=True).calls == ["load"]
    world.config["rows"] = [7, 2, 3]
    assert world.run(tmp_path, cache=True).calls == ["load", "clean", "split"]


def test_the_middle_element_of_a_large_array_counts(tmp_path):
    """R35."""
    array = np.zeros(1_000_000)
    source = "from called import called\ndef node(x):\n    called('node')\n    return float(x.sum())"
    assert one_node(source, {"x": array}).run(tmp_path, cache=True).calls == ["node"]
    assert one_node(source, {"x": array.copy()}).run(tmp_path, cache=True).calls == []
    array[500_000] = 1
    again = one_node(source, {"x": array}).run(tmp_path, cache=True)
    assert (again.calls, again.result["y"]) == (["node"], 1.0)


def test_another_pipeline_with_another_name_and_module_finds_what_one_has_made(world, tmp_path):
    world.run(tmp_path, cache=True, name="one")
    world.sources["elsewhere"] = world.sources.pop("author")
    assert world.run(tmp_path, cache=True, name="other").calls == []


def test_a_run_that_failed_leaves_what_it_has_made(world, tmp_path):
    world.edit("author", ("sum(part)", "1 / 0"))
    with pytest.raises(ZeroDivisionError):
        world.run(tmp_path, cache=True)
    world.edit("author", ("1 / 0", "sum(part)"))
    assert world.run(tmp_path, cache=True).calls == ["total"]


def test_a_function_that_raises_is_called_again(tmp_path):
    world = one_node("from called import called\ndef node(x):\n    called('node')\n    raise OSError")
    for _ in range(2):
        with counted() as calls, pytest.raises(OSError):  # noqa: PT011  (it has no text)
            world.run(tmp_path, cache=True)
        assert calls == ["node"]


def test_another_process_that_reads_the_run_finds_what_was_taken(world, tmp_path):
    world.run(tmp_path, cache=True)
    second = world.run(tmp_path, cache=True).result
    read = read_run(str(tmp_path), second.run_id)
    assert (read["sum"], read["first"]) == (second["sum"], second["first"])
    assert all(step.cached and step.why.startswith("cache hit: run ") for step in read.steps.values())
    assert read.summary().count("(cached)") == 4


def test_what_is_taken_under_another_name_has_that_name(world, tmp_path):
    world.run(tmp_path, cache=True)
    world.nodes[3] = ("total", ["rest"], ["all"])
    again = world.run(tmp_path, cache=True).result
    assert again["all"] == 2 + 3 + 10
    assert again.steps["total"].outputs["all"]["name"] == "all"


def test_the_owner_of_a_taken_value_may_change_it(world, tmp_path):
    world.run(tmp_path, cache=True)
    taken = world.run(tmp_path, cache=True).result["table"]
    taken.append(100)
    assert world.run(tmp_path, cache=True).result["table"] == [1, 2, 3]


def test_an_object_that_is_called_again_in_the_same_process_is_found(tmp_path):
    """A generic function remembers for which types it was called; that is no part of what it does."""
    author = import_from_source(
        {
            "author": """
                import functools
                from called import called

                @functools.singledispatch
                def kind(x):
                    return "object"

                @kind.register
                def _(x: int):
                    return "int"

                @functools.lru_cache
                def remembered(x):
                    return x + 1

                def node(x):
                    called("node")
                    return kind(x), remembered(x)
            """
        }
    )

    def run():
        with counted() as calls:
            airflow_linepipe.run(
                Pipeline([Node(author.node, ["x"], ["y"])]),
                inputs={"x": 1},
                storage=str(tmp_path),
                cache=True,
                quiet=True,
            )
        return calls

    assert run() == ["node"]
    assert run() == []


# --- tasks of several nodes -----------------------------------------------------------------------------------------

FUSED = [("chain", "boundary"), ("pipeline", "boundary"), ("chain", "all"), ("pipeline", "all")]


@pytest.mark.parametrize(("granularity", "persist"), FUSED)
def test_a_task_of_several_nodes_is_not_called_again_if_nothing_has_changed(granularity, persist, world, tmp_path):
    arguments = {"cache": True, "granularity": granularity, "persist": persist}
    first = world.run(tmp_path, **arguments)
    assert len(first.calls) == 4
    second = world.run(tmp_path, **arguments)
    assert second.calls == []
    assert second.cached == {"load", "clean", "split", "total"}
    assert second.made == first.made


@pytest.mark.parametrize(("granularity", "persist"), FUSED)
@pytest.mark.parametrize("change", ["window", "total"])
def test_of_a_task_of_several_nodes_what_has_changed_is_called_with_the_later_ones(
    granularity, persist, change, world, tmp_path
):
    """R14; with everything kept, the task goes on from the first node that has changed."""
    arguments = {"cache": True, "granularity": granularity, "persist": persist}
    world.run(tmp_path, **arguments)
    if change == "window":
        world.config["window"] = 7
    else:
        world.edit("author", ("sum(part)", "sum(part) * 2"))
    again = world.run(tmp_path, **arguments)
    needed = ["clean", "split", "total"] if change == "window" else ["total"]
    assert again.calls == (needed if persist == "all" else ["load", "clean", "split", "total"])
    assert again.made == world.run(granularity=granularity, persist=persist).made


def test_a_task_that_goes_on_in_the_middle_says_so(world, tmp_path):
    arguments = {"cache": True, "granularity": "pipeline", "persist": "all"}
    first = world.run(tmp_path, run_id="one", **arguments)
    assert first.why("load") == "cache miss: node 'load': no earlier call of it is known"
    world.config["window"] = 7
    again = world.run(tmp_path, **arguments)
    expected = (
        "cache hit: nodes through 'load', run one of 'local'; cache miss: node 'clean': config.window 5 → 7 (run one)"
    )
    assert again.why("load") == again.why("clean") == again.why("total") == expected


@pytest.mark.parametrize("granularity", ["node", "chain", "pipeline"])
def test_a_node_without_outputs_is_called_in_every_run(granularity, world, tmp_path):
    """R13: what it is there for lies elsewhere."""
    world.nodes.append(PUBLISH)
    arguments = {"cache": True, "granularity": granularity, "persist": "all"}
    world.run(tmp_path, **arguments)
    assert world.run(tmp_path, **arguments).calls == ["publish"]


@pytest.mark.parametrize("granularity", ["node", "chain", "pipeline"])
def test_a_node_without_outputs_is_left_out_if_its_author_says_so(granularity, world, tmp_path):
    world.nodes.append(PUBLISH)
    arguments = {"cache": Cache(writers=True), "granularity": granularity, "persist": "all"}
    assert world.run(tmp_path, **arguments).calls[-1] == "publish"
    again = world.run(tmp_path, **arguments)
    assert again.calls == []
    assert again.cached == set(again.result.steps)
    world.config["window"] = 6
    assert world.run(tmp_path, **arguments).calls[-1] == "publish"


def test_a_writer_between_two_others_is_called_and_they_are_not(world, tmp_path):
    world.nodes.insert(1, ("publish", ["table"], []))
    world.run(tmp_path, cache=True)
    assert world.run(tmp_path, cache=True).calls == ["publish"]


@pytest.mark.parametrize(("granularity", "persist"), [("node", "boundary"), *FUSED])
def test_what_is_ephemeral_is_made_again_only_for_who_is_called(granularity, persist, world, tmp_path):
    arguments = {"cache": True, "ephemeral": ["cleaned"], "granularity": granularity, "persist": persist}
    world.run(tmp_path, **arguments)
    assert world.run(tmp_path, **arguments).calls == []
    world.edit("author", ("table[:1], table[1:]", "table[:2], table[2:]"))
    again = world.run(tmp_path, **arguments)
    assert again.calls[-3:] == ["clean", "split", "total"]
    assert again.result["sum"] == 3 + 5
    world.config["window"] = 7
    again = world.run(tmp_path, **arguments)
    assert again.calls[-3:] == ["clean", "split", "total"]
    assert again.result["sum"] == 3 + 7


class Database:
    """A resource that counts how often it is opened."""

    def __init__(self):
        self.opened = 0

    def open(self):
        @contextlib.contextmanager
        def opened():
            self.opened += 1
            yield {"offset": 10}

        return opened()


def test_a_resource_does_not_count_and_is_not_opened_for_a_hit(tmp_path):
    source = "from called import called\ndef node(x, db):\n    called('node')\n    return x + db['offset']"
    world = World(sources={"author": source}, nodes=[("node", ["x", "db"], ["y"])], inputs={"x": 1})
    first, second = Database(), Database()
    assert world.run(tmp_path, cache=True, resources={"db": first}).result["y"] == 11
    assert world.run(tmp_path, cache=True, resources={"db": second}).result["y"] == 11
    assert (first.opened, second.opened) == (1, 0)
    world.inputs["x"] = 2
    assert world.run(tmp_path, cache=True, resources={"db": second}).result["y"] == 12


def test_who_keeps_more_calls_what_was_not_kept(world, tmp_path):
    world.run(tmp_path, cache=True, granularity="pipeline", run_id="one")
    again = world.run(tmp_path, cache=True, granularity="pipeline", persist="all")
    assert again.calls == ["load", "clean", "split", "total"]
    assert set(again.made) == {"table", "cleaned", "first", "rest", "sum"}


def test_who_keeps_another_output_of_a_node_is_told_why_it_is_called(world, tmp_path):
    arguments = {"cache": True, "granularity": {"both": ["split", "total"]}}
    world.run(tmp_path, run_id="one", **arguments)
    again = world.run(tmp_path, persist="all", **arguments)
    assert again.calls == ["split", "total"]
    assert again.why("split") == "cache miss: node 'split': run one of 'local' did not keep 'rest'"


# --- pickles --------------------------------------------------------------------------------------------------------

MODEL = """
    from called import called

    class Model:
        factor = 2

        def __init__(self, number):
            self.number = number

        def predict(self, value):
            return value * self.factor + self.number

    def fit(number):
        called("fit")
        return {RESULT}

    def predict(model, value):
        called("predict")
        return {CALL}
"""
HELD = {
    "an object": ("Model(number)", "model.predict(value)"),
    "a list of objects": ("[Model(number)]", "model[0].predict(value)"),
    "a dict of objects": ("{'model': Model(number)}", "model['model'].predict(value)"),
}
METHODS = {
    "a method": ("value * self.factor", "value + self.factor"),
    "an attribute of the class": ("factor = 2", "factor = 3"),
}


@pytest.mark.parametrize("change", METHODS.values(), ids=METHODS.keys())
@pytest.mark.parametrize(("result", "call"), HELD.values(), ids=HELD.keys())
def test_who_calls_a_method_of_an_object_that_is_handed_over_runs_again_when_it_changes(result, call, change, tmp_path):
    """R14: the method is not in what is stored."""
    world = World(
        sources={"author": MODEL.replace("{RESULT}", result).replace("{CALL}", call)},
        nodes=[("fit", ["number"], ["model"]), ("predict", ["model", "value"], ["y"])],
        inputs={"number": 1, "value": 10},
    )
    assert world.run(tmp_path, cache=True).result["y"] == 21
    assert world.run(tmp_path, cache=True).calls == []
    world.edit("author", change)
    again = world.run(tmp_path, cache=True)
    assert "predict" in again.calls
    assert again.made["y"] == world.run().made["y"]


@pytest.mark.parametrize("change", METHODS.values(), ids=METHODS.keys())
def test_who_calls_a_method_of_an_object_that_is_given_runs_again_when_it_changes(change, tmp_path):
    world = World(
        sources={"author": MODEL.replace("{RESULT}", "number").replace("{CALL}", "model.predict(value)")},
        nodes=[("predict", ["model", "value"], ["y"])],
        inputs={"value": 10},
    )

    def run(**arguments):
        world.inputs["model"] = import_from_source(world.sources).Model(1)
        return world.run(**arguments)

    assert run(storage=tmp_path, cache=True).result["y"] == 21
    assert run(storage=tmp_path, cache=True).calls == []
    world.edit("author", change)
    again = run(storage=tmp_path, cache=True)
    assert again.calls == ["predict"]
    assert again.made == run().made


SKLEARN = """
    from sklearn.linear_model import LinearRegression
    from called import called

    def fit(x):
        called("fit")
        return LinearRegression().fit(x, x[:, 0] * 2)

    def predict(model, x):
        called("predict")
        return model.predict(x).round(6).tolist()
"""


def test_a_model_that_is_handed_over_is_found_again(tmp_path):
    x = np.arange(12.0).reshape(6, 2)
    nodes = [("fit", ["x"], ["model"]), ("predict", ["model", "x"], ["y"])]
    world = World(sources={"author": SKLEARN}, nodes=nodes, inputs={"x": x})
    assert world.run(tmp_path, cache=True).calls == ["fit", "predict"]
    assert world.run(tmp_path, cache=True).calls == []
    world.inputs["x"] = x + 1
    assert world.run(tmp_path, cache=True).calls == ["fit", "predict"]


def test_a_model_that_is_given_is_found_again(tmp_path):
    x = np.arange(12.0).reshape(6, 2)

    def model(slope):
        return LinearRegression().fit(x, x[:, 0] * slope)

    world = World(sources={"author": SKLEARN}, nodes=[("predict", ["model", "x"], ["y"])])
    for slope, calls in ((2, ["predict"]), (2, []), (3, ["predict"])):
        world.inputs = {"x": x, "model": model(slope)}
        again = world.run(tmp_path, cache=True)
        assert again.calls == calls
        assert again.result["y"] == pytest.approx(list(x[:, 0] * slope))


def test_an_object_whose_class_has_moved_to_another_module_is_made_anew(tmp_path):
    """A pickle names the module of its class, which is not there any more."""
    world = World(
        sources={"author": MODEL.replace("{RESULT}", "Model(number)").replace("{CALL}", "model.predict(value)")},
        nodes=[("fit", ["number"], ["model"]), ("predict", ["model", "value"], ["y"])],
        inputs={"number": 1, "value": 10},
    )
    world.run(tmp_path, cache=True)
    world.sources["elsewhere"] = world.sources.pop("author")
    del sys.modules["author"]
    world.inputs["value"] = 20
    again = world.run(tmp_path, cache=True)
    assert again.result["y"] == 41
    assert type(again.result["model"]).__module__ == "elsewhere"


def test_what_has_made_a_pickle_must_be_known(tmp_path):
    """Its classes are not in it."""
    world = World(
        sources={"author": MODEL.replace("{RESULT}", "Model(number)").replace("{CALL}", "model.predict(value)")},
        nodes=[("fit", ["number"], ["model"]), ("predict", ["model", "value"], ["y"])],
        inputs={"number": 1, "value": 10},
    )
    for _ in range(2):
        again = world.run(tmp_path, cache=True, node_cache={"fit": False})
        assert again.calls == ["fit", "predict"]
        assert again.why("predict") == (
            "cache miss: it cannot be known: input 'model' is a pickle (author.Model) of a task without a cache: "
            "what has made it is unknown"
        )


def test_a_pickle_that_may_not_be_opened_is_not_opened_for_the_cache_either(tmp_path):
    world = World(
        sources={"author": MODEL.replace("{RESULT}", "Model(number)").replace("{CALL}", "model.predict(value)")},
        nodes=[("fit", ["number"], ["model"]), ("predict", ["model", "value"], ["y"])],
        inputs={"number": 1, "value": 10},
    )
    world.run(tmp_path, cache=True)
    world.inputs["value"] = 11
    with pytest.raises(LinepipeError, match="pickle"):
        world.run(tmp_path, cache=True, allow_pickle=False)
