"""What the predictions were worth, which policy follows from it, and the chronicle."""

from __future__ import annotations

import math
from dataclasses import replace

import mlflow
import pandas as pd
import pytest
from delays.chronicle import file_alert, find_chronicle, record
from delays.drift import DriftRules, detect_drift
from delays.monitoring import MonitoringRules, conclude, find_version, measure_performance, read_reference
from delays.pages import draw_chronicle, report_training
from delays.registry import find_champion, read_version
from delays.serving import read_served, serve
from sklearn.metrics import r2_score
from sqlalchemy import text
from trained import learn

RULES = MonitoringRules()


@pytest.fixture
def watched(warehouse, tracking_uri, learned, load):
    """Serve a month and look at it: ``watched("2013-03", features)`` gives the report."""

    def watch(month, features, rules=RULES):
        load(month, features)
        serve(warehouse, tracking_uri, month)
        served = read_served(warehouse, month)
        performance = measure_performance(served, tracking_uri)
        reference = read_reference(warehouse, served, tracking_uri, 2)
        return conclude(performance, detect_drift(reference, served, rules.drift), rules, month)

    return watch


def holds(report):
    return [name for name, told in report["reasons"].items() if told]


def test_a_month_like_those_before_gives_no_reason(watched, flights_of, warehouse, tracking_uri):
    """R59."""
    report = watched("2013-03", flights_of("2013-03", 1_500))
    performance = report["performance"]
    assert holds(report) == []
    served = read_served(warehouse, "2013-03")
    assert performance["r2"] == r2_score(served["arr_delay"], served["predicted_delay"])
    assert performance["expected"] == read_version(tracking_uri, 1).score
    assert performance["loss"] == performance["expected"] - performance["r2"]
    assert performance["coverage"] == 1.0
    assert performance["version"] == 1
    weeks = performance["weeks"]
    assert len(weeks["r2"]) == 5
    first = served[served["day"] <= 7]
    assert weeks["r2"][0] == r2_score(first["arr_delay"], first["predicted_delay"])
    assert weeks["losses"] == [performance["expected"] - r2 for r2 in weeks["r2"]]
    assert performance["previous"]["version"] == 0
    assert math.isnan(performance["previous"]["gain"])


def test_flights_that_fly_otherwise_wear_a_model(watched, flights_of):
    """R59."""
    report = watched("2013-03", flights_of("2013-03", 1_500, lost=1.0))
    assert holds(report) == ["worn"]
    assert report["drift"]["target"]["drifted"]


def test_a_month_in_another_unit_is_suspect(watched, flights_of):
    seconds = flights_of("2013-03", 1_500)
    report = watched("2013-03", seconds.assign(dep_delay=seconds["dep_delay"] * 60))
    assert "suspect" in holds(report)


def test_flights_without_a_prediction_are_suspect(watched, flights_of, warehouse, tracking_uri, load):
    features = flights_of("2013-03", 1_500)
    watched("2013-03", features.head(1_300))
    load("2013-03", features)
    served = read_served(warehouse, "2013-03")
    performance = measure_performance(served, tracking_uri)
    assert performance["coverage"] == 1_300 / 1_500
    drift = {"found": [], "count": 0, "target": {}}
    assert holds(conclude(performance, drift, RULES, "2013-03")) == ["suspect"]


def test_a_version_that_was_better_before_is_missed(watched, flights_of, load, warehouse, tracking_uri):
    load("2013-03", flights_of("2013-03", 1_500, lost=20.0))
    learn(warehouse, tracking_uri, "2013-03", "of an odd month")
    report = watched("2013-04", flights_of("2013-04", 1_500))
    assert report["performance"]["previous"]["version"] == 1
    assert report["performance"]["previous"]["gain"] > 0.01
    assert "regret" in holds(report)


def test_a_version_that_has_seen_the_month_is_no_measure(watched, flights_of, load, warehouse, tracking_uri):
    """After a way back, the version before may have learned from later flights."""
    load("2013-03", flights_of("2013-03", 1_500))
    load("2013-04", flights_of("2013-04", 1_500))
    learn(warehouse, tracking_uri, "2013-04", "of March and April")
    with warehouse.begin() as connection:
        connection.execute(text("DELETE FROM flight_features WHERE month = 4"))
    learn(warehouse, tracking_uri, "2013-03", "of February and March")
    report = watched("2013-04", flights_of("2013-04", 1_500))
    assert report["performance"]["previous"]["version"] == 2
    assert math.isnan(report["performance"]["previous"]["gain"])


def test_a_version_that_is_no_more_is_no_measure(watched, flights_of, load, warehouse, tracking_uri):
    load("2013-03", flights_of("2013-03", 1_500))
    learn(warehouse, tracking_uri, "2013-03", "second")
    mlflow.MlflowClient(tracking_uri).delete_model_version("flight-delay", "1")
    report = watched("2013-04", flights_of("2013-04", 1_500))
    assert math.isnan(report["performance"]["previous"]["gain"])


