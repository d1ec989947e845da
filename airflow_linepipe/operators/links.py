"""Links from a task in the UI to what it has left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

__all__ = ["REPORTS_PREFIX", "VALIDATION_KEY", "ValidationReportLink"]

# The XCom of a validation's summary.
VALIDATION_KEY: Final = "linepipe_validation"
# Where the plugin serves pages.
REPORTS_PREFIX: Final = "/linepipe"


class ValidationReportLink(BaseOperatorLink):
    """The report of a validation, as the plugin serves it."""

    name = "Validation report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002  (as Airflow calls it)
        """The page's address, below that of the UI."""
        task: Any = ti_key
        index = -1 if task.map_index is None else task.map_index
        parts = "/".join(quote(str(part), safe="") for part in (task.dag_id, task.run_id, task.task_id, index))
        return f"{REPORTS_PREFIX}/reports/{parts}"
