"""The code in the documents runs."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from nodes import ran

ROOT = Path(__file__).parents[1]


def _blocks(document: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.DOTALL | re.MULTILINE)


def _functions() -> dict[str, object]:
    """What the documents take for granted: an author's own functions."""
    return {
        "load": lambda path: [1, 2, 3, 4],
        "clean": lambda raw: raw,
        "split": lambda table: (table[:3], table[3:]),
        "fit": lambda train, depth: sum(train) * depth,
        "score": lambda model, test: {"accuracy": model / 72},
        "square": lambda number: number * number,
    }


@pytest.fixture
def features_module(monkeypatch):
    """The package that the second example names."""
    from linepipe.node import Node
    from linepipe.pipeline import Pipeline

    def fit(month: str) -> dict[str, float]:
        return {"accuracy": int(month[-2:]) / 100}

    module = ModuleType("my_package.features")
    module.pipeline = Pipeline([Node(fit, ["month"], ["metrics"])], month="2026-01")
    monkeypatch.setitem(sys.modules, "my_package", ModuleType("my_package"))
    monkeypatch.setitem(sys.modules, "my_package.features", module)


def test_the_first_example_of_the_readme_runs():
    from airflow_linepipe.plan import plan_pipeline

    names = _functions()
    exec(_blocks("README.md")[0], names)
    assert names["dag"].task_ids == ["lambda", "lambda__2", "lambda__3", "lambda__4", "lambda__5"]
    assert dict(ran(plan_pipeline(names["pipeline"]), given={}))["metrics"] == {"accuracy": 0.5}


def test_the_second_example_of_the_readme_runs(features_module):
    names = {}
    exec(_blocks("README.md")[1], names)
    dag = names["features"].dag
    assert dag.get_task("report").upstream_task_ids == {"features.fit"}
    assert (dag.get_task("features.fit").retries, dag.get_task("features.fit").pool) == (2, "gpu")


def test_the_mapping_example_of_the_authors_page_runs():
    from airflow.sdk import DAG
    from linepipe.node import Node

    from airflow_linepipe import LinepipeNodeOperator, linepipe_task

    with DAG("authoring", schedule=None):

        @linepipe_task(outputs=["train", "test"])
        def split():
            return [1], [2]

        @linepipe_task
        def thresholds():
            return [1, 2]

        @linepipe_task
        def list_of_dicts():
            return [{"number": 1}]

        @linepipe_task
        def score(threshold, train):
            return threshold

        names = {**_functions(), "LinepipeNodeOperator": LinepipeNodeOperator, "Node": Node, "parts": split()}
        names |= {"thresholds": thresholds, "list_of_dicts": list_of_dicts, "score": score}
        (block,) = [block for block in _blocks("docs/authoring.md") if ".expand(" in block]
        exec(block, names)


def test_the_local_run_of_the_authors_page_runs(tmp_path):
    names = _functions()
    exec(_blocks("README.md")[0], names)
    (block,) = [block for block in _blocks("docs/authoring.md") if "read_run" in block]
    exec(block.replace("/data/runs", str(tmp_path)), names)
    assert names["result"]["metrics"] == {"accuracy": 0.5}


def test_every_link_in_the_documents_leads_somewhere():
    for document in ("README.md", "docs/authoring.md", "docs/architecture.md", "docker/README.md"):
        for link in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / document).read_text()):
            assert (ROOT / document).parent.joinpath(link).exists(), f"{document}: {link}"


def test_the_resource_of_the_authors_page_opens_and_the_consumer_of_its_asset_is_a_dag():
    (resource,) = [block for block in _blocks("docs/authoring.md") if "def open(self)" in block]
    names = {}
    exec(resource, names)
    with names["Engine"]().open() as engine:
        assert engine.dialect.name == "sqlite"

    from airflow.sdk import DAG, Asset

    from airflow_linepipe import linepipe_task, load_artifact

    (consumer,) = [block for block in _blocks("docs/authoring.md") if "triggering_asset_events" in block]
    names = {"DAG": DAG, "Asset": Asset, "linepipe_task": linepipe_task, "load_artifact": load_artifact}
    exec(consumer + "\n    train()", names)
