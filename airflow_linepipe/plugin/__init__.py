"""The Airflow plugin: ``{{ macros.linepipe.load_artifact(…) }}`` in every template, and pages of the API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow.sdk.plugins_manager import AirflowPlugin

from airflow_linepipe.plugin.links import PageLink

__all__ = ["LinepipePlugin", "load_artifact"]


def load_artifact(reference: Any) -> Any:
    """The value behind a reference; see `airflow_linepipe.load_artifact`."""
    from airflow_linepipe.hooks.handoff import load_artifact

    return load_artifact(reference)


class LinepipePlugin(AirflowPlugin):
    """What airflow-linepipe adds to every Airflow process."""

    name = "linepipe"
    macros: list[Callable[..., Any]] = [load_artifact]  # noqa: RUF012  (declared so by AirflowPlugin)
    global_operator_extra_links: list[Any] = [PageLink()]  # noqa: RUF012  (as above)

    @property
    def fastapi_apps(self) -> list[Any]:  # type: ignore[override]  # only read
        """The pages; asked for by the API server only."""
        from airflow_linepipe.operators.links import PREFIX
        from airflow_linepipe.plugin.reports import app

        return [{"app": app, "url_prefix": PREFIX, "name": "linepipe"}]
