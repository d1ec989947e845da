"""A pipeline as a group inside a DAG: its config, what it is given from outside, and who reads its outputs."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, task
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeTaskGroup, NodeOptions, linepipe_task, load_artifact


def count_words(text: str) -> dict[str, int]:
    words = text.lower().split()
    return {word: words.count(word) for word in words}


def split(counts: dict[str, int], threshold: int) -> tuple[list[str], list[str]]:
    frequent = sorted(word for word, count in counts.items() if count >= threshold)
    return frequent, sorted(counts.keys() - frequent)


# [START howto_task_group]
words = Pipeline(
    [
        Node(count_words, inputs=["text"], outputs=["counts"]),
        Node(split, inputs=["counts", "config.threshold"], outputs=["frequent", "rare"]),
    ],
    config={"threshold": 2},
    text="a text of the laptop",
)

with DAG("example_task_group", start_date=pendulum.datetime(2026, 1, 1), schedule=None):
    group = LinepipeTaskGroup(
        "words",
        pipeline=words,
        inputs={"text": "to be or not to be on {{ dag_run.run_after.date() }}"},
        node_options={"split": NodeOptions(retries=2)},
    )

    @linepipe_task
    def show(frequent: list[str], rare: list[str]) -> str:
        """A linepipe_task gets the values."""
        return f"{' '.join(frequent)} | {len(rare)} rare"

    @task
    def count(reference: dict) -> int:
        """A plain task gets the reference, and may load the value."""
        return len(load_artifact(reference))

    show(group["frequent"], rare=group["rare"])
    count(group["rare"])
# [END howto_task_group]
