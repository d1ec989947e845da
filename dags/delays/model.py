"""The two models: the delay at arrival once a flight has left, and before that whether it will be late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

CATEGORIES = ("carrier", "origin", "dest")
"""What a model knows of a flight as a word."""

NUMBERS = (
    "hour",
    "day_of_week",
    "distance",
    "dest_lat",
    "dest_lon",
    "temp",
    "wind_speed",
    "precip",
    "visib",
    "plane_age",
    "seats",
    "delay_history",
    "route_history",
)
"""What is known as a number when a flight is to leave."""

BEFORE = (*CATEGORIES, *NUMBERS)
"""What the model of late flights knows."""

AT_DEPARTURE = (*BEFORE, "dep_delay")
"""What the model of the delay knows: how late the flight has left, too."""


_MOST_WORDS = 255  # scikit-learn's histograms have as many bins


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """How trees are boosted.

    Attributes:
        learning_rate: How much of each tree counts, above 0.
        leaves: Leaves of a tree, at most.
        iterations: How many trees.
        seed: What makes the same model twice.
    """

    learning_rate: float = 0.1
    leaves: int = 31
    iterations: int = 120
    seed: int = 0


def fit_delay(train: pd.DataFrame, parameters: Parameters) -> Pipeline:
    """Train the model of the delay at arrival.

    Args:
        train: One row per flight with ``AT_DEPARTURE``, the label ``arr_delay`` in minutes, and a ``weight``.
        parameters: How.

    Returns:
        A regressor for tables with ``AT_DEPARTURE``.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    return _fit(HistGradientBoostingRegressor, train, AT_DEPARTURE, "arr_delay", parameters)


def fit_late(train: pd.DataFrame, parameters: Parameters) -> Pipeline:
    """Train the model of late flights.

    Args:
        train: One row per flight with ``BEFORE``, the label ``late``, and a ``weight``.
        parameters: How.

    Returns:
        A classifier for tables with ``BEFORE``.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return _fit(HistGradientBoostingClassifier, train, BEFORE, "late", parameters)


def predict(delay_model: Pipeline, late_model: Pipeline, flights: pd.DataFrame) -> pd.DataFrame:
    """Predict both.

    Args:
        delay_model: As ``fit_delay`` returns it.
        late_model: As ``fit_late`` returns it.
        flights: One row per flight with ``flight_id`` and ``AT_DEPARTURE``.

    Returns:
        One row per flight, in their order: ``flight_id``, the ``predicted_delay`` in minutes, and
        ``predicted_late``, how likely it is, from 0 to 1, that the flight is late.
    """
    import pandas as pd

    chances = dict(zip(late_model.classes_, late_model.predict_proba(select(flights, BEFORE)).T, strict=False))
    return pd.DataFrame(
        {
            "flight_id": flights["flight_id"].to_numpy(),
            "predicted_delay": delay_model.predict(select(flights, AT_DEPARTURE)),
            # Where it has seen no late flight, or no other, there is one class only.
            "predicted_late": chances.get(True, 0.0),
        }
    )


def select(flights: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """Take what a model knows.

    Args:
        flights: One row per flight.
        columns: ``BEFORE`` or ``AT_DEPARTURE``.

    Returns:
        These columns, the numbers as ``float64``, so that one may be missing when it was not in training.
    """
    return flights[list(columns)].astype({name: "float64" for name in columns if name not in CATEGORIES})


def _fit(kind: Any, train: pd.DataFrame, columns: tuple[str, ...], label: str, parameters: Parameters) -> Pipeline:
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder
    from threadpoolctl import threadpool_limits

    crowded = [name for name in CATEGORIES if train[name].nunique() > _MOST_WORDS]
    if crowded:
        msg = f"{', '.join(crowded)}: more than {_MOST_WORDS} different words are too many for these trees."
        raise ValueError(msg)
    # A category that was never seen is missing, which the trees know how to deal with.
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    trees = kind(
        learning_rate=parameters.learning_rate,
        max_leaf_nodes=parameters.leaves,
        max_iter=parameters.iterations,
        categorical_features=list(range(len(CATEGORIES))),
        early_stopping=False,
        random_state=parameters.seed,
    )
    model = make_pipeline(make_column_transformer((encoder, list(CATEGORIES)), remainder="passthrough"), trees)
    # Threads add up in an order of their own: the same rows would make another model on another machine.
    with threadpool_limits(limits=1, user_api="openmp"):
        return model.fit(
            select(train, columns), train[label], **{f"{model.steps[-1][0]}__sample_weight": train["weight"]}
        )
