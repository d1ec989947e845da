from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from math import fsum
from pathlib import Path

import flights
import pytest
from flights.pipeline import CONFIG, NODES, FlightsConfig, pipeline
from flights_oracle import expected_month
from linepipe.pipeline import Pipeline

PACKAGE = Path(flights.__file__).parent


def test_the_features_of_a_month_agree_with_the_raw_files(real_month):
    features = real_month.features
    history = features["delay_history"].dropna()
    found = {
        "rows": len(features),
        "arr_delay_sum": features["arr_delay"].sum(),
        "late_flights": features["late"].sum(),
        "tailnums": features["tailnum"].nunique(),
        "delay_history_count": len(history),
        "delay_history_sum": fsum(history),
        "temp_sum": fsum(features["temp"].dropna()),
        "seats_sum": features["seats"].sum(),
    }

    assert {**found, "summary": real_month.summary} == expected_month(real_month.month)


def test_the_pipeline_runs_as_it_stands(caplog):
    caplog.set_level("INFO", logger="linepipe")

    pipeline.run()

    ran = [message for message in caplog.messages if message.startswith("Running node")]
    assert ran == [f"Running node: {node.func.__name__}" for node in NODES]
    assert pipeline.runtime_constants == {"month": "2013-01"}


def test_every_input_is_made_by_a_node_before_or_given():
    known = {"month", "config.flight_rules", "config.weather_rules", "config.window"}
    for node in NODES:
        assert set(node.inputs) <= known, node.func.__name__
        known |= set(node.outputs)

    assert {"features", "summary"} <= known


def test_four_branches_start_on_their_own():
    given = {"month"}
    roots = [node.func.__name__ for node in NODES if set(node.inputs) <= given]

    assert roots == ["extract_flights", "extract_weather", "extract_planes", "extract_airports"]


def test_the_settings_reach_the_nodes():
    config = replace(
        CONFIG,
        flight_rules=replace(CONFIG.flight_rules, most_late=60),
        weather_rules=replace(CONFIG.weather_rules, hottest=30.0),
        window=1,
    )
    other = Pipeline(NODES, config=config, month="2013-02", track_history=True)
    other.run()
    features = next(step["outputs"]["features"] for step in other.history if "features" in step["outputs"])

    assert features["arr_delay"].max() == 60
    assert features["temp"].max() <= 30
    assert features["delay_history"].isna().mean() > 0.05


def test_settings_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        CONFIG.window = 1

    assert FlightsConfig() == CONFIG


def test_importing_the_pipeline_imports_nothing_heavy():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import flights.pipeline, flights.warehouse; "
        "print(sorted({'airflow', 'airflow_linepipe', 'numpy', 'pandas', 'sqlalchemy'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(PACKAGE.parent)]

    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize("module", sorted(PACKAGE.rglob("*.py")), ids=lambda module: module.name)
def test_no_module_looks_like_a_dag_file(module):
    assert "airflow" not in module.read_text(encoding="utf-8").lower()


def test_the_dag_folder_ignores_the_package():
    assert "flights/" in (PACKAGE.parent / ".airflowignore").read_text(encoding="utf-8").splitlines()
