"""The Airflow plugin: ``{{ macros.linepipe.load_artifact(…) }}`` in every template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.sdk.plugins_manager import AirflowPlugin

__all__ = ["LinepipePlugin", "load_artifact"]


def load_artifact(reference: Any) -> Any:
    """The value behind a reference; see `airflow_linepipe.load_artifact`."""
    from airflow_linepipe.hooks.handoff import load_artifact

    return load_artifact(reference)


class LinepipePlugin(AirflowPlugin):
    """What airflow-linepipe adds to every Airflow process."""

    name = "linepipe"
    macros: list[Callable[..., Any]] = [load_artifact]  # noqa: RUF012  (declared so by AirflowPlugin)
