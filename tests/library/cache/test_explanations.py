"""Why a node was called, or was not: one sentence, which tells no secret."""

from __future__ import annotations

import shutil
import sys
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from authored import World, one_node

from airflow_linepipe import Cache
from airflow_linepipe.cache import identify, recall
from airflow_linepipe.fingerprint import fingerprint, origin

SOURCES = {
    "helpers": """
        LIMIT = 5

        def clean(value):
            return value + LIMIT
    """,
    "author": """
        import helpers
        import numpy as np

        def node(table, window):
            return helpers.clean(float(np.sum(table))) + window
    """,
}


@pytest.fixture
def world():
    return World(
        sources=dict(SOURCES),
        nodes=[("node", ["table", "config.window"], ["y"])],
        config={"window": 5, "other": 1},
        inputs={"table": [1, 2]},
    )


@pytest.fixture
def second(world, tmp_path):
    """Why the node is called, or not, in a second run, after a first one called "one"."""

    def run(**arguments) -> str:
        return world.run(tmp_path, **{"cache": True, "run_id": "two", **arguments}).why("node")

    assert run(run_id="one") == "cache miss: no earlier call of it is known"
    return run


def test_what_has_not_changed_is_said_with_the_run_that_made_it(second):
    assert second() == "cache hit: run one of 'local'"


def test_a_config_value_is_shown_before_and_after(world, second):
    world.config["window"] = 7
    assert second() == "cache miss: config.window 5 → 7 (run one)"


def test_a_given_value_is_shown_before_and_after(world, second):
    world.inputs["table"] = [1, 3]
    assert second() == "cache miss: input 'table' [1, 2] → [1, 3] (run one)"


def test_of_a_large_value_only_that_it_changed(world, second):
    world.inputs["table"] = list(range(1000))
    assert second() == "cache miss: input 'table' changed (run one)"


def test_a_value_of_another_node_has_changed(world, tmp_path):
    world.nodes.insert(0, ("sorted", ["config.rows"], ["table"]))
    world.inputs = {}
    world.config["rows"] = [2, 1]
    world.run(tmp_path, cache=True, run_id="one")
    world.config["rows"] = [2, 3]
    again = world.run(tmp_path, cache=True)
    assert again.why("sorted") == "cache miss: config.rows [2, 1] → [2, 3] (run one)"
    assert again.why("node") == "cache miss: input 'table' changed (run one)"


def test_the_helper_whose_code_has_changed_is_named(world, second):
    world.edit("helpers", ("value + LIMIT", "value - LIMIT"))
    assert second() == "cache miss: code of helpers.clean changed (run one)"


def test_the_constant_that_has_changed_is_named(world, second):
    world.edit("helpers", ("LIMIT = 5", "LIMIT = 6"))
    assert second() == "cache miss: code of helpers.LIMIT changed (run one)"


def test_the_node_whose_own_code_has_changed_is_named(world, second):
    world.edit("author", ("+ window", "- window"))
    assert second() == "cache miss: code of author.node changed (run one)"


BOUND = {
    "an argument of a partial": ("partial(node, step=1)", "partial(node, step=2)"),
    "the object of a method": ("Model(1).node", "Model(2).node"),
    "the state of an object that is called": ("Model(1)", "Model(2)"),
}
BINDING = """
    from functools import partial

    def node(x, step=0):
        return x + step

    class Model:
        def __init__(self, number):
            self.number = number

        def node(self, x):
            return x + self.number

        __call__ = node
"""


@pytest.mark.parametrize(("before", "after"), BOUND.values(), ids=BOUND.keys())
def test_what_a_function_is_bound_to_is_no_order(before, after, tmp_path):
    for function in (before, after):
        world = World(sources={"author": BINDING}, nodes=[(function, ["x"], ["y"])], inputs={"x": 1})
        (step,) = world.run(tmp_path, cache=True).result.steps.values()
    assert step.why.startswith("cache miss: ")
    assert "the order of" not in step.why


def test_what_is_new_and_what_is_gone_is_named(world, second):
    world.edit("author", ("helpers.clean(", "abs("))
    told = second()
    assert told.startswith("cache miss: code of author.node changed, ")
    assert "code of helpers.clean is gone" in told
    world.edit("author", ("abs(", "helpers.clean("))
    assert second(run_id="three") == "cache hit: run one of 'local'"


def test_of_many_changes_the_first_are_told(world, second):
    world.edit("author", ("+ window", "- window"))
    world.edit("helpers", ("value + LIMIT", "value - LIMIT"), ("LIMIT = 5", "LIMIT = 6"))
    world.config["window"] = 7
    world.inputs["table"] = [3]
    assert second(cache=Cache(version="2")) == (
        "cache miss: code of helpers.LIMIT changed, code of helpers.clean changed, code of author.node changed, "
        "input 'table' [1, 2] → [3], 2 more (run one)"
    )


