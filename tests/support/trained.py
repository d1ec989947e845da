"""A version of the models of delays, made quickly."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
from delays.evaluation import evaluate
from delays.model import Parameters, fit_delay, fit_late
from delays.registry import register, track
from delays.training import gather, take_apart


def learn(warehouse, tracking_uri, month, training, composed=None):
    """Learn from two months of the warehouse and put what was learned into service."""
    training_set = gather(warehouse, month, composed, 2, 10)
    train, evaluation = take_apart(training_set)
    parameters = Parameters(iterations=20)
    models = fit_delay(train, parameters), fit_late(train, parameters)
    metrics = evaluate(*models, evaluation)
    run = track(tracking_uri, training, *models, evaluation, parameters, metrics, pd.DataFrame({"mae": [1.0]}))
    registered = register(tracking_uri, run, training_set, metrics)
    return SimpleNamespace(metrics=metrics, run=run, registered=registered, models=models, training_set=training_set)
