"""Whether what arrives is still like what was learned from.

With tens of thousands of flights the smallest difference is significant: a drift is a difference that is no accident
(the tests' p, corrected for their number) and large enough to matter (the tests' own effect sizes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from delays.model import AT_DEPARTURE, CATEGORIES

if TYPE_CHECKING:
    import pandas as pd


WATCHED = AT_DEPARTURE
"""The columns that are compared: all that a model knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRules:
    """What counts as a drift.

    Attributes:
        significance: How likely an accident may be, over all columns together, from 0 to 1.
        distance: The least Kolmogorov-Smirnov distance of a number's distributions, from 0 to 1.
        association: The least association (Cramér's V) of a category with before and after, from 0 to 1.
    """

    significance: float = 0.01
    distance: float = 0.1
    association: float = 0.1


def detect_drift(reference: pd.DataFrame, current: pd.DataFrame, rules: DriftRules) -> dict[str, Any]:
    """Compare the features, and the label, of two times.

    Args:
        reference: The flights that were learned from, one row each.
        current: The flights of now.
        rules: What counts as a drift.

    Returns:
        ``columns``, for each feature the ``effect`` (the Kolmogorov-Smirnov distance of a number, Cramér's V of a
        category), the ``p`` and whether it ``drifted``; ``found``, the names of those that did, the largest effect
        first, and their ``count``; and ``target``, the same three of ``arr_delay``.
    """
    # Bonferroni: so that an accident in any of the tests is as rare as one in a single test.
    level = rules.significance / (len(WATCHED) + 1)

    def judged(effect: float, p: float, least: float) -> dict[str, Any]:
        return {"effect": effect, "p": p, "drifted": p < level and effect >= least}

    def compared(name: str) -> dict[str, Any]:
        if name in CATEGORIES:
            return judged(*_compare_categories(reference[name], current[name]), rules.association)
        return judged(*_compare_numbers(reference[name], current[name]), rules.distance)

    target = compared("arr_delay")
    columns = {name: compared(name) for name in WATCHED}
    found = sorted((name for name, told in columns.items() if told["drifted"]), key=lambda n: -columns[n]["effect"])
    return {"columns": columns, "found": found, "count": len(found), "target": target}


def _compare_numbers(reference: pd.Series[float], current: pd.Series[float]) -> tuple[float, float]:
    """The distance of two samples, and how likely it is an accident."""
    from scipy.stats import ks_2samp

    # Missing counts as the least value of all, so that a sensor which falls silent is a drift, too.
    found = ks_2samp(
        *(sample.astype("float64").fillna(-float("inf")) for sample in (reference, current)), method="asymp"
    )
    return float(found.statistic), float(found.pvalue)


def _compare_categories(reference: pd.Series[str], current: pd.Series[str]) -> tuple[float, float]:
    import numpy as np
    import pandas as pd
    from scipy.stats import chi2_contingency

    # Missing counts as a word, for the same reason.
    samples = {"old": reference, "new": current}
    texts = {name: sample.astype("str").fillna("") for name, sample in samples.items()}
    counts = pd.DataFrame({name: sample.value_counts() for name, sample in texts.items()}).fillna(0)
    if len(counts) < 2 or not counts.sum().all():  # noqa: PLR2004 - one word is no choice
        return 0.0, 1.0
    found = chi2_contingency(counts.to_numpy())
    return float(np.sqrt(found.statistic / counts.to_numpy().sum())), float(found.pvalue)