PERFORMANCE = {
    "r2": 0.8, "coverage": 1.0, "loss": 0.0, "weeks": {"losses": [0.0] * 5}, "previous": {"gain": 0.0},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "rules", "reasons"),
    [
        ({}, RULES, []),
        ({"r2": 0.499}, RULES, ["suspect"]),
        ({"r2": 0.5}, RULES, []),
        ({"r2": float("nan")}, RULES, ["suspect"]),
        ({"r2": 0.8}, replace(RULES, floor=0.81), ["suspect"]),
        ({"coverage": 0.94}, RULES, ["suspect"]),
        ({"coverage": 0.94}, replace(RULES, coverage=0.9), []),
        ({"previous": {"gain": 0.011}}, RULES, ["regret"]),
        ({"previous": {"gain": 0.011}}, replace(RULES, regret=0.02), []),
        ({"previous": {"gain": float("nan")}}, RULES, []),
        ({"loss": 0.04, "weeks": {"losses": [0.04, 0.04, 0.0, 0.0, 0.0]}}, RULES, ["worn"]),
        ({"loss": 0.04, "weeks": {"losses": [0.2, 0.0, 0.0, 0.0, 0.0]}}, RULES, []),
        ({"loss": 0.02, "weeks": {"losses": [0.04, 0.04, 0.0, 0.0, 0.0]}}, RULES, []),
        ({"loss": 0.04, "weeks": {"losses": [0.04] * 5}}, replace(RULES, loss=0.05), []),
        ({"loss": 0.04, "weeks": {"losses": [0.04, 0.04]}}, replace(RULES, weeks=3), []),
    ],
)
def test_thresholds_decide(changed, rules, reasons):
    """R59: windowed performance against thresholds, which are settings."""
    drift = {"found": ["temp"], "count": 1, "target": {"drifted": False}}
    report = conclude({**PERFORMANCE, **changed}, drift, rules, "2013-03")
    assert holds(report) == reasons
    assert report["drift"] == drift


def test_predictions_of_several_versions_are_refused():
    with pytest.raises(ValueError, match=r"The predictions are of 2 versions \(\[1, 2\]\) and not of one: serve"):
        find_version(pd.DataFrame({"version": [1.0, 2.0, None]}))
    with pytest.raises(ValueError, match="No flight of the month has a prediction: run the DAG mlops for it first"):
        find_version(pd.DataFrame({"version": [None]}))


def test_the_chronicle_has_one_row_a_month(watched, flights_of, warehouse, tracking_uri):
    assert find_chronicle(warehouse).empty
    report = watched("2013-03", flights_of("2013-03", 500), replace(RULES, drift=DriftRules(distance=0.01)))
    for policy in ("inspect", "continue"):
        row = record(warehouse, tracking_uri, report, policy)
    (told,) = find_chronicle(warehouse).to_dict("records")
    assert told == row
    performance = report["performance"]
    assert row == {
        "month": "2013-03",
        "rows": 500,
        "version": 1,
        "r2": performance["r2"],
        "mae": performance["mae"],
        "auc": performance["auc"],
        "drift": " ".join(report["drift"]["found"]),
        "policy": "continue",
        "champion": find_champion(tracking_uri),
    }
    assert "temp" in row["drift"].split()


def test_an_alert_is_filed_once_a_month(watched, flights_of, warehouse):
    report = watched("2013-03", flights_of("2013-03", 500))
    alert = file_alert(warehouse, report)
    assert file_alert(warehouse, report) == alert
    assert alert.startswith(f"2013-03: version 1 has an R² of {report['performance']['r2']:.3f}, ")
    with warehouse.connect() as connection:
        assert connection.execute(text("SELECT * FROM model_alerts")).all() == [("2013-03", alert)]


def test_the_picture_shows_each_month(watched, flights_of, warehouse, tracking_uri):
    for month, policy in (("2013-03", "continue"), ("2013-04", "improve")):
        record(warehouse, tracking_uri, watched(month, flights_of(month, 500)), policy)
    page = draw_chronicle(warehouse).read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "<svg" in page
    assert "<script" not in page
    for word in ("2013-03", "2013-04", "improve", "v1"):
        assert word in page
    assert draw_chronicle(warehouse).read_text() == page


def test_a_report_stands_beside_the_champion(learned):
    trials = pd.DataFrame({"learning_rate": [0.1], "leaves": [31], "mae": [9.5]})
    alone = report_training(learned.metrics, {"version": 0}, trials).read_text()
    assert "no version in service" in alone
    page = report_training(learned.metrics, {"version": 3, **learned.metrics}, trials).read_text()
    for word in ("version 3", "later_out_later_in", "carrier UA", "9.5", f"{learned.metrics['r2']:.4g}"):
        assert word in page
