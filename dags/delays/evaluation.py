"""How good the models are: over all, in each slice, and in what they must do whatever they have learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from delays.model import NUMBERS, predict

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

SLICES = ("carrier", "origin", "month")
"""The columns whose values are looked at one by one."""

_FEWEST = 30
_EXAMPLES = 500
_HOUR = 60


def evaluate(delay_model: Pipeline, late_model: Pipeline, evaluation: pd.DataFrame) -> dict[str, Any]:
    """Judge both models on flights that they have not learned from.

    Args:
        delay_model: As ``fit_delay`` returns it.
        late_model: As ``fit_late`` returns it.
        evaluation: One row per flight with features and labels.

    Returns:
        The scores of ``score_predictions``; ``slices``, for each column of ``SLICES`` and each of its values with 30
        flights or more, the ``rows`` and the ``mae``; ``worst_slice``, the ``name`` and ``mae`` of the worst of them;
        and ``behaviour``, what ``check_behaviour`` found, with the share that ``passed``.
    """
    predicted = predict(delay_model, late_model, evaluation).drop(columns="flight_id")
    judged = evaluation.reset_index(drop=True).join(predicted)
    checks = check_behaviour(delay_model, late_model, evaluation)
    slices = {column: score_slices(judged, column) for column in SLICES}
    worst = max(
        ((f"{column}={value}", score["mae"]) for column, found in slices.items() for value, score in found.items()),
        key=lambda named: named[1],
        default=("", float("nan")),
    )
    return {
        **score_predictions(judged),
        "slices": slices,
        "worst_slice": {"name": worst[0], "mae": worst[1]},
        "behaviour": {**checks, "passed": sum(checks.values()) / len(checks)},
    }


def score_predictions(judged: pd.DataFrame) -> dict[str, Any]:
    """Compare predictions with what happened.

    Args:
        judged: One row per flight with ``arr_delay``, ``late``, ``predicted_delay`` and ``predicted_late``.

    Returns:
        ``rows``; of the delay ``r2`` and, in minutes, ``mae``; of being late ``auc``. What cannot be said, such as the
        ``auc`` where no flight was late, is NaN.
    """
    from sklearn.metrics import mean_absolute_error, r2_score, roc_auc_score

    enough = len(judged) > 1
    return {
        "rows": len(judged),
        "r2": float(r2_score(judged["arr_delay"], judged["predicted_delay"])) if enough else float("nan"),
        "mae": float(mean_absolute_error(judged["arr_delay"], judged["predicted_delay"])) if enough else float("nan"),
        "auc": float(roc_auc_score(judged["late"], judged["predicted_late"]))
        if set(judged["late"]) == {False, True}
        else float("nan"),
    }


def score_slices(judged: pd.DataFrame, column: str) -> dict[str, dict[str, float]]:
    """Compare predictions with what happened for each value of a column.

    Args:
        judged: As for ``score_predictions``.
        column: The column.

    Returns:
        For each value with 30 flights or more, as text and in their order, ``rows`` and the ``mae`` in minutes.
    """
    errors = (judged["predicted_delay"] - judged["arr_delay"]).abs()
    found = errors.groupby(judged[column]).agg(["size", "mean"])
    return {
        str(value): {"rows": int(rows), "mae": float(mae)}
        for value, rows, mae in found.itertuples(name=None)
        if rows >= _FEWEST
    }


def check_behaviour(delay_model: Pipeline, late_model: Pipeline, flights: pd.DataFrame) -> dict[str, bool]:
    """Check what any model of delays must do, whatever it has learned.

    Args:
        delay_model: As ``fit_delay`` returns it.
        late_model: As ``fit_late`` returns it.
        flights: One row per flight; the first 500 are looked at.

    Returns:
        Whether flights that leave an hour later arrive, on average, at least half an hour later; whether the order of
        the rows changes nothing; and whether a carrier that was never seen, and numbers that are missing, still give
        predictions.
    """
    import numpy as np

    examples = flights.head(_EXAMPLES)
    usual = predict(delay_model, late_model, examples)

    def told(**changed: Any) -> pd.DataFrame:
        return predict(delay_model, late_model, examples.assign(**changed))

    def is_finite(table: pd.DataFrame) -> bool:
        return bool(np.isfinite(table[["predicted_delay", "predicted_late"]].to_numpy()).all())

    later = told(dep_delay=examples["dep_delay"] + _HOUR)["predicted_delay"]
    backwards = predict(delay_model, late_model, examples.iloc[::-1]).iloc[::-1].reset_index(drop=True)
    return {
        "later_out_later_in": bool((later - usual["predicted_delay"]).mean() >= _HOUR / 2),
        "order_does_not_matter": bool(backwards.equals(usual)),
        "unknown_carrier": is_finite(told(carrier="??")),
        "missing_numbers": is_finite(told(**dict.fromkeys(NUMBERS, float("nan")))),
    }