def test_the_version_of_a_package_is_shown_before_and_after(second, monkeypatch):
    before = origin.package_version("numpy").version
    real = origin.version
    monkeypatch.setattr(origin, "version", lambda name: "0.0.1" if name == "numpy" else real(name))
    origin.package_version.cache_clear()
    try:
        assert second() == f"cache miss: numpy {before} → 0.0.1 (run one)"
    finally:
        monkeypatch.undo()
        origin.package_version.cache_clear()


def test_the_version_of_python_is_shown_before_and_after(second, monkeypatch):
    newer = origin.PYTHON._replace(version="3.99")
    monkeypatch.setattr(origin, "PYTHON", newer)
    monkeypatch.setattr(fingerprint, "PYTHON", newer)
    origin.package_version.cache_clear()
    try:
        before = f"{sys.version_info[0]}.{sys.version_info[1]}"
        assert second() == f"cache miss: python {before} → 3.99 (run one)"
    finally:
        monkeypatch.undo()
        origin.package_version.cache_clear()


def test_a_version_of_the_authors_own_is_shown_before_and_after(world, tmp_path):
    world.run(tmp_path, cache=Cache(version="1"), run_id="one")
    assert world.run(tmp_path, cache=Cache(version="2")).why("node") == "cache miss: version 1 → 2 (run one)"


def test_a_file_that_has_changed_is_named(world, tmp_path):
    file = tmp_path / "data.csv"
    file.write_text("1")
    storage = tmp_path / "storage"
    world.run(storage, cache=Cache(watch=[file]), run_id="one")
    file.write_text("2")
    assert world.run(storage, cache=Cache(watch=[file])).why("node") == f"cache miss: file '{file}' changed (run one)"


def test_what_cannot_be_known_is_named(tmp_path):
    world = one_node("def node(x):\n    return eval('x')")
    for _ in range(2):
        assert world.run(tmp_path, cache=True).why("node") == (
            "cache miss: it cannot be known: author.node calls eval()"
        )


def test_a_value_that_cannot_be_known_is_named(tmp_path):
    world = one_node("def node(lock):\n    return 1", {"lock": threading.Lock()})
    why = world.run(tmp_path, cache=True).why("node")
    assert why.startswith("cache miss: it cannot be known: 'lock' is a lock, of which nothing is known")
    assert world.run(tmp_path, cache=True).why("node") == why


def entries(storage: Path) -> list[Path]:
    return [path for path in (storage / ".linepipe/cache").rglob("*.json") if "last" not in path.parts]


def test_an_entry_that_was_changed_is_not_believed(tmp_path, second):
    (entry,) = entries(tmp_path)
    entry.write_bytes(entry.read_bytes().replace(b"one", b"two"))
    assert second() == "cache miss: there is an entry, and it is damaged, or signed with another secret"


def test_an_artifact_that_is_gone_is_named(tmp_path, second):
    (artifact,) = tmp_path.glob("local/one/node/1/y.*")
    artifact.unlink()
    assert second() == f"cache miss: what run one of 'local' has stored is gone (file://{artifact})"


def test_a_result_whose_time_is_over_is_said(second, monkeypatch):
    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=1)

    monkeypatch.setattr(recall, "datetime", Tomorrow)
    cache = Cache(ttl=timedelta(hours=2))
    assert second(cache=cache) == "cache miss: run one of 'local' has made it more than 2:00:00 ago"


def test_a_refresh_is_said(second):
    assert second(cache="refresh") == "cache refresh: called whatever there is"


def test_a_node_without_outputs_is_said(tmp_path):
    world = World(sources={"author": "def node(x):\n    pass"}, nodes=[("node", ["x"], [])], inputs={"x": 1})
    for _ in range(2):
        assert world.run(tmp_path, cache=True).why("node") == (
            "cache miss: it has no outputs, and what it does elsewhere is done in every run"
        )


def test_of_a_task_of_several_nodes_the_one_is_named(tmp_path):
    world = World(
        sources={"author": "def one(x):\n    return x\ndef other(x):\n    return x"},
        nodes=[("one", ["x"], ["y"]), ("other", ["y"], ["z"])],
        inputs={"x": 1},
    )
    world.run(tmp_path, cache=True, granularity="pipeline", run_id="one")
    world.inputs["x"] = 2
    # What does not leave the task has no value of its own: it is known by what has made it.
    why = world.run(tmp_path, cache=True, granularity="pipeline").why("one")
    assert why == "cache miss: node 'other': input 'y' changed (run one)"


def test_a_node_of_another_pipeline_that_was_never_called_has_nothing_to_compare(world, tmp_path):
    world.run(tmp_path, cache=True, name="one")
    world.config["window"] = 6
    assert world.run(tmp_path, cache=True, name="other").why("node") == "cache miss: no earlier call of it is known"


