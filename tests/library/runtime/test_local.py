"""The local runner: the tasks and the handoff of a DAG, in one process, without Airflow."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
from linepipe.node import Node
from linepipe.pipeline import Pipeline

import airflow_linepipe
from airflow_linepipe import read_run
from airflow_linepipe.errors import (
    ArtifactUnreadableError,
    LinepipeError,
    PlanError,
    RunNotFoundError,
    SettingError,
    StorageFaultError,
    UnknownOutputError,
    UnsupportedValueError,
)

ROOT = Path(__file__).parents[3]


def rows(n):
    return list(range(n))


def spoil(table):
    table.append(100)
    return sum(table)


def fail(total):
    message = f"{total} is too much"
    raise ValueError(message)


NODES = [Node(rows, ["config.n"], ["table"]), Node(spoil, ["table"], ["total"]), Node(len, ["table"], ["count"])]


def run(nodes=NODES, **arguments):
    return airflow_linepipe.run(Pipeline(list(nodes), config={"n": 4}), quiet=True, **arguments)


@pytest.mark.parametrize("granularity", ["node", "chain", "pipeline", {"both": ["spoil", "len"]}])
@pytest.mark.parametrize("stored", [False, True])
def test_the_outputs_are_linepipes_own(granularity, stored, tmp_path):
    result = run(granularity=granularity, persist="all", storage=str(tmp_path) if stored else None)
    assert result.success
    assert (result["table"], result["total"], result["count"]) == ([0, 1, 2, 3], 106, 4)


def test_the_result_says_what_ran_where_and_how_long():
    """R33."""
    result = run(granularity={"both": ["spoil", "len"]}, run_id="mine", name="sums")
    assert (result.run_id, result.pipeline, result.state) == ("mine", "sums", "success")
    assert {step.id: (step.node, step.task, step.state) for step in result.steps.values()} == {
        "rows": ("rows", "rows", "success"),
        "spoil": ("spoil", "both", "success"),
        "len": ("len", "both", "success"),
    }
    assert result.steps["spoil"].inputs == {"table": "rows"}
    assert result.steps["rows"].inputs == {"config.n": "config"}
    assert result.steps["rows"].outputs == {"table": {"type": "list"}}
    assert not result.steps["rows"].cached
    assert 0 <= result.steps["rows"].seconds <= result.seconds
    assert re.search(r"sums, run mine: success in \d.\d\d s\n  rows +success +0.00 s  table", result.summary())
    assert json.loads(json.dumps(result.to_dict()))["steps"][1]["id"] == "spoil"


def test_a_missing_output_is_an_error_that_says_why():
    """R33."""
    result = run(granularity="pipeline")
    with pytest.raises(UnknownOutputError, match="has no output 'totl': did you mean 'total'"):
        result["totl"]
    with pytest.raises(UnknownOutputError, match="did not keep the output 'table': it stayed inside its task"):
        result["table"]
    with pytest.raises(UnknownOutputError, match="has no output 'zz': it has table, total, count"):
        result["zz"]


def test_a_finished_run_is_read_in_another_process(tmp_path):
    """R05, R18."""
    result = run(storage=str(tmp_path), run_id="mine", name="sums")
    program = (
        "import sys; from airflow_linepipe import read_run; r = read_run(sys.argv[1], 'mine', name='sums'); "
        "print(r.success, r['total'], r['table'], sorted(r.steps), 'airflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "True 106 [0, 1, 2, 3] ['len', 'rows', 'spoil'] False"
    again = read_run(str(tmp_path), "mine", name="sums")
    assert again.to_dict() == result.to_dict()
    assert again.steps["rows"].outputs["table"]["linepipe_artifact"] == 1


def test_a_failed_run_raises_the_nodes_own_error_and_is_read_as_far_as_it_came(tmp_path):
    """R12, R18."""
    nodes = [*NODES, Node(fail, ["total"], ["never"]), Node(len, ["never"], ["nor"])]
    with pytest.raises(ValueError, match="106 is too much") as caught:
        run(nodes, storage=str(tmp_path), run_id="bad")
    assert caught.value.__notes__ == ["Raised in node 'fail'.", "Run 'bad' of pipeline 'local' ended here."]
    result = read_run(str(tmp_path), "bad")
    assert (result.state, result.success) == ("failed", False)
    assert {step.id: step.state for step in result.steps.values()} == {
        "rows": "success",
        "spoil": "success",
        "len": "success",
        "fail": "failed",
    }
    assert result.steps["fail"].error == "ValueError: 106 is too much"
    assert result["total"] == 106
    with pytest.raises(UnknownOutputError, match="did not keep the output 'never': it was not reached"):
        result["never"]


def test_a_value_that_cannot_be_stored_fails_its_step(tmp_path):
    """R16."""
    nodes = [Node(lambda: (n for n in ()), [], ["g"])]
    with pytest.raises(
        UnsupportedValueError, match="Output 'g' of task 'lambda' of DAG 'local'.* is a generator.*ephemeral=..g'."
    ):
        run(nodes, storage=str(tmp_path), run_id="bad")
    assert read_run(str(tmp_path), "bad").steps["lambda"].state == "failed"
    assert next(run([Node(lambda: (n for n in (5,)), [], ["g"])])["g"]) == 5


def test_inputs_take_the_place_of_constants_and_stay_as_they_are():
    table = [1, 2]
    result = airflow_linepipe.run(
        Pipeline([Node(spoil, ["table"], ["total"])], table=[5]), inputs={"table": table}, quiet=True
    )
    assert result["total"] == 103
    assert table == [1, 2]
    assert result.steps["spoil"].inputs == {"table": "given"}


def test_config_replaces_the_pipelines_own():
    assert run(config={"n": 2})["table"] == [0, 1]


def test_a_run_that_exists_is_never_overwritten(tmp_path):
    run(storage=str(tmp_path), run_id="mine")
    with pytest.raises(SettingError, match=f"Run 'mine' of pipeline 'local' exists already in {re.escape('file://')}"):
        run(storage=str(tmp_path), run_id="mine")
    assert run(storage=str(tmp_path)).run_id != run(storage=str(tmp_path)).run_id


def test_a_run_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RunNotFoundError, match="There is no run 'zz' of pipeline 'local'") as caught:
        read_run(str(tmp_path), "zz")
    assert isinstance(caught.value, LookupError)


@pytest.mark.parametrize(
    ("arguments", "kind", "sentence"),
    [
        ({"granularity": "nodes"}, SettingError, "did you mean 'node'"),
        ({"order": "random"}, SettingError, "order='random' is not known"),
        ({"persist": "some"}, SettingError, "persist='some' is not known"),
        ({"storage": "here"}, SettingError, "The storage 'here' is no URL"),
        ({"storage": 5}, SettingError, "The storage 5 is no URL"),
        ({"run_id": 5}, SettingError, "run_id=5: give a text"),
        ({"run_id": ""}, SettingError, "run_id='': give a text"),
        ({"name": ""}, SettingError, "name='': give a text"),
        ({"name": None}, SettingError, "name=None: give a text"),
        ({"inputs": ["x"]}, SettingError, "inputs=.'x'.: give a dict whose keys are names"),
        ({"inputs": {1: 2}}, SettingError, "inputs={1: 2}: give a dict whose keys are names"),
        ({"resources": ["x"]}, SettingError, "resources=.'x'.: give a dict whose keys are names"),
        ({"ephemeral": None}, SettingError, "ephemeral=None: give a list of names"),
        ({"ephemeral": [1]}, SettingError, "ephemeral=.1.: give a list of names"),
        ({"inputs": {"zz": 1}}, PlanError, "'zz' is given from outside, and no node reads it"),
    ],
)
def test_bad_arguments_are_refused_before_anything_runs(arguments, kind, sentence):
    called = []
    with pytest.raises(kind, match=sentence) as caught:
        run([Node(lambda: called.append(1), [], ["a"])], **arguments)
    assert isinstance(caught.value, LinepipeError)
    assert called == []


@pytest.mark.parametrize("stored", [False, True])
def test_an_output_that_shares_memory_with_a_changed_one_stays_as_it_was_made(stored, tmp_path):
    """Found by the oracle."""

    def share():
        inner = {"a": 1}
        return inner, [inner]

    nodes = [Node(share, [], ["kept", "changed"]), Node(lambda changed: changed[0].clear(), ["changed"], [])]
    result = run(nodes, granularity="pipeline", persist="all", storage=str(tmp_path) if stored else None)
    assert result["kept"] == {"a": 1}
    assert result["changed"] == [{"a": 1}]


def test_frames_go_through_storage_as_on_a_cluster(tmp_path):
    nodes = [
        Node(lambda: pd.DataFrame({"a": [1, 2]}), [], ["frame"]),
        Node(lambda frame: frame.assign(b=frame["a"] * 2), ["frame"], ["doubled"]),
    ]
    result = run(nodes, storage=str(tmp_path), run_id="r")
    assert result["doubled"]["b"].tolist() == [2, 4]
    assert sorted(path.name for path in tmp_path.rglob("*.arrow")) == ["doubled.arrow", "frame.arrow"]


def test_progress_is_lines_where_there_is_no_terminal(capsys):
    airflow_linepipe.run(Pipeline(list(NODES), config={"n": 1}))
    assert re.fullmatch(
        r"\[1/3\] rows: \d.\d\d s\n\[2/3\] spoil: \d.\d\d s\n\[3/3\] len: \d.\d\d s\n", capsys.readouterr().err
    )


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_a_bar_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    airflow_linepipe.run(Pipeline(list(NODES), config={"n": 1}))
    assert "3/3" in terminal.getvalue()
    assert "━" in terminal.getvalue()


def test_a_step_that_runs_in_two_tasks_keeps_what_it_left():
    def make():
        return threading.Lock(), 7

    nodes = [Node(make, [], ["lock", "id"]), Node(lambda _, number: number, ["lock", "id"], ["a"])]
    result = run(nodes, ephemeral=["lock"])
    assert (result["id"], result["a"]) == (7, 7)
    assert result.steps["make"].task == "make"


def test_a_run_has_a_record_from_its_start_on(tmp_path):
    """R18: also one that was killed in its first task."""
    program = (
        "import os, signal, sys; from linepipe.node import Node; from linepipe.pipeline import Pipeline; "
        "from airflow_linepipe import run; "
        "kill = lambda: os.kill(os.getpid(), signal.SIGKILL); "
        "run(Pipeline([Node(kill, [], ['a'])]), storage=sys.argv[1], run_id='killed', quiet=True)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    assert read_run(str(tmp_path), "killed").state == "running"


class NamelessError(Exception):
    def __str__(self):
        raise RuntimeError

    def add_note(self, note):
        raise TypeError(note)


@pytest.mark.parametrize(
    ("error", "told"),
    [(NamelessError(), "NamelessError"), (ValueError("\udcff"), "ValueError: \udcff")],
    ids=["no text", "text that is none"],
)
def test_an_error_that_cannot_say_what_it_is_is_still_the_nodes_own(error, told, tmp_path, caplog):
    caplog.set_level("INFO")

    def throw():
        raise error

    with pytest.raises(type(error)) as caught:
        run([Node(throw, [], ["a"])], storage=str(tmp_path), run_id="bad")
    assert caught.value is error
    assert read_run(str(tmp_path), "bad").steps["throw"].error == told


def test_what_the_result_gives_is_the_callers_own():
    result = run()
    result["table"].append(5)
    assert result["table"] == [0, 1, 2, 3]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"steps": [], "outputs": 3}'])
def test_a_damaged_record_is_named(text, tmp_path):
    run(storage=str(tmp_path), run_id="mine")
    (record,) = tmp_path.rglob(".run.json")
    record.write_text(text)
    with pytest.raises(ArtifactUnreadableError, match="The record of run 'mine' at file://.* is damaged"):
        read_run(str(tmp_path), "mine")


def test_a_resource_that_does_not_open_fails_the_run_and_the_record_says_why(tmp_path):
    class Closed:
        def open(self):
            message = "nobody there"
            raise ConnectionError(message)

    with pytest.raises(ConnectionError):
        run([Node(len, ["conn"], ["n"])], resources={"conn": Closed()}, storage=str(tmp_path), run_id="bad")
    result = read_run(str(tmp_path), "bad")
    assert (result.state, result.error, dict(result.steps)) == ("failed", "ConnectionError: nobody there", {})


def test_an_ephemeral_output_is_known_and_not_kept():
    result = run(
        [Node(threading.Lock, [], ["lock"]), Node(type, ["lock"], ["kind"])], ephemeral=["lock"], persist="all"
    )
    assert result.outputs == {"lock": "", "kind": "type"}
    with pytest.raises(UnknownOutputError, match="did not keep the output 'lock': it stayed inside its task; persist"):
        result["lock"]


def test_a_storage_that_takes_nothing_is_named_before_any_node_runs(tmp_path):
    (tmp_path / "file").write_text("")
    pipeline = Pipeline([Node(lambda: 1, [], ["x"])])
    with pytest.raises(StorageFaultError, match=r"The storage '.*/file' cannot be read: NotADirectory"):
        airflow_linepipe.run(pipeline, storage=f"{tmp_path}/file", quiet=True)
