"""Versions, the champion, the way back, and what is served."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import time
import urllib.request
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from delays.history import extract_history
from delays.model import predict
from delays.registry import (
    CHAMPION,
    MODEL,
    RegistryError,
    find_champion,
    find_tracking_uri,
    list_learned,
    load_models,
    read_version,
    roll_back,
)
from delays.serving import PREDICTIONS, read_served, serve, survey
from delays.training import evaluate_champion
from sqlalchemy import text
from trained import learn

from airflow_linepipe.testing.environment import find_free_ports
from airflow_linepipe.testing.process import WardedProcess


@pytest.fixture
def second(warehouse, tracking_uri, flights_of, load, learned):
    """A second version, of February and March, whose flights fly otherwise."""
    load("2013-03", flights_of("2013-03", 1_500, lost=20.0))
    return learn(warehouse, tracking_uri, "2013-03", "second")


def served_rows(warehouse):
    with warehouse.connect() as connection:
        query = text(f"SELECT * FROM {PREDICTIONS} ORDER BY flight_id")
        return pd.read_sql_query(query, connection)


def test_the_first_version_is_the_champion(tracking_uri, learned):
    assert learned.registered == {"version": 1, "replaced": 0}
    assert find_champion(tracking_uri) == 1
    version = read_version(tracking_uri, 1)
    assert (version.number, version.replaced, version.months) == (1, 0, ("2013-01", "2013-02"))
    assert version.score == learned.metrics["r2"]


def test_what_is_loaded_predicts_as_what_was_trained(warehouse, tracking_uri, learned):
    flights = extract_history(warehouse, "2013-02", 1)
    told = predict(*load_models(tracking_uri, read_version(tracking_uri, 1)), flights)
    pd.testing.assert_frame_equal(told, predict(*learned.models, flights), check_exact=True)


def test_mlflow_knows_what_the_training_has_come_to(tracking_uri, learned):
    client = mlflow.MlflowClient(tracking_uri)
    run = client.get_run(learned.run)
    assert run.data.params == {"learning_rate": "0.1", "leaves": "31", "iterations": "20", "seed": "0"}
    assert run.data.metrics == {name: learned.metrics[name] for name in ("rows", "r2", "mae", "auc")}
    assert {file.path for file in client.list_artifacts(learned.run)} == {"metrics.json", "trials.csv"}
    assert client.get_model_version_by_alias(MODEL, CHAMPION).run_id == learned.run


def test_a_training_is_kept_and_registered_once(warehouse, tracking_uri, learned):
    """As when a task is tried again after its worker has died."""
    again = learn(warehouse, tracking_uri, "2013-02", "first")
    assert (again.run, again.registered) == (learned.run, learned.registered)


def test_other_models_of_the_same_name_are_another_training(warehouse, tracking_uri, learned, load, flights_of):
    """A run that is cleared after its data were mended registers what it has learned now."""
    for month in ("2013-01", "2013-02"):
        load(month, flights_of(month, 1_500, lost=30.0))
    again = learn(warehouse, tracking_uri, "2013-02", "first")
    assert again.run != learned.run
    assert again.registered == {"version": 2, "replaced": 1}
    flights = extract_history(warehouse, "2013-02", 1)
    told = predict(*load_models(tracking_uri, read_version(tracking_uri, 2)), flights)
    pd.testing.assert_frame_equal(told, predict(*again.models, flights), check_exact=True)


def test_a_training_may_be_called_anything(warehouse, tracking_uri, learned):
    assert learn(warehouse, tracking_uri, "2013-02", 'it\'s "odd" %20').registered["version"] == 2


def test_a_new_version_replaces_the_champion_and_a_way_leads_back(tracking_uri, second):
    assert second.registered == {"version": 2, "replaced": 1}
    assert find_champion(tracking_uri) == 2
    for _ in range(2):  # a task that is tried again goes no further back
        assert roll_back(tracking_uri, 2) == {"version": 1, "gone": 2}
        assert find_champion(tracking_uri) == 1
    with pytest.raises(RegistryError, match="Version 1 of flight-delay has replaced none: there is nothing to roll"):
        roll_back(tracking_uri, 1)


def test_a_version_after_a_way_back_replaces_the_one_in_service(warehouse, tracking_uri, second, load, flights_of):
    roll_back(tracking_uri, 2)
    load("2013-04", flights_of("2013-04", 1_500))
    assert learn(warehouse, tracking_uri, "2013-04", "third").registered == {"version": 3, "replaced": 1}
    # What has gone already does not take its successor with it.
    assert roll_back(tracking_uri, 2) == {"version": 3, "gone": 2}


def test_rollback_restores_exactly_the_previous_predictions(warehouse, tracking_uri, learned, load, flights_of):
    load("2013-03", flights_of("2013-03", 1_500, lost=20.0))
    load("2013-04", flights_of("2013-04", 900, lost=20.0))
    assert serve(warehouse, tracking_uri, "2013-04") == {"version": 1, "month": "2013-04", "rows": 900}
    first = served_rows(warehouse)
    learn(warehouse, tracking_uri, "2013-03", "second")
    assert serve(warehouse, tracking_uri, "2013-04") == {"version": 2, "month": "2013-04", "rows": 900}
    other = served_rows(warehouse)
    assert (other["predicted_delay"] != first["predicted_delay"]).mean() > 0.9
    roll_back(tracking_uri, 2)
    serve(warehouse, tracking_uri, "2013-04")
    pd.testing.assert_frame_equal(served_rows(warehouse), first, check_exact=True)


def test_serving_a_month_twice_changes_nothing(warehouse, tracking_uri, learned, load, flights_of):
    load("2013-03", flights_of("2013-03", 500))
    serve(warehouse, tracking_uri, "2013-03")
    once = served_rows(warehouse)
    serve(warehouse, tracking_uri, "2013-03")
    pd.testing.assert_frame_equal(served_rows(warehouse), once, check_exact=True)


def test_a_version_does_not_predict_what_it_has_seen(warehouse, tracking_uri, learned):
    for month in ("2013-01", "2013-02"):
        assert serve(warehouse, tracking_uri, month) == {"version": 1, "month": month, "rows": 0}
    assert read_served(warehouse, "2013-02")["predicted_delay"].isna().all()


def test_predictions_stand_beside_what_happened(warehouse, tracking_uri, learned, load, flights_of):
    load("2013-03", flights_of("2013-03", 500))
    serve(warehouse, tracking_uri, "2013-03")
    served = read_served(warehouse, "2013-03")
    told = predict(*load_models(tracking_uri, read_version(tracking_uri, 1)), served)
    assert served["predicted_delay"].tolist() == told["predicted_delay"].tolist()
    assert set(served["version"]) == {1}


def test_without_a_champion_nothing_is_served(warehouse, tracking_uri, load, flights_of):
    load("2013-01", flights_of("2013-01", 100))
    assert find_champion(tracking_uri) == 0
    with pytest.raises(RegistryError, match="has no version 0 of flight-delay: run the DAG mlops first"):
        serve(warehouse, tracking_uri, "2013-01")
    with pytest.raises(RegistryError, match="has no version 0 of flight-delay"):
        roll_back(tracking_uri, 0)


def test_the_champion_is_judged_on_the_same_flights(warehouse, tracking_uri, learned):
    from delays.evaluation import evaluate

    flights = extract_history(warehouse, "2013-02", 1)
    unseen = flights[flights["scheduled_at"] >= read_version(tracking_uri, 1).learned_until]
    assert evaluate_champion(tracking_uri, unseen) == {"version": 1, **evaluate(*learned.models, unseen)}
    with pytest.raises(ValueError, match="Version 1, which is in service, has learned from what was known until 2013"):
        evaluate_champion(tracking_uri, flights)


def test_where_there_is_no_champion_there_is_nothing_to_beat(tracking_uri):
    assert evaluate_champion(tracking_uri, pd.DataFrame()) == {"version": 0}


def test_what_there_is_is_counted(warehouse, tracking_uri, learned, load, flights_of):
    load("2013-03", flights_of("2013-03", 100))
    assert survey(warehouse, tracking_uri, "2013-03", None, 2, "False") == {"missing": 0, "wanted": 0, "champion": 1}
    assert survey(warehouse, tracking_uri, "2013-03", None, 2, "True") == {"missing": 0, "wanted": 1, "champion": 1}
    some = learned.training_set
    assert survey(warehouse, tracking_uri, "2013-01", some, 3, "False") == {"missing": 2, "wanted": 1, "champion": 1}
    with pytest.raises(ValueError, match="has no flight of 2013-04, the month of this run: run the DAG dataops for it"):
        survey(warehouse, tracking_uri, "2013-04", None, 2, "False")


def test_months_are_listed_once():
    table = pd.DataFrame({"year": [2013, 2012, 2013], "month": [2, 12, 2]})
    assert list_learned(table) == ["2012-12", "2013-02"]


def test_models_are_kept_where_mlflow_is_told_or_in_airflows_home(monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert find_tracking_uri() == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert find_tracking_uri() == "http://127.0.0.1:5000"


def test_where_models_are_kept_is_the_same_before_and_after(tmp_path, monkeypatch, empty_registry):
    """MLflow writes what it is told into the environment."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "mlflow").mkdir()
    shutil.copy(empty_registry, tmp_path / "mlflow" / "mlflow.db")
    before = find_tracking_uri()
    assert find_champion(before) == 0
    assert find_tracking_uri() == before
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert find_champion(before) == 0
    assert find_tracking_uri() == "http://127.0.0.1:5000"


