"""``dags/mlops.py`` and ``dags/mlops_update.py`` by dag.test(): settings of a run, and what goes wrong."""

from __future__ import annotations

import mlflow
import pytest
from delays.chronicle import find_chronicle
from delays.registry import MODEL, find_champion
from delays.serving import serve
from flights.warehouse import create_table, replace_month
from made_flights import make_flights
from trained import learn

FEW = {"training.config.parameters.iterations": 30, "training.config.space.leaves": [4]}


@pytest.fixture
def warehouse(sqlite_warehouse):
    return sqlite_warehouse


@pytest.fixture
def load(warehouse):
    def put(month, rows=1_500, **how):
        with warehouse.begin() as connection:
            create_table(connection)
            replace_month(connection, make_flights(month, rows, **how), month)

    return put


@pytest.fixture
def registry(example_dags):
    """Where the DAGs keep models, below the home of the tests' Airflow; without what another test has left."""
    address = example_dags["mlops"].get_task("survey").inputs["tracking_uri"]
    if find_champion(address):
        mlflow.MlflowClient(address).delete_registered_model(MODEL)
    return address


def states(run):
    return {task_id: str(task.state) for (task_id, _), task in run.tasks.items()}


def test_thresholds_and_settings_are_params(example_dags):
    """R59."""
    for dag_id, names in {
        "mlops": ("training.config.months", "training.config.space.leaves", "training.config.parameters.seed"),
        "mlops_update": (
            "monitoring.config.monitoring.floor",
            "monitoring.config.monitoring.regret",
            "monitoring.config.monitoring.loss",
            "monitoring.config.monitoring.weeks",
            "monitoring.config.monitoring.drift.significance",
            "monitoring.config.monitoring.drift.distance",
            "composing.config.composition.old_share",
        ),
    }.items():
        assert set(names) <= set(example_dags[dag_id].params)


def test_a_run_has_its_own_settings(example_dags, run_dag, warehouse, load, registry):
    for month in ("2013-01", "2013-02"):
        load(month)
    run = run_dag(example_dags["mlops"], conf={"month": "2013-02", "train": True, **FEW})
    assert run.state == "success"
    assert states(run)["register"] == "success"
    assert run.value("register") == {"version": 1, "replaced": 0}
    parameters = run.value("training.search", "parameters")
    assert (parameters.iterations, parameters.leaves) == (30, 4)


@pytest.mark.parametrize(("regret", "way"), [(-10.0, "roll_back"), (10.0, "file_alert")])
def test_a_threshold_of_a_run_decides(example_dags, run_dag, warehouse, load, registry, tmp_path, regret, way):
    """R59."""
    for number in range(1, 5):
        load(f"2013-0{number}")
    learn(warehouse, registry, "2013-02", f"first of {tmp_path}")
    first = find_champion(registry)
    learn(warehouse, registry, "2013-03", f"second of {tmp_path}")
    serve(warehouse, registry, "2013-04")
    conf = {"month": "2013-04", "monitoring.config.monitoring.regret": regret, "monitoring.config.monitoring.loss": 1.0}
    run = run_dag(example_dags["mlops_update"], conf=conf)
    assert run.state == "success"
    ways = {name for name in ("roll_back", "file_alert", "retrain", "ask") if states(run)[name] == "success"}
    assert ways == {way}
    assert (find_champion(registry) == first) is (way == "roll_back")
    (month,) = find_chronicle(warehouse).to_dict("records")
    assert month["policy"] == {"roll_back": "rollback", "file_alert": "continue"}[way]


def test_a_month_that_is_not_loaded_is_named(example_dags, run_dag, warehouse, load, caplog):
    load("2013-01")
    run = run_dag(example_dags["mlops"], conf={"month": "2013-09"})
    assert states(run)["survey"] == "failed"
    assert "has no flight of 2013-09, the month of this run: run the DAG dataops for it first." in caplog.text


def test_a_month_that_nobody_has_predicted_is_named(example_dags, run_dag, warehouse, load, caplog):
    load("2013-01")
    run = run_dag(example_dags["mlops_update"], conf={"month": "2013-01"})
    assert states(run)["monitoring.pipeline"] == "failed"
    assert "No flight of the month has a prediction: run the DAG mlops for it first, unless its champion" in caplog.text