def test_the_last_call_is_what_it_is_compared_with(world, tmp_path):
    for number, window in enumerate((1, 2, 3)):
        world.config["window"] = window
        world.run(tmp_path, cache=True, run_id=f"run{number}")
    world.config["window"] = 4
    assert world.run(tmp_path, cache=True).why("node") == "cache miss: config.window 3 → 4 (run run2)"


@pytest.mark.parametrize("name", ["version", "python", "numpy"])
def test_a_constant_with_the_name_of_something_else_is_shown_all_the_same(name, tmp_path):
    world = World(
        sources={"author": "import numpy\ndef node(x):\n    return float(numpy.float64(x))"},
        nodes=[("node", [name], ["y"])],
        constants={name: 1},
    )
    world.run(tmp_path, cache=True, run_id="one")
    world.constants[name] = 2
    assert f"{name} 1 → 2" in world.run(tmp_path, cache=True).why("node")


def test_what_was_forgotten_is_not_compared(second, tmp_path, world):
    shutil.rmtree(tmp_path / ".linepipe/cache/unsigned/last")
    world.config["window"] = 7
    assert second() == "cache miss: no earlier call of it is known"


# --- secrets --------------------------------------------------------------------------------------------------------

SECRETS = ["hunter2-password", "t0ken-value", "deep-secret", "query-secret", "constant-secret", "given-secret"]
SECRETIVE = {
    "password": SECRETS[0],
    "api": {"token": SECRETS[1], "passwords": [SECRETS[2]]},
    "url": f"https://bob:{SECRETS[2]}@example.org/db",
    "dsn": f"host=db password={SECRETS[3]}",
}
READERS = [
    "config.password",
    "config.api.token",
    "config.api",
    "config.url",
    "config.dsn",
    "config",
    "db_url",
    "given_token",
]


def found_below(folder: Path) -> set[str]:
    contents = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert contents
    return {secret for secret in SECRETS for content in contents if secret.encode() in content}


@pytest.mark.parametrize("cache_secret", ["", "sealed"])
@pytest.mark.parametrize("granularity", ["node", "pipeline"])
def test_no_secret_is_found_in_what_the_cache_writes(granularity, cache_secret, tmp_path):
    world = World(
        sources={"author": "TOKEN = 'constant-secret'\ndef node(*values):\n    return len(TOKEN)"},
        nodes=[("node", READERS, ["y"]), ("node", ["y", *READERS], ["z"])],
        config=SECRETIVE,
        constants={"db_url": f"postgres://bob:{SECRETS[4]}@host/db"},
        inputs={"given_token": SECRETS[5]},
    )
    arguments = {"cache": True, "granularity": granularity, "cache_secret": cache_secret}
    world.run(tmp_path, **arguments)
    world.config["password"] += "!"
    world.config["url"] = world.config["url"].replace("bob", "eve")
    why = [step.why for step in world.run(tmp_path, **arguments).result.steps.values()]
    assert found_below(tmp_path / ".linepipe") == set()
    assert not any(secret in told for secret in SECRETS for told in why)


def test_a_secret_that_changes_is_named_and_not_shown(tmp_path):
    world = one_node("def node(*values):\n    return 1", {})
    world.nodes = [("node", ["config.password", "config.url"], ["y"])]
    world.config = dict(SECRETIVE)
    world.run(tmp_path, cache=True, run_id="one")
    world.config["password"] = "other"
    world.config["url"] = "https://eve:other@example.org/db"
    assert world.run(tmp_path, cache=True).why("node") == (
        "cache miss: config.password changed, config.url changed (run one)"
    )


def test_a_login_that_a_node_returns_stays_in_its_artifact(tmp_path):
    world = one_node("def node(x):\n    return x", {})
    world.nodes = [("node", ["config.url"], ["address"])]
    world.config = SECRETIVE
    world.run(tmp_path, cache=True)
    again = world.run(tmp_path, cache=True)
    assert again.cached == {"node"}
    assert again.result["address"] == SECRETIVE["url"]
    assert found_below(tmp_path / ".linepipe") == set()


def test_what_a_record_holds_of_a_value_cannot_be_guessed_without_the_secret(tmp_path):
    """Whoever reads the storage cannot try out what the password may be."""
    world = one_node("def node(x):\n    return 1", {})
    world.nodes = [("node", ["config.password"], ["y"])]
    world.config = {"password": "guessable"}
    world.run(tmp_path, cache=True, cache_secret="sealed")
    digest = identify("guessable", "config.password").digest
    contents = [path.read_text() for path in (tmp_path / ".linepipe").rglob("*.json")]
    assert contents
    assert not any(digest in content for content in contents)
