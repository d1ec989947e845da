"""Every DAG of the dags folder: parses without a warning, and gives the values it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

EXAMPLES = {
    "dataops",
    "dataops_quarantine",
    "example_dag",
    "example_decisions",
    "example_linepipe_task",
    "example_node_operator",
    "example_task_group",
    "example_values_decorated",
    "example_values_with",
    "linepipe_maintenance",
    "mlops",
    "mlops_update",
}


def test_every_dag_file_parses_without_an_import_error(example_dags):
    assert set(example_dags) == EXAMPLES


@pytest.mark.parametrize("file", sorted((ROOT / "dags").glob("*.py")), ids=lambda file: file.stem)
def test_a_dag_file_is_short_enough_to_copy(file):
    assert len(file.read_text().splitlines()) <= 120


def test_the_add_pipeline_gives_five_to_the_next_task(example_dags, run_dag):
    """R01: the README's add example as a DAG."""
    run = run_dag(example_dags["example_dag"])
    assert run.state == "success"
    assert run.value("add") == 5
    assert run.xcoms["add", -1, "return_value"]["value"] == 5


@pytest.mark.parametrize(
    ("dag_id", "first", "second"), [("example_values_with", 1, 2), ("example_values_decorated", 2, 5)]
)
def test_two_tasks_pass_a_value(example_dags, run_dag, dag_id, first, second):
    """R62: both styles of the lesson's example DAG."""
    run = run_dag(example_dags[dag_id])
    assert run.state == "success"
    assert (run.value("task_1"), run.value("task_2")) == (first, second)


def test_a_task_group_takes_templates_and_config_and_feeds_other_tasks(example_dags, run_dag):
    run = run_dag(example_dags["example_task_group"], logical_date=datetime(2026, 1, 2, tzinfo=UTC))
    assert run.state == "success"
    assert run.value("words.split", "frequent") == ["be", "to"]
    assert run.value("show") == "be to | 4 rare"
    assert run.xcoms["count", -1, "return_value"] == 4


def test_decisions_gate_fork_and_explain(example_dags, run_dag):
    run = run_dag(example_dags["example_decisions"])
    assert run.state == "success"
    states = {task_id: str(task.state) for (task_id, _), task in run.tasks.items()}
    assert {name: states[name] for name in ("gate", "serve", "report", "retrain", "ask")} == {
        "gate": "success",
        "serve": "success",
        "report": "skipped",
        "retrain": "skipped",
        "ask": "skipped",
    }
    assert run.xcoms["better", -1, "decision"]["reason"] == "mae 3.75 is better than baseline 5.0"
    assert run.xcoms["policy", -1, "decision"]["policy"] == "continue"
    few = run_dag(example_dags["example_decisions"], conf={"training.config.days": 1})
    assert str(few.tasks["training.fit", -1].state) == "skipped"


def test_node_operators_fuse_and_map(example_dags, run_dag):
    run = run_dag(example_dags["example_node_operator"])
    assert run.state == "success"
    assert run.value("make") == [0, 2, 4, 6]
    assert [run.value("square", map_index=index) for index in range(4)] == [0, 4, 16, 36]
    assert run.value("total") == 56


def test_decorated_tasks_split_map_and_override(example_dags, run_dag):
    run = run_dag(example_dags["example_linepipe_task"])
    assert run.state == "success"
    assert [run.value("score", map_index=index) for index in range(3)] == pytest.approx([2 / 3, 1.0, 2 / 3])
    assert run.value("best") == {"threshold": 12, "accuracy": 1.0}
    assert example_dags["example_linepipe_task"].get_task("score").retries == 2


@pytest.mark.usefixtures("airflow_db")
def test_a_dag_file_runs_by_itself_as_the_authors_page_says():
    page = (ROOT / "docs" / "authoring.md").read_text()
    (last,) = re.findall(r"^```python\n(if __name__.*?)^```", page, re.DOTALL | re.MULTILINE)
    file = Path(os.environ["AIRFLOW_HOME"]) / "dags" / "example_alone.py"
    file.write_text((ROOT / "dags" / "example_dag.py").read_text() + "\n\n" + last)
    done = subprocess.run([sys.executable, file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search("Stored sum: int, 1 bytes", done.stdout + done.stderr), done.stdout
