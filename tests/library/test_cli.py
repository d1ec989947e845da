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
import threading
from collections.abc import Generator
from linepipe.node import Node
from linepipe.pipeline import Pipeline

def load(n):
    return list(range(n))

def word() -> str:
    return ""

def total(rows: list):
    return sum(rows)

def save(total, path):
    with open(path, "w") as file:
        file.write(str(total))

def stream(rows) -> Generator[int, None, None]:
    return (row for row in rows)

def fail(total):
    raise ValueError(f"{total} is too much")

nodes = [
    Node(load, ["n"], ["rows"]), Node(total, ["rows"], ["total"]), Node(total, ["rows"], ["again"]),
    Node(save, ["total", "path"], []),
]
good = Pipeline(nodes, n=4, path="written")
bad = Pipeline([Node(total, ["rwos"], ["total"]), Node(load, ["config.n"], ["rows"])], config={})
failing = Pipeline([*nodes[:2], Node(fail, ["total"], ["x"])], n=4)
live = Pipeline([Node(total, ["lock"], ["x"])], lock=threading.Lock())
streams = Pipeline([Node(stream, ["rows"], ["more"]), Node(total, ["more"], ["total"])], rows=[1])
configured = Pipeline([Node(save, ["config.total", "config.path"], [])])
engines = Pipeline([Node(total, ["conn"], ["total"])])
mismatched = Pipeline([Node(word, [], ["text"]), Node(total, ["text"], ["x"])])
odd = Pipeline([Node(lambda: 1, [], ['say "a" & <b>'])])
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "sums.py").write_text(MODULE)
    (tmp_path / "sums.toml").write_text("total = ")
    (tmp_path / "null.json").write_text("null")
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
        (["sums:live"], "'lock' is a live _thread.lock, which each reading of the DAG file would open anew"),
        (["sums:streams"], "its output 'more' is annotated as Generator, which cannot travel between tasks: return a"),
        (["sums:good", "--param", "n=x"], "The param 'n' must be a whole number."),
        (["sums:good", "--param", "m=1"], "params['m']: no node reads such a value from config or constants: a run"),
        (["sums:good", "--missing-config", "x"], "missing_config='x' is not known"),
        (["sums:good", "--config", "none.json"], "--config none.json cannot be read: "),
        (["sums:good", "--config", "sums.toml"], "--config sums.toml cannot be read: "),
        (["sums:engines"], "it reads 'conn', which no earlier node outputs"),
        (["sums:good", "--param", "n=1e999"], "The param 'n' must be a whole number."),
        (["sums:good", "--param", f"n={'[' * 100000}"], "The param 'n' must be a whole number."),
        (["sums:good", "--storage", ""], "The storage '' is no URL"),
        (["sums:good", "--config", "conf.yaml"], "--config conf.yaml: give a .json or .toml file, or package"),
        (["sums:good", "--config", "null.json"], "--config null.json holds nothing: leave it out"),
        (["sums:none"], "'sums:none' leads nowhere"),
        (["nowhere:good"], "there is no module 'nowhere'"),
    ],
)
def test_check_says_what_would_fail(capsys, arguments, sentence):
    assert main(["check", *arguments]) == 1
    assert sentence in capsys.readouterr().err


def test_a_warning_is_one_line(capsys):
    assert main(["check", "sums:mismatched"]) == 0
    assert capsys.readouterr().err == (
        "Node 'total' expects 'text' to be list, and node 'word' is annotated to return str: correct one of the "
        "annotations, or the order of the inputs.\n"
    )


def test_check_takes_what_the_dag_gives(capsys):
    assert main(["check", "sums:engines", "--resource", "conn"]) == 0
    assert main(["check", "sums:streams", "--granularity", "pipeline"]) == 0
    assert main(["show", "sums:engines", "--resource", "conn"]) == 0
    assert "- conn" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", '{"total": 7, "path": "there"}'),
        ("c.toml", 'total = 7\npath = "there"'),
        ("c.py", "c = dict(total=7, path='there')"),
    ],
)
def test_config_may_be_a_file_or_an_object(name, text):
    Path(name).write_text(text)
    config = "c:c" if name == "c.py" else name
    assert main(["run", "sums:configured", "--config", config, "--quiet"]) == 0
    assert Path("there").read_text() == "7"
    assert main(["run", "sums:configured", "--config", config, "--param", "config.total=8", "--quiet"]) == 0
    assert Path("there").read_text() == "8"


def test_a_text_is_set_as_it_is_written(capsys):
    assert main(["run", "sums:good", "--param", "path=2027", "--param", "n=3", "--quiet"]) == 0
    assert Path("2027").read_text() == "3"


def test_what_run_keeps_and_misses_is_chosen(capsys):
    options = ["--granularity", "pipeline", "--persist", "all", "--missing-config", "none", "--json", "--quiet"]
    assert main(["run", "sums:good", *options]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"] == {"rows": "load", "total": "total", "again": "total__2"}


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
