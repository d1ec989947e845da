"""TaskFlow tasks that get values and give values: several outputs, mapping, overriding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pendulum
from airflow.sdk import dag, task

if TYPE_CHECKING:
    import pandas as pd


# [START howto_linepipe_task]
@dag(start_date=pendulum.datetime(2026, 1, 1), schedule=None)
def example_linepipe_task() -> None:
    @task.linepipe(outputs=["train", "test"])
    def split() -> tuple[pd.DataFrame, pd.DataFrame]:
        import pandas as pd

        frame = pd.DataFrame({"hour": [5, 9, 17, 23], "late": [False, False, True, True]})
        return frame.iloc[:3], frame.iloc[3:]

    @task.linepipe
    def thresholds() -> list[int]:
        return [6, 12, 18]

    @task.linepipe
    def score(threshold: int, train: pd.DataFrame) -> float:
        return float(((train["hour"] >= threshold) == train["late"]).mean())

    @task.linepipe
    def best(scores: list[float], candidates: list[int], test: pd.DataFrame) -> dict[str, float]:
        threshold = candidates[scores.index(max(scores))]
        return {"threshold": threshold, "accuracy": float(((test["hour"] >= threshold) == test["late"]).mean())}

    parts, candidates = split(), thresholds()
    scores = score.override(retries=2).partial(train=parts["train"]).expand(threshold=candidates)
    best(scores, candidates, parts["test"])


example_linepipe_task()
# [END howto_linepipe_task]
