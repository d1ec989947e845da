"""A small search for the parameters: each candidate is trained on the past and judged on what came after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from delays.model import AT_DEPARTURE, Parameters, fit_delay, select
from delays.split import split_by_time

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSpace:
    """What is tried, each with each.

    Attributes:
        learning_rates: How much of each tree counts.
        leaves: Leaves of a tree, at most.
        days: Latest days of the training set on which the candidates are judged.
    """

    learning_rates: tuple[float, ...] = (0.05, 0.1)
    leaves: tuple[int, ...] = (15, 31)
    days: int = 7


def search(train: pd.DataFrame, space: SearchSpace, parameters: Parameters) -> tuple[Parameters, pd.DataFrame]:
    """Find the best parameters of the model of the delay.

    Args:
        train: The training set: one row per flight with ``AT_DEPARTURE``, ``arr_delay``, ``weight``, ``scheduled_at``
            and ``known_at``.
        space: What is tried.
        parameters: What is not tried: the number of trees, and the seed.

    Returns:
        The best parameters, of equally good ones the first; and one row per candidate in the order of trying, with
        ``learning_rate``, ``leaves`` and the ``mae`` in minutes on the latest ``space.days`` days.

    Raises:
        ValueError: There is nothing to try, or the training set is shorter than these days.
    """
    import pandas as pd
    from sklearn.metrics import mean_absolute_error

    candidates = [
        replace(parameters, learning_rate=rate, leaves=leaves)
        for rate, leaves in product(space.learning_rates, space.leaves)
    ]
    if not candidates:
        msg = "The search has nothing to try: give learning_rates and leaves, one or more of each."
        raise ValueError(msg)
    past, after = split_by_time(train, space.days)
    known = select(after, AT_DEPARTURE)
    errors = [
        float(mean_absolute_error(after["arr_delay"], fit_delay(past, candidate).predict(known)))
        for candidate in candidates
    ]
    trials = pd.DataFrame(
        {
            "learning_rate": [candidate.learning_rate for candidate in candidates],
            "leaves": [candidate.leaves for candidate in candidates],
            "mae": errors,
        }
    )
    return candidates[errors.index(min(errors))], trials
