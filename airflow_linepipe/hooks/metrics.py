"""From a running Airflow task to the metrics that it is handed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from airflow_linepipe.decision import is_told
from airflow_linepipe.handoff import ABSENT, ArtifactRef, Exchange, Producer, is_reference
from airflow_linepipe.hooks.handoff import load_values

__all__ = ["load_metrics"]


def load_metrics(handed: Any, exchange: Exchange, reader: Producer, *, keys: Collection[str]) -> Any:
    """What a task was handed as metrics; storage is read only for what the references do not tell.

    Args:
        handed: A reference, dicts and lists of such, or plain numbers.
        exchange: Where values are read.
        reader: The task.
        keys: The metrics that count.
    """
    if is_reference(handed):
        told = ArtifactRef.from_wire(handed).value
        if told is not ABSENT and all(is_told(told, key) for key in keys):
            return told
    return load_values(handed, exchange, reader)
