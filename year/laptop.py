"""The year without Airflow: the same functions, called one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from delays.chronicle import record
from delays.composing import (
    augment,
    balance,
    check_labels,
    extract_old,
    guard,
    keep_for_evaluation,
    label,
    queue_uncertain,
    weigh,
)
from delays.drift import detect_drift
from delays.evaluation import evaluate
from delays.history import extract_history
from delays.model import fit_delay, fit_late
from delays.monitoring import conclude, measure_performance, read_reference, withdraw
from delays.pipelines import UpdateConfig
from delays.registry import register, track
from delays.search import search
from delays.serving import read_served, serve, survey
from delays.training import TrainingConfig, evaluate_champion, gather, take_apart
from flights.cleaning import clean_flights, clean_weather
from flights.features import compute_features
from flights.joining import join_airports, join_planes, join_weather
from flights.pipeline import CONFIG
from flights.source import extract_airports, extract_flights, extract_planes, extract_weather
from flights.warehouse import create_table, replace_month
from sqlalchemy import create_engine

from demo.model import read_months

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from sqlalchemy import Engine

_LEAST_GAIN = 0.005  # as dags/mlops.py asks
_TRAINING = TrainingConfig()
_UPDATE = UpdateConfig()


def replay(folder: Path, months: Sequence[str], *, person: str = "continue") -> list[dict[str, Any]]:
    """Live through the months as the three DAGs do.

    Args:
        folder: Where the warehouse and the models are made.
        months: The months, as ``YYYY-MM`` and in their order.
        person: What a person answers who is asked: "continue", "improve" or "rollback".

    Returns:
        What the warehouse says of the months; see `demo.model.read_months`.
    """
    folder.mkdir(parents=True)
    warehouse = create_engine(f"sqlite:///{folder}/warehouse.db")
    tracking_uri = f"sqlite:///{folder}/mlflow.db"
    for month in months:
        load_month(warehouse, month)
        situation = survey(warehouse, tracking_uri, month, None, _TRAINING.months, "False")
        if situation["champion"]:
            serve(warehouse, tracking_uri, month)
            _update(warehouse, tracking_uri, month, person)
        elif not situation["missing"]:
            _train(warehouse, tracking_uri, month, None)
    year = read_months(warehouse)
    warehouse.dispose()
    return year


def load_month(warehouse: Engine, month: str) -> None:
    """As ``dataops``."""
    flights = clean_flights(extract_flights(month), CONFIG.flight_rules)
    weather = clean_weather(extract_weather(month), CONFIG.weather_rules)
    joined = join_airports(join_planes(join_weather(flights, weather), extract_planes()), extract_airports())
    with warehouse.begin() as connection:
        create_table(connection)
        replace_month(connection, compute_features(joined, CONFIG.window), month)


def _train(warehouse: Engine, tracking_uri: str, month: str, composed: pd.DataFrame | None) -> None:
    """As ``mlops``, where there is something to learn."""
    training_set = gather(warehouse, month, composed, _TRAINING.months, _TRAINING.days)
    train, evaluation = take_apart(training_set)
    parameters, trials = search(train, _TRAINING.space, _TRAINING.parameters)
    models = fit_delay(train, parameters), fit_late(train, parameters)
    metrics = evaluate(*models, evaluation)
    champion = evaluate_champion(tracking_uri, evaluation)
    run = track(tracking_uri, f"laptop {month}", *models, evaluation, parameters, metrics, trials)
    better = metrics["r2"] - champion.get("r2", float("-inf")) >= _LEAST_GAIN
    if better and metrics["behaviour"]["passed"] >= 1:
        register(tracking_uri, run, training_set, metrics)
        serve(warehouse, tracking_uri, month)


def _update(warehouse: Engine, tracking_uri: str, month: str, person: str) -> None:
    """As ``mlops_update``."""
    rules = _UPDATE.monitoring
    served = read_served(warehouse, month)
    performance = measure_performance(served, tracking_uri)
    reference = read_reference(warehouse, served, tracking_uri, _UPDATE.months)
    report = conclude(performance, detect_drift(reference, served, rules.drift), rules, month)
    reasons = report["reasons"]
    policy = (
        "inspect" if reasons["suspect"]
        else "rollback" if reasons["regret"]
        else "improve" if reasons["worn"]
        else "continue"
    )  # fmt: skip
    way = person if policy == "inspect" else policy
    if way == "rollback":
        withdraw(tracking_uri, report)
        serve(warehouse, tracking_uri, month)
    elif way == "improve":
        _train(warehouse, tracking_uri, month, _compose(warehouse, month, served))
    record(warehouse, tracking_uri, report, policy)


def _compose(warehouse: Engine, month: str, served: pd.DataFrame) -> pd.DataFrame:
    rules = _UPDATE.composition
    good, _ = check_labels(label(extract_history(warehouse, month, _UPDATE.months), served), rules)
    fresh, evaluation = keep_for_evaluation(good, _UPDATE.days)
    weighed = weigh(fresh, queue_uncertain(fresh, rules))
    old, _ = check_labels(extract_old(warehouse, month, _UPDATE.months, _UPDATE.reach), rules)
    return guard(augment(balance(weighed, rules), rules), old, evaluation, rules)
