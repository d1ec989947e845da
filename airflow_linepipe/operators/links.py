"""Links from a task in the UI to what it has left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

__all__ = ["PREFIX", "VALIDATION_KEY", "ValidationReportLink", "address_of"]

# The XCom of a validation's summary.
VALIDATION_KEY: Final = "linepipe_validation"
# Where the plugin serves pages.
PREFIX: Final = "/linepipe"


def address_of(kind: str, task: TaskInstanceKey) -> str:
    """The address of a page that a task has left, below that of the UI.

    Args:
        kind: "reports" or "pages".
        task: The task's key.
    """
    key: Any = task
    index = -1 if key.map_index is None else key.map_index
    parts = "/".join(quote(str(part), safe="") for part in (key.dag_id, key.run_id, key.task_id, index))
    return f"{PREFIX}/{kind}/{parts}"


class ValidationReportLink(BaseOperatorLink):
    """The report of a validation, as the plugin serves it."""

    name = "Validation report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002  (as Airflow calls it)
        """The page's address, below that of the UI."""
        return address_of("reports", ti_key)
