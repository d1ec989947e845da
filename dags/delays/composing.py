"""The set that a model is retrained with: fresh labels, the uncertain first, rare slices in, old times kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from delays.history import find_history, list_months
from delays.model import CATEGORIES
from delays.split import split_by_time

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositionRules:
    """How the retraining set is put together.

    Attributes:
        most_gained: Minutes that a flight can make up in the air; a label beyond is a mistake.
        most_lost: Minutes that a flight can lose after it has left; a label beyond is a mistake.
        queue: How many of the most uncertain flights count double.
        slice: The column whose values are balanced.
        fewest: Flights that each of its values has at least, with slightly changed copies if need be.
        most: Flights that each of its values has at most, by leaving out.
        noise: How much the weather of a copy is changed, as a share of its standard deviation.
        old_share: The share of flights from before, from 0 to less than 1.
        seed: What makes the same set twice.
    """

    most_gained: int = 120
    most_lost: int = 600
    queue: int = 2_000
    slice: str = "carrier"
    fewest: int = 500
    most: int = 8_000
    noise: float = 0.05
    old_share: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        for holds, told in (
            (0 <= self.old_share < 1, f"old_share={self.old_share!r}: give a share from 0 to less than 1"),
            (1 <= self.fewest <= self.most, f"fewest={self.fewest!r}, most={self.most!r}: give 1 <= fewest <= most"),
            (self.queue >= 0, f"queue={self.queue!r}: give 0 or more flights"),
            (0 <= self.noise < float("inf"), f"noise={self.noise!r}: give 0 or more"),
            (self.slice in CATEGORIES, f"slice={self.slice!r}: give one of {', '.join(CATEGORIES)}"),
        ):
            if not holds:
                msg = f"CompositionRules: {told}."
                raise ValueError(msg)


def label(history: pd.DataFrame, served: pd.DataFrame) -> pd.DataFrame:
    """Put beside each flight what was predicted of it; what happened, its label, it has by now.

    Args:
        history: The latest months' flights, as ``extract_history`` returns them.
        served: The last of these months, as ``read_served`` returns it.

    Returns:
        The flights of ``history`` with ``predicted_late``, missing where a flight was not predicted.
    """
    predicted = served[["flight_id", "predicted_late"]]
    return history.merge(predicted, how="left", on="flight_id", validate="one_to_one")


def check_labels(labelled: pd.DataFrame, rules: CompositionRules) -> tuple[pd.DataFrame, dict[str, int]]:
    """Leave out the flights whose labels cannot be right.

    Args:
        labelled: As ``label`` returns them.
        rules: What a label may be.

    Returns:
        The flights with good labels; and how many were left out because they stand there ``twice``, because the two
        labels ``disagree``, or because the delay is ``impossible`` after such a departure.
    """
    from flights.features import LATE_AFTER

    twice = labelled["flight_id"].duplicated()
    disagree = labelled["late"] != (labelled["arr_delay"] > LATE_AFTER)
    lost = labelled["arr_delay"] - labelled["dep_delay"]
    impossible = ~lost.between(-rules.most_gained, rules.most_lost)
    good = labelled[~(twice | disagree | impossible)].reset_index(drop=True)
    counts = {"twice": twice, "disagree": disagree, "impossible": impossible}
    return good, {name: int(count.sum()) for name, count in counts.items()}


def keep_for_evaluation(good: pd.DataFrame, days: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep the latest days for judging, before any flight is copied: see ``split_by_time``.

    Args:
        good: As ``check_labels`` returns them.
        days: How many days.

    Returns:
        The flights to learn from, and those to be judged on; no flight is in both.
    """
    return split_by_time(good, days)


def queue_uncertain(fresh: pd.DataFrame, rules: CompositionRules) -> pd.DataFrame:
    """Find the flights that the model was least certain of: from them it learns most.

    Args:
        fresh: The flights to learn from.
        rules: How many.

    Returns:
        The flights whose ``predicted_late`` was nearest to one half, the nearest first; of flights that are equally
        near the earlier.
    """
    doubt = (fresh["predicted_late"] - 0.5).abs()
    nearest = doubt.dropna().sort_values(kind="stable").index[: rules.queue]
    return fresh.loc[nearest].reset_index(drop=True)


def weigh(fresh: pd.DataFrame, queue: pd.DataFrame) -> pd.DataFrame:
    """Let the queue count double.

    Args:
        fresh: The flights to learn from.
        queue: As ``queue_uncertain`` returns them.

    Returns:
        The flights of ``fresh`` with a ``weight``: 2 for those in the queue, 1 for the others.
    """
    return fresh.assign(weight=1.0 + fresh["flight_id"].isin(queue["flight_id"]))


