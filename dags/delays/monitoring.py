"""What the champion's predictions were worth, once it is known what happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from delays.drift import DriftRules
from delays.evaluation import score_predictions
from delays.history import extract_history
from delays.model import predict
from delays.registry import RegistryError, Version, load_models, read_version, roll_back

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringRules:
    """When the numbers are a reason to act.

    Attributes:
        floor: The ``r2`` below which something else than age must be wrong with a model or its data.
        coverage: The least share of flights that must have been predicted, from 0 to 1.
        regret: How much better, in ``r2``, the version before may have been.
        loss: How much of the ``r2`` that it had when it was put into service a model may lose.
        weeks: In how many of a month's weeks it may lose as much.
        drift: What counts as a drift.
    """

    floor: float = 0.5
    coverage: float = 0.95
    regret: float = 0.01
    loss: float = 0.02
    weeks: int = 2
    drift: DriftRules = field(default_factory=DriftRules)


def find_version(served: pd.DataFrame) -> int:
    """Tell which version has predicted.

    Args:
        served: As ``read_served`` returns it.

    Returns:
        The version's number.

    Raises:
        ValueError: No flight was predicted, or several versions have.
    """
    versions = [int(version) for version in served["version"].dropna().unique()]
    if not versions:
        msg = (
            "No flight of the month has a prediction: run the DAG mlops for it first, "
            "unless its champion has learned from that month."
        )
        raise ValueError(msg)
    if len(versions) != 1:
        msg = f"The predictions are of {len(versions)} versions ({versions}) and not of one: serve the month again."
        raise ValueError(msg)
    return versions[0]


def measure_performance(served: pd.DataFrame, tracking_uri: str) -> dict[str, Any]:
    """Compare the predictions with what happened, and with what the previous version would have predicted.

    Args:
        served: As ``read_served`` returns it.
        tracking_uri: Where models are kept.

    Returns:
        The scores of ``score_predictions``; the ``version``; ``coverage``, the share of flights that were predicted;
        ``expected``, the ``r2`` that the version was put into service with, and how much of it is lost, ``loss``; the
        ``r2`` and ``losses`` of each of the month's ``weeks``; and ``previous``, the ``version`` before and how much
        better its ``r2`` is, ``gain``: NaN if there was none, if it is no more, or if it has seen what happened.
    """
    version = read_version(tracking_uri, find_version(served))
    judged = served.dropna(subset=["predicted_delay"]).reset_index(drop=True)
    scores = score_predictions(judged)
    weeks = [score_predictions(week)["r2"] for _, week in judged.groupby((judged["day"] - 1) // 7)]
    previous = _score_previous(version, judged, tracking_uri)
    return {
        **scores,
        "version": version.number,
        "coverage": len(judged) / len(served),
        "expected": version.score,
        "loss": version.score - scores["r2"],
        "weeks": {"r2": weeks, "losses": [version.score - r2 for r2 in weeks]},
        "previous": {"version": version.replaced, "gain": previous - scores["r2"]},
    }


def read_reference(warehouse: Engine, served: pd.DataFrame, tracking_uri: str, months: int) -> pd.DataFrame:
    """Read the flights that the version in service has learned from.

    Args:
        warehouse: Where the features are.
        served: As ``read_served`` returns it.
        tracking_uri: Where models are kept.
        months: How many months before the predictions a version learns from.

    Returns:
        The flights of the latest ``months`` months that the version has seen, as ``extract_history`` returns them.
    """
    version = read_version(tracking_uri, find_version(served))
    return extract_history(warehouse, version.months[-1], months)


def _score_previous(version: Version, judged: pd.DataFrame, tracking_uri: str) -> float:
    try:
        before = read_version(tracking_uri, version.replaced)
    except RegistryError:
        return float("nan")
    if judged["scheduled_at"].min() < before.learned_until:
        return float("nan")
    told = predict(*load_models(tracking_uri, before), judged)
    return float(score_predictions(judged.assign(**told.drop(columns="flight_id")))["r2"])


def withdraw(tracking_uri: str, report: dict[str, Any]) -> dict[str, int]:
    """Roll back the version that a report is about; see ``delays.registry.roll_back``."""
    return roll_back(tracking_uri, report["performance"]["version"])


def conclude(performance: dict[str, Any], drift: dict[str, Any], rules: MonitoringRules, month: str) -> dict[str, Any]:
    """Put everything into one report that a policy can decide upon.

    Args:
        performance: As ``measure_performance`` returns it.
        drift: As ``detect_drift`` returns it.
        rules: When the numbers are a reason to act.
        month: The month, as ``YYYY-MM``.

    Returns:
        The ``month``, the ``performance``, of the ``drift`` what was ``found``, how many columns that are and whether
        the ``target`` is among them; and ``reasons``, each 1 or 0: whether something is ``suspect`` (the score below
        the floor, or flights without a prediction), whether the version is one to ``regret``, and whether it is
        ``worn`` (over the month and in as many weeks).
    """
    lost = sum(loss > rules.loss for loss in performance["weeks"]["losses"])
    reasons = {
        # Turned around, so that a NaN is suspect.
        "suspect": not (performance["r2"] >= rules.floor and performance["coverage"] >= rules.coverage),
        "regret": performance["previous"]["gain"] > rules.regret,
        "worn": performance["loss"] > rules.loss and lost >= rules.weeks,
    }
    return {
        "month": month,
        "performance": performance,
        "drift": {"found": drift["found"], "count": drift["count"], "target": drift["target"]},
        "reasons": {name: int(holds) for name, holds in reasons.items()},
    }
