"""A task at the end of a run that removes what only this run needed, and older runs."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, BaseXCom

from airflow_linepipe import settings
from airflow_linepipe.errors import SettingError
from airflow_linepipe.handoff import Retention, Temporaries, check_storage
from airflow_linepipe.hooks.handoff import producer_of_task
from airflow_linepipe.hooks.retention import collect_garbage
from airflow_linepipe.operators.arguments import outputs_read
from airflow_linepipe.plan import checked_mapping, checked_names, did_you_mean

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["LinepipeCleanupOperator", "check_retention"]

logger = logging.getLogger(__name__)


class LinepipeCleanupOperator(BaseOperator):
    """Remove the temporary artifacts of this run from storage, and runs of this DAG beyond a policy.

    ``temporary=`` and ``retention=`` of `LinepipeDag` and `LinepipeTaskGroup` add it as a teardown, so that it runs
    also after a failure. By hand: ``load >> train >> LinepipeCleanupOperator(…).as_teardown()``, after every task
    that reads what it removes. What was published stays, and so does what another run reads.

    Args:
        temporary: The outputs to remove, by task id, such as ``{"load": ["raw"]}``: of all tries and all mapped
            instances; inside a mapped group those of the same index.
        results: Other outputs of these tasks, by task id, if one of their names begins with the name of a temporary
            one and a dot.
        inside: The ids of the tasks that may lose what they read. If there are some, what any other task of the DAG
            reads stays.
        retention: Which older runs of this DAG stay.
        storage: Replaces ``[linepipe] storage`` for this task.
        **kwargs: Everything that BaseOperator takes.

    Raises:
        SettingError: An argument cannot be used, or there is nothing to do.
        StorageUnavailableError: The file system of ``storage`` is not installed.
    """

    ui_color = "#d9f2e6"

    def __init__(
        self,
        *,
        temporary: Mapping[str, Collection[str]] | None = None,
        results: Mapping[str, Collection[str]] | None = None,
        inside: Collection[str] = (),
        retention: Retention | None = None,
        storage: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.temporary = _checked_outputs("temporary", temporary)
        self.results = _checked_outputs("results", results)
        self.inside = frozenset(checked_names("inside", inside))
        self.retention = check_retention(retention)
        if not self.temporary and retention is None:
            message = f"Task '{self.task_id}' has nothing to do: give it temporary={{'task': ['output']}} or retention."
            raise SettingError(message)
        settings.check_profile()
        self.storage = None if storage is None else check_storage(storage)

    def execute(self, context: Context) -> None:
        """Remove; see `BaseOperator.execute`."""
        producer = producer_of_task(context)
        collect_garbage(
            context,
            retention=self.retention,
            temporaries=Temporaries(
                dag_id=producer.dag_id,
                run_id=producer.run_id,
                map_index=producer.map_index,
                names=self._unread(),
                results=self.results,
            ),
            dag_ids=[producer.dag_id],
            storage=self.storage,
        )

    def _unread(self) -> Mapping[str, Collection[str]]:
        """The temporary outputs without those that are read elsewhere."""
        for task_id in self.temporary:
            if task_id not in self.dag.task_dict:
                hint = did_you_mean(task_id, self.dag.task_dict, otherwise=f"it has {', '.join(self.dag.task_dict)}.")
                message = f"temporary['{task_id}']: the DAG has no such task: {hint}"
                raise SettingError(message)
        read = set(self._read_elsewhere()) if self.inside else set()
        unread = {
            task_id: [
                name for name in names if not read.intersection({(task_id, name), (task_id, BaseXCom.XCOM_RETURN_KEY)})
            ]
            for task_id, names in self.temporary.items()
        }
        for task_id, names in self.temporary.items():
            for name in set(names).difference(unread[task_id]):
                logger.info("Kept %s of task %s: a task outside reads it.", name, task_id)
        return unread

    def _read_elsewhere(self) -> Iterator[tuple[str, str]]:
        """The task and the key of each XCom that a task outside is handed."""
        for task in self.dag.tasks:
            if task.task_id not in self.inside:
                for operator, key in outputs_read(task):
                    yield operator.task_id, key


def check_retention(retention: object) -> Retention | None:
    """What an author writes as ``retention``.

    Raises:
        SettingError: It is something else than a `Retention`, or None.
    """
    if retention is None or isinstance(retention, Retention):
        return retention
    message = f"retention={retention!r}: write Retention(keep_runs=10), or Retention(keep_for=timedelta(days=30))."
    raise SettingError(message)


def _checked_outputs(argument: str, outputs: object) -> Mapping[str, tuple[str, ...]]:
    by_task = checked_mapping(argument, outputs)
    return {task_id: checked_names(f"{argument}['{task_id}']", names) for task_id, names in by_task.items()}