def balance(weighed: pd.DataFrame, rules: CompositionRules) -> pd.DataFrame:
    """Take rare slices more often and frequent ones less.

    Args:
        weighed: As ``weigh`` returns them.
        rules: The slices, and how many flights of each.

    Returns:
        The flights in the order of schedule, with ``copy``: 0 for a flight itself, from 1 up for further ones of it.
    """
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(rules.seed)
    parts = []
    for _, flights in weighed.groupby(rules.slice):
        count = min(max(len(flights), rules.fewest), rules.most)
        if count <= len(flights):
            chosen = np.sort(random.choice(len(flights), count, replace=False))
        else:
            more = random.choice(len(flights), count - len(flights), replace=True)
            chosen = np.concatenate([np.arange(len(flights)), np.sort(more)])
        part = flights.iloc[chosen]
        parts.append(part.assign(copy=part.groupby("flight_id").cumcount()))
    return pd.concat(parts).sort_values(["scheduled_at", "flight_id", "copy"], ignore_index=True)


def augment(balanced: pd.DataFrame, rules: CompositionRules) -> pd.DataFrame:
    """Change the weather of copies a little, as another sensor would have seen it.

    Args:
        balanced: As ``balance`` returns them.
        rules: How much.

    Returns:
        The same flights; the originals, and everything but the weather, as they were.
    """
    import numpy as np

    random = np.random.default_rng(rules.seed)
    is_copy = balanced["copy"] > 0
    changed = {}
    for name in ("temp", "wind_speed"):
        noise = random.normal(0, rules.noise * balanced[name].std(), len(balanced))
        changed[name] = balanced[name] + np.where(is_copy, noise, 0.0)
    return balanced.assign(**changed)


def extract_old(warehouse: Engine, month: str, months: int, reach: int) -> pd.DataFrame:
    """Read the flights of the months before the latest.

    Args:
        warehouse: Where the features are.
        month: The last month, as ``YYYY-MM``.
        months: How many of the latest months are not old.
        reach: How many months before these are looked at.

    Returns:
        The flights of those of these months that the warehouse has, as ``extract_history`` returns them; none if it
        has none.
    """
    before = list_months(month, months + 1)[0]
    return find_history(warehouse, before, reach)


def guard(
    augmented: pd.DataFrame, old: pd.DataFrame, evaluation: pd.DataFrame, rules: CompositionRules
) -> pd.DataFrame:
    """Mix in old flights, so that the model does not forget them.

    Args:
        augmented: As ``augment`` returns them.
        old: As ``extract_old`` returns them.
        evaluation: The flights to be judged on.
        rules: Which share.

    Returns:
        The retraining set: one row per flight or copy with features and labels, ``weight``, ``copy`` and ``part``,
        which is "old", "fresh" or "evaluation". Of the rows that are learned from ``old_share`` are old, or as many as
        there are.
    """
    import pandas as pd

    wanted = round(len(augmented) * rules.old_share / (1 - rules.old_share))
    chosen = old.sample(min(wanted, len(old)), random_state=rules.seed).sort_values(["scheduled_at", "flight_id"])
    parts = {
        "old": chosen.assign(weight=1.0, copy=0),
        "fresh": augmented.drop(columns="predicted_late"),
        "evaluation": evaluation.drop(columns="predicted_late").assign(weight=1.0, copy=0),
    }
    return pd.concat([rows.assign(part=part) for part, rows in parts.items() if len(rows)], ignore_index=True)


def summarise_composition(
    training_set: pd.DataFrame, rejected: dict[str, int], rejected_old: dict[str, int], queue: pd.DataFrame
) -> dict[str, Any]:
    """Describe a retraining set by plain numbers.

    Args:
        training_set: As ``guard`` returns it.
        rejected: What ``check_labels`` has left out of the new flights.
        rejected_old: What it has left out of the old ones.
        queue: As ``queue_uncertain`` returns it.

    Returns:
        ``rows`` by part, ``copies``, the length of the ``queue``, and what was ``rejected`` of new and old flights.
    """
    rows = {str(part): int(count) for part, count in training_set["part"].value_counts(sort=False).items()}
    return {
        "rows": rows,
        "copies": int((training_set["copy"] > 0).sum()),
        "queue": len(queue),
        "rejected": {name: count + rejected_old[name] for name, count in rejected.items()},
    }
