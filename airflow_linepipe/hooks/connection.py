"""An Airflow connection as a resource of a pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from airflow_linepipe.errors import SettingError
from airflow_linepipe.plan import checked_choice

__all__ = ["AirflowConnection"]


@dataclass(frozen=True, slots=True)
class AirflowConnection:
    """What nodes get instead of an engine that they would make themselves, opened for each task and closed after it.

    ``resources={"conn": AirflowConnection("warehouse")}`` of a task group takes the place of the runtime constant
    ``conn``, or of the node that makes it.

    Args:
        conn_id: The Airflow connection's id.
        what: "engine": a SQLAlchemy engine, from the connection's common-sql hook; "hook": the hook itself.
    """

    conn_id: str
    what: Literal["engine", "hook"] = "engine"

    def __post_init__(self) -> None:
        checked_choice(f"AirflowConnection({self.conn_id!r}): what", self.what, ("engine", "hook"))

    @contextmanager
    def open(self) -> Iterator[Any]:
        """Open the connection.

        Raises:
            AirflowNotFoundException: Airflow has no such connection.
            SettingError: Its hook makes no SQLAlchemy engine.
        """
        from airflow.sdk import BaseHook

        hook = BaseHook.get_connection(self.conn_id).get_hook()  # type: ignore[no-untyped-call]
        if self.what == "hook":
            yield hook
            return
        if not hasattr(hook, "get_sqlalchemy_engine"):
            message = (
                f"The connection '{self.conn_id}' opens a {type(hook).__name__}, which makes no SQLAlchemy engine: "
                f"write AirflowConnection('{self.conn_id}', what=\"hook\")."
            )
            raise SettingError(message)
        engine = hook.get_sqlalchemy_engine()
        try:
            yield engine
        finally:
            engine.dispose()