def test_a_relative_address_will_do(warehouse, tmp_path, monkeypatch, empty_registry, flights_of, load):
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_registry, "models.db")
    for month in ("2013-01", "2013-02"):
        load(month, flights_of(month, 1_500))
    assert learn(warehouse, "sqlite:///models.db", "2013-02", "first").registered["version"] == 1
    assert list((tmp_path / "artifacts").rglob("model.skops"))


@pytest.mark.parametrize("sign", ["?", "%", "#"])
def test_an_address_that_mlflow_would_read_otherwise_is_refused(tmp_path, sign):
    with pytest.raises(ValueError, match=f"an address has no {re.escape(sign)}. Choose another folder."):
        find_champion(f"sqlite:///{tmp_path}/a{sign}20b/mlflow.db")
    assert not list(tmp_path.iterdir())


def test_a_version_of_somebody_elses_is_named(tracking_uri, learned):
    client = mlflow.MlflowClient(tracking_uri)
    client.delete_model_version_tag(MODEL, "1", "replaced")
    with pytest.raises(RegistryError, match="Version 1 of flight-delay was not registered by the DAG mlops: it has no"):
        read_version(tracking_uri, 1)


def test_nobody_goes_back_to_a_version_that_is_no_more(tracking_uri, second):
    mlflow.MlflowClient(tracking_uri).delete_model_version(MODEL, "1")
    with pytest.raises(RegistryError, match="has no version 1 of flight-delay"):
        roll_back(tracking_uri, 2)
    assert find_champion(tracking_uri) == 2


