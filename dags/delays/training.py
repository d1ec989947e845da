"""The rows that models learn from and are judged on, and what they are compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from delays.evaluation import evaluate
from delays.history import extract_history
from delays.model import AT_DEPARTURE, Parameters
from delays.registry import find_champion, load_models, read_version
from delays.search import SearchSpace
from delays.split import split_by_time

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """The settings of a training.

    Attributes:
        months: How many of the latest months a model learns from.
        days: The latest days of these, which it is judged on.
        space: What the search tries.
        parameters: What it does not try.
    """

    months: int = 2
    days: int = 10
    space: SearchSpace = field(default_factory=SearchSpace)
    parameters: Parameters = field(default_factory=Parameters)


def gather(warehouse: Engine, month: str, composed: pd.DataFrame | None, months: int, days: int) -> pd.DataFrame:
    """Gather the training set.

    Args:
        warehouse: Where the features are.
        month: The last month, as ``YYYY-MM``.
        composed: A training set that was composed already; None to take the latest months as they are.
        months: How many months these are.
        days: The latest days of them, which models are judged on.

    Returns:
        One row per flight with features, labels, ``weight`` and ``part``: "evaluation", or what is learned from.
    """
    import pandas as pd

    if composed is not None:
        check_composed(composed)
        return composed
    fresh, evaluation = split_by_time(extract_history(warehouse, month, months), days)
    parts = {"fresh": fresh, "evaluation": evaluation}
    return pd.concat([rows.assign(weight=1.0, part=part) for part, rows in parts.items()], ignore_index=True)


def check_composed(composed: pd.DataFrame) -> None:
    """Make sure that a set is one to learn from and to be judged on.

    Args:
        composed: What this run was given to train with.

    Raises:
        ValueError: It is something else.
    """
    wanted = {*AT_DEPARTURE, "flight_id", "scheduled_at", "known_at", "arr_delay", "late", "weight", "part"}
    missing = sorted(wanted - set(getattr(composed, "columns", ())))
    if missing:
        msg = f"This run's training_set is no set as mlops_update composes it: it has no {', '.join(missing)}."
        raise ValueError(msg)
    judged = int((composed["part"] == "evaluation").sum())
    if not judged or judged == len(composed):
        msg = f"This run's training_set has {judged} rows to be judged on of {len(composed)}: it needs some of both."
        raise ValueError(msg)


def take_apart(training_set: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Take a training set apart.

    Args:
        training_set: As ``gather`` returns it.

    Returns:
        The rows to learn from, and the rows to be judged on.

    Raises:
        ValueError: A flight is in both.
    """
    is_judged = training_set["part"] == "evaluation"
    train, evaluation = (training_set[rows].reset_index(drop=True) for rows in (~is_judged, is_judged))
    both = set(train["flight_id"]) & set(evaluation["flight_id"])
    if both:
        msg = f"{len(both)} flights would be learned from and judged on, such as {min(both)!r}: keep the parts apart."
        raise ValueError(msg)
    return train, evaluation


def evaluate_champion(tracking_uri: str, evaluation: pd.DataFrame) -> dict[str, Any]:
    """Judge the version in service on the same flights.

    Args:
        tracking_uri: Where models are kept.
        evaluation: The flights to be judged on.

    Returns:
        What ``evaluate`` says of it, and its ``version``; only the version, 0, if there is none.

    Raises:
        ValueError: It has learned from later flights than the first of these.
    """
    number = find_champion(tracking_uri)
    if not number:
        return {"version": 0}
    champion = read_version(tracking_uri, number)
    first = evaluation["scheduled_at"].min()
    if first < champion.learned_until:
        msg = (
            f"Version {number}, which is in service, has learned from what was known until {champion.learned_until}, "
            f"and would be judged on flights since {first}: judge on fewer days, or on later months."
        )
        raise ValueError(msg)
    return {"version": number, **evaluate(*load_models(tracking_uri, champion), evaluation)}
