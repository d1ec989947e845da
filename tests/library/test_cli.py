"""The command line: check, run, show."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from linepipe.viz import draw_ascii_pipeline

from airflow_linepipe import read_run
from airflow_linepipe.cli import main

MODULE = """
from linepipe.node import Node
from linepipe.pipeline import Pipeline

def load(n):
    return list(range(n))

def total(rows):
    return sum(rows)

def save(total, path):
    with open(path, "w") as file:
        file.write(str(total))

def fail(total):
    raise ValueError(f"{total} is too much")

nodes = [
    Node(load, ["n"], ["rows"]), Node(total, ["rows"], ["total"]), Node(total, ["rows"], ["again"]),
    Node(save, ["total", "path"], []),
]
good = Pipeline(nodes, n=4, path="written")
bad = Pipeline([Node(total, ["rwos"], ["total"]), Node(load, ["config.n"], ["rows"])], config={})
failing = Pipeline([*nodes[:2], Node(fail, ["total"], ["x"])], n=4)
odd = Pipeline([Node(lambda: 1, [], ['say "a" & <b>'])])
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "sums.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "sums", raising=False)
    yield
    sys.modules.pop("sums", None)


def test_check_says_that_nothing_is_wrong(capsys, tmp_path):
    assert main(["check", "sums:good", "--granularity", "chain", "--storage", str(tmp_path / "store")]) == 0
    assert capsys.readouterr().out == "sums:good: 4 nodes in 3 tasks, nothing wrong.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sums:bad"], "Node 'total': it reads 'rwos'"),
        (["sums:bad"], "Node 'load': it reads 'config.n', and config has no attribute or key 'n'"),
        (["sums:good", "--granularity", "nodes"], "granularity='nodes' is not known: did you mean 'node'?"),
        (["sums:good", "--granularity", "{load"], "--granularity {load: that is no JSON"),
        (["sums:good", "--order", "x"], "order='x' is not known"),
        (["sums:good", "--ephemeral", "rws"], "ephemeral: no node outputs 'rws': did you mean 'rows'?"),
        (["sums:good", "--input", "n"], "--input n: write it as NAME=VALUE."),
        (["sums:good", "--input", "zz=1"], "'zz' is given from outside, and no node reads it"),
        (["sums:good", "--storage", "here"], "The storage 'here' is no URL"),
        (["sums:good", "--storage", "/proc/nowhere"], "The storage '/proc/nowhere' cannot be written to and read"),
        (["sums:none"], "'sums:none' leads nowhere"),
        (["nowhere:good"], "there is no module 'nowhere'"),
    ],
)
def test_check_says_what_would_fail(capsys, arguments, sentence):
    assert main(["check", *arguments]) == 1
    assert sentence in capsys.readouterr().err


def test_run_prints_the_summary_and_keeps_the_run(capsys, tmp_path):
    """R33."""
    storage = str(tmp_path / "store")
    assert (
        main(["run", "sums:good", "--storage", storage, "--input", "n=5", "--name", "sums", "--json", "--quiet"]) == 0
    )
    result = json.loads(capsys.readouterr().out)
    assert read_run(storage, result["run_id"], name="sums")["total"] == 10
    assert Path("written").read_text() == "10"
    assert main(["run", "sums:good", "--granularity", '{"sums": ["total", "total__2"]}']) == 0
    shown = capsys.readouterr()
    assert "total__2  success" in shown.out
    assert "[4/4] save" in shown.err


def test_a_failed_run_shows_the_nodes_error_and_exits_with_1():
    """R33."""
    program = "import sys; from airflow_linepipe.cli import main; sys.exit(main(['run', 'sums:failing', '--quiet']))"
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env={"PYTHONPATH": root}
    )
    assert done.returncode == 1
    assert "ValueError: 6 is too much\nRaised in node 'fail'." in done.stderr


def test_show_draws_as_linepipe_does(capsys):
    """R23."""
    assert main(["show", "sums:good"]) == 0
    assert capsys.readouterr().out == draw_ascii_pipeline(sys.modules["sums"].good) + "\n"


def test_show_draws_a_flowchart_with_every_node_once(capsys):
    """R23."""
    assert main(["show", "sums:good", "--mermaid", "--granularity", '{"sums": ["total", "total__2"]}']) == 0
    assert capsys.readouterr().out == (
        "flowchart TD\n"
        '  subgraph t1 ["sums"]\n'
        '    n1["total"]\n'
        '    n2["total__2"]\n'
        "  end\n"
        '  n0["load"]\n'
        '  n3["save"]\n'
        '  n0 -- "rows" --> n1\n'
        '  n0 -- "rows" --> n2\n'
        '  n1 -- "total" --> n3\n'
    )


def test_odd_names_are_drawn(capsys):
    assert main(["show", "sums:odd", "--mermaid"]) == 0
    assert capsys.readouterr().out == 'flowchart TD\n  n0["lambda"]\n'


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["run"]])
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: airflow-linepipe" in capsys.readouterr().err
