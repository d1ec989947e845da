"""Several processes that run one pipeline on one storage at the same time."""

from __future__ import annotations

import json
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from authored import one_node
from cached_process import start

from airflow_linepipe.cache import TaskCache
from airflow_linepipe.cache.flight import alone

PROCESSES = 4
# What is called leaves a file, whoever calls it.
AUTHOR = """
    import os, sys, tempfile
    from linepipe.node import Node
    from linepipe.pipeline import Pipeline

    def called(name):
        os.close(tempfile.mkstemp(prefix=name + "-", dir={calls!r})[0])

    def load():
        called("load")
        return list(range(10))

    def train(table):
        called("train")
        {held}
        return sum(table)

    def report(model):
        called("report")
        return [model]

    nodes = [Node(load, [], ["table"]), Node(train, ["table"], ["model"]), Node(report, ["model"], ["text"])]
    pipeline = Pipeline(nodes)
"""
VALUES = {"table": list(range(10)), "model": 45, "text": [45]}
# Until somebody says that it may go on, or is gone.
HELD = "print('begun', flush=True); sys.stdin.readline()"
HELD_BY_A_CHILD_AS_WELL = f"os.fork() or (sys.stdin.readline(), os._exit(0)); {HELD}"


@pytest.fixture
def calls(tmp_path):
    """How often a function was called, in all processes."""
    folder = tmp_path / "calls"
    folder.mkdir()
    return lambda name: len(list(folder.glob(f"{name}-*")))


@pytest.fixture
def processes(tmp_path, calls):
    """Start processes; none is left when the test is over."""
    started = []

    def begin(held: str = "", **arguments):
        folder = tmp_path / "code"
        folder.mkdir(exist_ok=True)
        source = textwrap.dedent(AUTHOR.format(calls=str(tmp_path / "calls"), held=held or "pass"))
        (folder / "author.py").write_text(source)
        started.append(start(tmp_path / "storage", folder, **arguments))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def may_go_on(process) -> None:
    """Nobody has to say anything to it any more."""
    process.stdin.close()
    process.stdin = None


def finished(process) -> dict:
    """What a process has made at last."""
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    return json.loads(out.splitlines()[-1])


def said(process, word: str) -> None:
    assert process.stdout.readline() == f"{word}\n"


def test_many_that_run_at_once_get_the_same_and_call_each_node_once(processes, calls):
    """R13: whoever is second waits for what the first is making."""
    running = [processes() for _ in range(PROCESSES)]
    results = [finished(process) for process in running]
    assert [result["values"] for result in results] == [VALUES] * PROCESSES
    assert (calls("load"), calls("train"), calls("report")) == (1, 1, 1)
    for step in ("load", "train", "report"):
        misses = [result["why"][step] for result in results if not result["why"][step].startswith("cache hit: ")]
        assert misses == ["cache miss: no earlier call of it is known"]


def test_who_waits_takes_what_was_made_meanwhile(processes, calls):
    first = processes(HELD, run_id="first")
    said(first, "begun")
    others = [processes(HELD) for _ in range(2)]
    for other in others:
        said(other, "waiting")
    assert calls("train") == 1
    assert finished(first)["values"] == VALUES
    for other in others:
        result = finished(other)
        assert result["values"] == VALUES
        assert result["why"]["train"] == "cache hit: run first of 'local'"
    assert calls("train") == 1


def test_what_was_made_just_before_the_lock_was_free_is_taken(tmp_path, monkeypatch):
    """Nobody has waited, and yet it is there by now."""
    world = one_node("from called import called\ndef node(x):\n    called('node')\n    return x")
    real = TaskCache.alone

    def late(cache):
        monkeypatch.setattr(TaskCache, "alone", real)
        world.run(tmp_path, cache=True, run_id="other")
        return real(cache)

    monkeypatch.setattr(TaskCache, "alone", late)
    ran = world.run(tmp_path, cache=True)
    assert ran.why("node") == "cache hit: run other of 'local'"
    assert ran.calls == ["node"]


@pytest.mark.parametrize("held", [HELD, HELD_BY_A_CHILD_AS_WELL], ids=["alone", "with a child that lives on"])
def test_when_the_one_who_is_at_it_is_killed_the_others_go_on(held, processes, calls):
    first = processes(held)
    said(first, "begun")
    others = [processes(held) for _ in range(2)]
    for other in others:
        said(other, "waiting")
    first.kill()
    first.wait()
    for other in others:
        may_go_on(other)
    results = [finished(other) for other in others]
    assert [result["values"] for result in results] == [VALUES] * 2
    # The one that was killed, and one of the others; the last one has waited again.
    assert (calls("load"), calls("train"), calls("report")) == (1, 2, 1)


def test_a_refresh_waits_for_nobody(processes, calls):
    first = processes(HELD)
    said(first, "begun")
    second = processes(HELD, refresh_from="load")
    said(second, "begun")
    assert finished(second)["values"] == finished(first)["values"] == VALUES
    assert calls("train") == 2


def test_a_run_that_is_over_leaves_no_lock(processes, tmp_path):
    finished(processes())
    assert not list((tmp_path / "storage").rglob("*.lock"))


def test_a_lock_that_was_left_behind_stops_nobody(processes, calls, tmp_path):
    finished(processes())
    folder = tmp_path / "storage/.linepipe/cache"
    for path in [path for path in folder.rglob("*.json") if "last" not in path.parts]:
        path.unlink()
        path.with_suffix(".lock").touch()
    assert finished(processes())["values"] == VALUES
    assert calls("load") == 2


def test_who_holds_a_lock_knows_whether_it_was_held(tmp_path):
    uri = f"file://{tmp_path}/some.lock"
    with alone(uri) as has_waited:
        assert not has_waited
        assert Path(uri.removeprefix("file://")).exists()
    assert not Path(uri.removeprefix("file://")).exists()
    with alone("s3://bucket/some.lock") as has_waited:
        assert not has_waited


def test_a_lock_is_given_back_when_the_node_fails(tmp_path):
    world = one_node("def node(x):\n    return 1 / x", {"x": 0})
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            world.run(tmp_path, cache=True)
    assert not list(tmp_path.rglob("*.lock"))


def test_threads_of_one_process_wait_for_each_other_as_well(tmp_path):
    """A lock belongs to who has opened the file, and not to the process."""
    inside, most, lock, start_together = [0], [0], threading.Lock(), threading.Barrier(4)

    def work(_):
        start_together.wait()
        for _ in range(50):
            with alone(f"file://{tmp_path}/some.lock"):
                with lock:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                with lock:
                    inside[0] -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert most == [1]
