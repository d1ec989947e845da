"""The command line: gc."""

from __future__ import annotations

import json
import os
import time

import pytest
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import read_run, run
from airflow_linepipe.cli import main

DAY = 86400


@pytest.fixture
def storage(tmp_path):
    """Three runs of a pipeline, of 40, 10 and 0 days ago, and one of another of 40 days ago."""
    folder = tmp_path / "storage"
    pipeline = Pipeline([Node(lambda: [1, 2], [], ["x"]), Node(sum, ["x"], ["total"])])
    for name, run_id, days in (("a", "r40", 40), ("a", "r10", 10), ("a", "r0", 0), ("b", "r40", 40)):
        run(pipeline, storage=str(folder), name=name, run_id=run_id, quiet=True)
        then = time.time() - days * DAY
        for file in (folder / name / run_id).rglob("*"):
            os.utime(file, (then, then))
    return folder


def left(storage):
    return sorted(f"{path.parent.name}/{path.name}" for path in storage.glob("[ab]/*"))


def collect(storage, *arguments):
    return main(["gc", "--storage", str(storage), *arguments])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--older-than", "30d"], ["a/r0", "a/r10"]),
        (["--older-than", "48h"], ["a/r0"]),
        (["--older-than", "0m"], []),
        (["--keep-last", "2"], ["a/r0", "a/r10", "b/r40"]),
        (["--keep-last", "0"], ["a/r0"]),
        (["--keep-last", "1", "--older-than", "30d"], ["a/r0", "a/r10", "b/r40"]),
        (["--older-than", "30d", "--dag", "b"], ["a/r0", "a/r10", "a/r40"]),
        (["--older-than", "30d", "--dag", "b", "--dag", "a"], ["a/r0", "a/r10"]),
        (["--older-than", "30d", "--dag", "c"], ["a/r0", "a/r10", "a/r40", "b/r40"]),
    ],
)
def test_runs_beyond_the_limits_go(storage, arguments, expected):
    """R54: with --keep-last alone, what was written to today stays."""
    assert collect(storage, *arguments) == 0
    assert left(storage) == expected
    for run_id in [name.removeprefix("a/") for name in expected if name.startswith("a/")]:
        assert read_run(str(storage), run_id, name="a")["total"] == 3


def test_a_dry_run_says_what_would_go_and_removes_nothing(storage, capsys):
    (storage / "notes.txt").write_text("mine")
    assert collect(storage, "--older-than", "20d", "--dry-run") == 0
    assert capsys.readouterr().out.splitlines() == [
        "a  r40  2 artifacts (0.0 MB)  written 40 days ago",
        "b  r40  2 artifacts (0.0 MB)  written 40 days ago",
        f"kept file://{storage}/notes.txt: it is no artifact",
        "Would remove 4 artifacts (0.0 MB) of 2 runs.",
    ]
    assert left(storage) == ["a/r0", "a/r10", "a/r40", "b/r40"]


def test_what_went_is_told_as_json(storage, capsys):
    assert collect(storage, "--older-than", "30d", "--keep-last", "1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    (gone,) = told["runs"]
    assert (gone["dag_id"], gone["run_id"], gone["artifacts"]) == ("a", "r40", 2)
    assert gone["why"] == "not of the 1 newest, written 40 days ago"
    assert (told["artifacts"], told["strays"], told["unknown"]) == (2, [], [])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "every run would go: say which stay with --older-than 30d, --keep-last 10, or both"),
        (["--keep-published", "3"], "every run would go"),
        (["--older-than", "30"], "argument --older-than: 30: write it as 30d, 12h or 90m"),
        (["--older-than", "-3d"], "argument --older-than: expected one argument"),
        (["--older-than", "9999999d"], "argument --older-than: 9999999d: write it as"),
        (["--keep-last", "-1"], "--keep-last -1: give a number from 0 on"),
        (["--keep-last", "1", "--keep-published", "0"], "--keep-published 0: give a number from 1 on"),
        (["--keep-last", "x"], "argument --keep-last: invalid int value: 'x'"),
        (
            ["--keep-last", "1", "--storage", "s3://conn@bucket/p"],
            "there are no Airflow connections here: write --stor",
        ),
    ],
)
def test_wrong_usage_is_one_sentence_and_removes_nothing(storage, capsys, arguments, sentence):
    with pytest.raises(SystemExit) as caught:
        collect(storage, *arguments)
    assert caught.value.code == 2
    assert f"airflow-linepipe gc: error: {sentence}" in capsys.readouterr().err
    assert len(left(storage)) == 4


def test_a_damaged_record_is_one_sentence(storage, capsys):
    record = storage / ".linepipe/published/asset/x.json"
    record.parent.mkdir(parents=True)
    record.write_text("{")
    assert collect(storage, "--older-than", "30d") == 1
    assert capsys.readouterr().err.startswith(f"The record file://{record} says which artifacts must be kept")
    assert len(left(storage)) == 4


def test_no_url_is_one_sentence(capsys):
    assert collect("here", "--keep-last", "1") == 1
    assert capsys.readouterr().err.startswith("The storage 'here' is no URL")


def test_check_leaves_nothing_in_the_storage(tmp_path, monkeypatch):
    """What it writes to see whether it can."""
    nodes = "pipeline = Pipeline([Node(dict, [], ['x'])])"
    (tmp_path / "checked.py").write_text(
        f"from linepipe.node import Node\nfrom linepipe.pipeline import Pipeline\n{nodes}"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["check", "checked:pipeline", "--storage", str(tmp_path / "storage")]) == 0
    assert list((tmp_path / "storage").iterdir()) == []