def test_nobody_goes_back_to_models_that_are_no_more(tracking_uri, second, tmp_path):
    model = mlflow.MlflowClient(tracking_uri).get_logged_model(read_version(tracking_uri, 1).delay_model[8:])
    shutil.rmtree(model.artifact_location.removeprefix("file://"))
    with pytest.raises(mlflow.exceptions.MlflowException):
        roll_back(tracking_uri, 2)
    assert find_champion(tracking_uri) == 2


@pytest.mark.server
@pytest.mark.timeout(300)
def test_a_server_keeps_models_too(warehouse, tmp_path, empty_registry, flights_of, load):
    """As docs/mlops.md starts it."""
    shutil.copy(empty_registry, tmp_path / "server.db")
    port = find_free_ports()[0]
    command = [
        str(Path(sys.executable).parent / "mlflow"), "server", "--backend-store-uri", f"sqlite:///{tmp_path}/server.db",
        "--artifacts-destination", (tmp_path / "kept").as_uri(), "--host", "127.0.0.1", "--port", str(port),
        "--workers", "1",
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    for month in ("2013-01", "2013-02", "2013-03"):
        load(month, flights_of(month, 1_500))
    server = WardedProcess(command, environment=environment, log_file=tmp_path / "server.log", grace=5.0)
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while not is_up(f"{address}/health"):
            server.check()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        learned = learn(warehouse, address, "2013-02", "first")
        assert learned.registered == {"version": 1, "replaced": 0}
        assert serve(warehouse, address, "2013-03")["rows"] == 1_500
        assert learn(warehouse, address, "2013-03", "second").registered == {"version": 2, "replaced": 1}
        assert roll_back(address, 2) == {"version": 1, "gone": 2}
    finally:
        server.stop()
    assert list((tmp_path / "kept").rglob("model.skops"))


def is_up(address):
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


def test_artifacts_lie_beside_the_database(tracking_uri, learned, tmp_path, monkeypatch):
    assert list((tmp_path / "mlflow" / "artifacts").rglob("model.skops"))
    assert not Path("mlruns").exists()


def python(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "dags")},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_without_mlflow_one_sentence_says_what_to_install():
    told = python(
        """
        import sys
        sys.modules["mlflow"] = None
        from delays.registry import find_champion
        find_champion("sqlite:///x.db")
        """
    )
    assert told.splitlines()[-1] == (
        "ModuleNotFoundError: Models are kept in MLflow, which is not installed: pip install 'airflow-linepipe[mlflow]'"
    )


