"""Gates, forks, mapping, retries and timeouts on the real Airflow."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise

import pytest
from finished import Finished

from airflow_linepipe.testing.rest import RestClient

pytestmark = pytest.mark.airflow_server


@pytest.fixture(scope="module")
def rest(airflow):
    return RestClient(airflow.url)


@pytest.fixture(scope="module")
def gated(finish):
    return finish("r28_gate", last=-1.0)


def states(run):
    return {task_id: task.state for task_id, task in run.tasks.items()}


def test_what_a_gate_stops_never_starts(gated, finish):
    """R28."""
    assert states(gated) == {"training.load": "success", "gate": "failed", "training.train": "upstream_failed"}
    assert gated.tasks["training.train"].try_number == 0
    good = finish("r28_gate", last=2.0)
    assert states(good) == dict.fromkeys(("training.load", "gate", "training.train"), "success")


GATED = """
from airflow.sdk import DAG
from linepipe.node import Node
from linepipe.pipeline import Pipeline
from airflow_linepipe import LinepipeTaskGroup, LinepipeValidationOperator

with DAG("gated", schedule=None) as dag:
    group = LinepipeTaskGroup("g", pipeline=Pipeline([Node(dict, [], ["t"]), Node(len, ["t"], ["m"])]))
    gate = LinepipeValidationOperator(task_id="gate", data=group["t"], expectations=lambda: [])
    gate >> group["len"]
print({task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks})
"""


@pytest.mark.timeout(900)
def test_a_gate_comes_first_whatever_the_hash_seed():
    """R28: flowyml 2.2.1 trains before it validates with two seeds out of six."""

    def parsed(seed):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        done = subprocess.run(
            [sys.executable, "-c", GATED], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()[-1]

    with ThreadPoolExecutor(2) as pool:
        told = set(pool.map(parsed, range(20)))
    assert told == {"{'g.dict': [], 'g.len': ['g.dict', 'gate'], 'gate': ['g.dict']}"}


def fetch(airflow, path):
    with urllib.request.urlopen(f"{airflow.url}{path}") as answer:
        return answer.headers, answer.read().decode()


def test_a_failed_validation_links_to_its_report_in_the_ui(airflow, gated, rest):
    links = rest.get("dags", "r28_gate", "dagRuns", gated.run_id, "taskInstances", "gate", "links")
    address = links["extra_links"]["Validation report"]
    headers, page = fetch(airflow, address)
    assert headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "<script" not in page
    assert all(text in page for text in ("expect_column_values_to_be_in_set", "delay", gated.run_id.split("+")[0]))
    assert "expect_column_values_to_be_in_set" in gated.log("gate")


def test_a_report_that_is_not_there_is_not_found(airflow, gated):
    for address in ("/linepipe/reports/r28_gate/none/gate/-1", "/linepipe/reports/r28_gate/none"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(airflow, address)


def test_great_expectations_does_not_chatter_in_the_log(gated):
    lines = gated.log("gate").splitlines()
    assert not [line for line in lines if "Skipping registering" in line or "Calculating Metrics" in line]
    assert len(lines) < 60


def test_a_metric_decides_and_the_next_run_may_go_the_other_way(finish):
    """R36, and R41: the metric of each run is there to be compared."""
    low, high = finish("r36_branch"), finish("r36_branch", **{"m.config.auc": 0.9})
    assert states(low) == {
        "m.measure": "success", "better": "success", "serve": "skipped", "announce": "skipped", "report": "success",
    }  # fmt: skip
    assert states(high) == {
        "m.measure": "success", "better": "success", "serve": "success", "announce": "success", "report": "skipped",
    }  # fmt: skip
    metrics = [
        next(xcom.value["value"] for xcom in run.xcoms if xcom.task_id == "m.measure" and xcom.key == "return_value")
        for run in (low, high)
    ]
    assert metrics == [{"auc": 0.5}, {"auc": 0.9}]


def test_a_policy_may_wait_for_a_person(airflow, start):
    """What happens when the person answers is Airflow's."""
    run_id = start("inspected")
    deadline = time.monotonic() + 120
    while True:
        found = {task.task_id: task.state for task in airflow.tasks("inspected", run_id)}
        if found.get("ask") in ("awaiting_input", "deferred"):
            break
        assert time.monotonic() < deadline, f"nobody was asked: {found}"
        time.sleep(0.5)
    assert (found["policy"], found["keep"], found["approved"]) == ("success", "skipped", "")
    assert airflow.fail_unfinished_runs("inspected") == (run_id,)


