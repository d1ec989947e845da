"""Links that the API server finds out itself, without a word of the task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from airflow_linepipe.operators.links import address_of

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

__all__ = ["PageLink"]


class PageLink(BaseOperatorLink):
    """The page that a task has returned: a `pathlib.Path` to an HTML file."""

    name = "Page"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002  (as Airflow calls it)
        """The page's address, below that of the UI; empty for a task that has returned no page, and then not shown."""
        from airflow.utils.session import create_session  # noqa: TID251  (in the API server, and not in a task)

        from airflow_linepipe.plugin.reports import find_page

        key: Any = ti_key
        with create_session() as session:
            page = find_page(
                session, key.dag_id, key.run_id, key.task_id, -1 if key.map_index is None else key.map_index
            )
        return address_of("pages", ti_key) if page else ""
