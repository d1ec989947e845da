"""When the cache is used, and what is wrong with how it is asked to be."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from authored import World

from airflow_linepipe import Cache
from airflow_linepipe.cache import ledger, recall
from airflow_linepipe.errors import SettingError

SOURCE = """
    from called import called

    def load(rows):
        called("load")
        return list(rows)

    def clean(table, window):
        called("clean")
        return [row + window for row in table]

    def count(table):
        called("count")
        return len(table)

    def total(cleaned, verbose):
        called("total")
        return sum(cleaned)
"""
ALL = ["load", "clean", "count", "total"]


@pytest.fixture
def world():
    return World(
        sources={"author": SOURCE},
        nodes=[
            ("load", ["config.rows"], ["table"]),
            ("clean", ["table", "config.window"], ["cleaned"]),
            ("count", ["table"], ["size"]),
            ("total", ["cleaned", "verbose"], ["sum"]),
        ],
        config={"rows": [1, 2, 3], "window": 5},
        inputs={"verbose": False},
    )


@pytest.mark.parametrize("cache", [True, "use", Cache(), Cache(mode="use")], ids=repr)
def test_use_takes_what_there_is(cache, world, tmp_path):
    assert world.run(tmp_path, cache=cache).calls == ALL
    assert world.run(tmp_path, cache=cache).calls == []


@pytest.mark.parametrize("cache", [False, "off", Cache(mode="off")], ids=repr)
def test_off_neither_takes_nor_leaves_anything(cache, world, tmp_path):
    world.run(tmp_path, cache=cache)
    assert not (tmp_path / ".linepipe" / "cache").exists()
    world.run(tmp_path, cache=True)
    assert world.run(tmp_path, cache=cache).calls == ALL


@pytest.mark.parametrize("cache", ["refresh", Cache(mode="refresh")], ids=repr)
def test_refresh_calls_everything_and_later_runs_find_what_that_has_made(cache, world, tmp_path):
    world.run(tmp_path, cache=True, run_id="one")
    again = world.run(tmp_path, cache=cache, run_id="two")
    assert again.calls == ALL
    assert again.why("clean") == "cache refresh: called whatever there is"
    assert world.run(tmp_path, cache=True).why("clean") == "cache hit: run two of 'local'"


def test_a_single_task_may_use_the_cache_in_another_way(world, tmp_path):
    world.run(tmp_path, cache=True)
    assert world.run(tmp_path, cache=True, node_cache={"clean": False}).calls == ["clean"]
    assert world.run(tmp_path, cache=True, node_cache={"clean": "refresh", "count": "off"}).calls == ["clean", "count"]
    assert world.run(tmp_path, node_cache={"clean": True}).calls == ["load", "count", "total"]


def test_a_single_task_may_be_one_of_several_nodes(world, tmp_path):
    arguments = {"granularity": {"both": ["clean", "total"]}}
    world.run(tmp_path, cache=True, **arguments)
    assert world.run(tmp_path, cache=True, node_cache={"both": "off"}, **arguments).calls == ["clean", "total"]


def test_refresh_from_calls_a_task_and_all_behind_it_and_no_other(world, tmp_path):
    world.run(tmp_path, cache=True)
    again = world.run(tmp_path, cache=True, refresh_from="clean", run_id="two")
    assert again.calls == ["clean", "total"]
    assert again.why("total") == "cache refresh: called whatever there is"
    assert again.why("count").startswith("cache hit: ")
    assert world.run(tmp_path, cache=True).why("total") == "cache hit: run two of 'local'"
    assert set(world.run(tmp_path, cache=True, refresh_from="load").calls) == set(ALL)
    assert world.run(tmp_path, cache=True, refresh_from="total").calls == ["total"]


def test_refresh_from_knows_who_comes_after_without_reading_a_value(world, tmp_path):
    world.sources["author"] += "\n    def publish(table):\n        called('publish')\n"
    world.nodes.insert(1, ("publish", ["table"], []))
    world.nodes.append(("count", ["sum_of"], ["last"]))
    world.inputs["sum_of"] = []
    world.run(tmp_path, cache=True, order="list")
    again = world.run(tmp_path, cache=True, order="list", refresh_from="total")
    assert again.calls == ["publish", "total", "count"]


def test_refresh_from_does_not_turn_on_what_is_off(world, tmp_path):
    world.run(tmp_path, cache=True, run_id="one")
    again = world.run(tmp_path, cache=True, node_cache={"total": "off"}, refresh_from="clean")
    assert again.calls == ["clean", "total"]
    assert world.run(tmp_path, cache=True).why("total") == "cache hit: run one of 'local'"


def test_an_ignored_input_does_not_count(world, tmp_path):
    cache = Cache(ignore=["verbose"])
    world.run(tmp_path, cache=cache)
    world.inputs["verbose"] = True
    assert world.run(tmp_path, cache=cache).calls == []
    assert world.run(tmp_path, cache=True).calls == ["total"]
    world.config["window"] = 6
    assert world.run(tmp_path, cache=cache).calls == ["clean", "total"]


def test_an_input_is_ignored_by_the_task_that_is_told_to(world, tmp_path):
    node_cache = {"clean": Cache(ignore=("config.window",))}
    world.run(tmp_path, cache=True, node_cache=node_cache)
    world.config["window"] = 6
    world.inputs["verbose"] = True
    assert world.run(tmp_path, cache=True, node_cache=node_cache).calls == ["total"]


def test_a_value_made_by_the_task_may_be_ignored(world, tmp_path):
    cache = Cache(ignore=["table"])
    world.run(tmp_path, cache=cache)
    world.config["rows"] = [7, 8, 9]
    assert world.run(tmp_path, cache=cache).calls == ["load"]


@pytest.fixture
def later(monkeypatch):
    """Let it be later by that much."""

    def set_time(passed: timedelta) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + passed

        for module in (recall, ledger):
            monkeypatch.setattr(module, "datetime", Clock)

    return set_time


def test_a_result_is_taken_until_its_time_is_over(world, tmp_path, later):
    cache = Cache(ttl=timedelta(days=1))
    world.run(tmp_path, cache=cache, run_id="one")
    later(timedelta(hours=23))
    assert world.run(tmp_path, cache=cache).calls == []
    later(timedelta(hours=25))
    # Being taken in between has not made it younger.
    again = world.run(tmp_path, cache=cache, run_id="two")
    assert again.calls == ALL
    assert again.why("load") == "cache miss: run one of 'local' has made it more than 1 day, 0:00:00 ago"
    assert world.run(tmp_path, cache=cache).why("load") == "cache hit: run two of 'local'"


def test_each_reader_has_its_own_time(world, tmp_path, later):
    world.run(tmp_path, cache=True)
    later(timedelta(days=3))
    node_cache = {"clean": Cache(ttl=timedelta(days=2)), "count": Cache(ttl=timedelta(days=4))}
    assert world.run(tmp_path, cache=True, node_cache=node_cache).calls == ["clean"]


def test_a_version_of_the_authors_own_counts(world, tmp_path):
    world.run(tmp_path, cache=Cache(version="1"))
    assert world.run(tmp_path, cache=Cache(version="1")).calls == []
    again = world.run(tmp_path, cache=True, node_cache={"clean": Cache(version="2")}, run_id="two")
    assert "clean" in again.calls
    assert world.run(tmp_path, cache=True, node_cache={"clean": Cache(version="2")}).calls == []


def test_each_secret_has_a_cache_of_its_own(world, tmp_path):
    assert world.run(tmp_path, cache=True, cache_secret="a").calls == ALL
    assert world.run(tmp_path, cache=True, cache_secret="b").calls == ALL
    assert world.run(tmp_path, cache=True).calls == ALL
    for secret in ("a", "b", ""):
        assert world.run(tmp_path, cache=True, cache_secret=secret).calls == []


def test_a_kept_setting_is_what_it_was_given(tmp_path):
    cache = Cache(ttl=timedelta(days=1), watch=[tmp_path], version="2", ignore=["x"], writers=True)
    assert cache == Cache(ttl=timedelta(days=1), watch=[tmp_path], version="2", ignore=["x"], writers=True)
    assert cache != Cache(ttl=timedelta(days=2))


WRONG_CACHES = {
    "mode": ({"mode": "on"}, "Cache(mode=…)='on' is not known"),
    "a mode that is no text": ({"mode": True}, "Cache(mode=…)"),
    "ignore as a text": ({"ignore": "verbose"}, "Cache(ignore='verbose'): give a list of the names of inputs."),
    "ignore with a number": ({"ignore": [1]}, "Cache(ignore=[1]): give a list of the names of inputs."),
    "an empty name": ({"ignore": [""]}, "Cache(ignore=['']): give a list of the names of inputs."),
    "ttl in seconds": ({"ttl": 60}, "Cache(ttl=60): give a timedelta above 0"),
    "no ttl at all": ({"ttl": timedelta()}, "Cache(ttl=datetime.timedelta(0)): give a timedelta above 0"),
    "a ttl below 0": ({"ttl": timedelta(days=-1)}, "give a timedelta above 0"),
    "watch as a text": ({"watch": "data.csv"}, "Cache(watch='data.csv'): give a list of paths."),
    "watch as a path": ({"watch": Path("data.csv")}, "give a list of paths."),
    "version as a number": ({"version": 2}, "Cache(version=2): give a text."),
    "writers as a text": ({"writers": "yes"}, "Cache(writers='yes'): give True or False."),
}


@pytest.mark.parametrize(("arguments", "sentence"), WRONG_CACHES.values(), ids=WRONG_CACHES.keys())
def test_what_no_cache_can_be_is_said_when_it_is_written(arguments, sentence):
    with pytest.raises(SettingError, match=re.escape(sentence)) as caught:
        Cache(**arguments)
    assert "\n" not in str(caught.value)


WRONG_RUNS = {
    "a mode": ({"cache": "on"}, "cache='on'"),
    "near a mode": ({"cache": "refesh"}, "refresh"),
    "a number": ({"cache": 1}, "cache=1: give True, False, 'use', 'refresh', 'off' or a Cache."),
    "None": ({"cache": None}, "cache=None: give True, False, 'use', 'refresh', 'off' or a Cache."),
    "a task's mode": ({"node_cache": {"clean": 3}}, "node_cache['clean']=3: give True, False,"),
    "no dict of tasks": ({"node_cache": ["clean"]}, "node_cache"),
    "an unknown task": ({"node_cache": {"claen": True}}, "node_cache: the pipeline has no task 'claen'"),
    "another unknown task": ({"refresh_from": "claen"}, "refresh_from: the pipeline has no task 'claen'"),
    "a refresh without a cache": ({"cache": False, "refresh_from": "clean"}, "refresh_from='clean': the cache is off"),
    "an unknown input": ({"cache": Cache(ignore=["verbos"])}, "Cache(ignore=…): no node reads 'verbos'"),
    "an input that this task does not read": (
        {"cache": True, "node_cache": {"clean": Cache(ignore=["verbose"])}},
        "Cache(ignore=…): no node of task 'clean' reads 'verbose'",
    ),
}


@pytest.mark.parametrize(("arguments", "sentence"), WRONG_RUNS.values(), ids=WRONG_RUNS.keys())
def test_what_cannot_be_used_is_said_before_anything_is_called(arguments, sentence, world, tmp_path):
    with pytest.raises(SettingError, match=re.escape(sentence)) as caught:
        world.run(tmp_path / "storage", **arguments)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "storage").exists()


@pytest.mark.parametrize("arguments", [{"cache": True}, {"node_cache": {"clean": "refresh"}}])
def test_a_cache_needs_a_storage(arguments, world):
    with pytest.raises(SettingError, match="without a storage there is nothing to take results from"):
        world.run(**arguments)


def test_a_cache_that_is_off_needs_none(world):
    assert world.run(cache="off", node_cache={"clean": False}).calls == ALL