def test_one_failing_item_is_tried_again_alone(airflow, finish, rest, tmp_path):
    """R37."""
    (tmp_path / "b").touch()
    first = finish("r37_map", **{"config.folder": str(tmp_path)})
    mapped = {task.map_index: task.state for task in airflow.tasks("r37_map", first.run_id) if task.task_id == "look"}
    assert mapped == {0: "success", 1: "failed", 2: "success"}
    (tmp_path / "b").unlink()
    body = {"dry_run": False, "dag_run_id": first.run_id, "only_failed": True, "task_ids": [["look", 1]]}
    rest.write("POST", "dags", "r37_map", "clearTaskInstances", body={**body, "include_downstream": True})
    again = Finished(airflow, "r37_map", first.run_id)
    assert again.state == "success"
    assert again.value("gather") == ["a", "b", "c"]
    assert sorted((tmp_path / "looked.txt").read_text().split()) == ["a", "b", "b", "c"]


def test_three_tries_with_doubling_pauses_and_then_the_end(airflow, finish, rest):
    """R38."""
    run = finish("r38_retries")
    assert (run.tasks["fail_as"].state, run.tasks["fail_as"].try_number) == ("failed", 3)
    tries = rest.get("dags", "r38_retries", "dagRuns", run.run_id, "taskInstances", "fail_as", "tries")
    times = [(one["start_date"], one["end_date"]) for one in tries["task_instances"]]
    pauses = [
        (datetime.fromisoformat(start) - datetime.fromisoformat(end)).total_seconds()
        for (_, end), (start, _) in pairwise(times)
    ]
    # Airflow draws each pause between what doubling makes of it and twice that.
    assert len(pauses) == 2
    assert all(pause >= least for pause, least in zip(pauses, (1, 2), strict=True))


def test_an_error_that_no_retry_helps_fails_at_once(finish):
    """R38: by the exception's type, which is the node's own."""
    run = finish("r38_retries", **{"config.kind": "key"})
    assert (run.tasks["fail_as"].state, run.tasks["fail_as"].try_number) == ("failed", 1)


def test_a_node_that_takes_too_long_is_stopped(finish, tmp_path):
    """R40."""
    run = finish("r40_timeout", **{"config.folder": str(tmp_path)})
    assert run.tasks["dawdle"].state == "failed"
    assert run.tasks["dawdle"].seconds < 60
    assert "AirflowTaskTimeout" in run.log("dawdle")
    assert [path.name for path in tmp_path.iterdir()] == ["started"]


def test_dags_are_found_by_their_tags_and_a_change_of_code_is_a_new_version(airflow, rest, airflow_folder):
    """R41."""
    found = {dag["dag_id"] for dag in rest.get("dags", query={"tags": "gates"})["dags"]}
    assert found == {"r28_gate"}
    text = (
        "from airflow_linepipe import LinepipeDag\n"
        "from linepipe.node import Node\n"
        "from linepipe.pipeline import Pipeline\n"
        "NODES = [Node(int, [], ['a'])]\n"
        "dag = LinepipeDag('r41_version', pipeline=Pipeline(NODES), schedule=None)\n"
    )
    file = airflow_folder / "dags" / "r41.py"
    file.write_text(text)
    airflow.wait_for_dag("r41_version", timeout=120)
    first = Finished(airflow, "r41_version", airflow.trigger("r41_version"))
    file.write_text(text.replace("['a'])]", "['a']), Node(str, ['a'], ['b'])]"))
    deadline = time.monotonic() + 120
    while rest.get("dags", "r41_version", "dagVersions")["total_entries"] < 2:
        assert time.monotonic() < deadline, "the change was not seen"
        time.sleep(0.5)
    second = Finished(airflow, "r41_version", airflow.trigger("r41_version"))
    numbers = [
        [
            version["version_number"]
            for version in rest.get("dags", "r41_version", "dagRuns", run.run_id)["dag_versions"]
        ]
        for run in (first, second)
    ]
    assert numbers == [[1], [2]]
    assert (len(first.tasks), len(second.tasks)) == (1, 2)