def test_nothing_is_looked_up_in_the_network(tmp_path):
    """No telemetry, no requirements, no download: whoever asks for a name or an address fails."""
    code = """
        import socket, sys
        def refuse(*arguments, **named):
            raise SystemExit(f"looked up {arguments}")
        socket.getaddrinfo = socket.create_connection = refuse
        socket.socket.connect = refuse
        import threading
        threading.excepthook = lambda failed: print("thread", failed.exc_value)
        import pandas as pd
        from delays.model import AT_DEPARTURE, CATEGORIES, Parameters, fit_delay, fit_late
        from delays.registry import find_champion, load_models, read_version, register, track
        rows = pd.DataFrame({name: ["a", "b"] * 20 if name in CATEGORIES else [1.0, 2.0] * 20 for name in AT_DEPARTURE})
        rows = rows.assign(
            flight_id="x", arr_delay=[1, 30] * 20, late=[False, True] * 20, weight=1.0, year=2013, month=1,
            part="fresh", known_at=pd.Timestamp("2013-02-01", tz="UTC"),
        )
        models = fit_delay(rows, Parameters(iterations=2)), fit_late(rows, Parameters(iterations=2))
        metrics = {"rows": 2, "r2": 0.5, "mae": 1.0, "auc": 0.5}
        uri = sys.argv[1]
        run = track(uri, "t", *models, rows, Parameters(), metrics, pd.DataFrame({"mae": [1.0]}))
        register(uri, run, rows, metrics)
        version = read_version(uri, find_champion(uri))
        load_models(uri, version)
        print("version", version.number)
    """
    told = python(code, f"sqlite:///{tmp_path}/mlflow.db")
    assert "version 1" in told
    assert "looked up" not in told
    assert "thread" not in told
    assert "Warning" not in told
