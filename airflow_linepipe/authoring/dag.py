"""A linepipe pipeline as a whole Airflow DAG."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG

from airflow_linepipe.authoring.cleaning import Temporary
from airflow_linepipe.authoring.options import NodeOptions, split_arguments
from airflow_linepipe.authoring.weaving import Outputs, plan_tasks
from airflow_linepipe.cache import Cache, CacheMode
from airflow_linepipe.handoff import Retention
from airflow_linepipe.plan import Granularity, MissingConfig, Order, Persist, Pipelines, Resource

if TYPE_CHECKING:
    from airflow.sdk import Asset

__all__ = ["LinepipeDag"]


class LinepipeDag(DAG):
    """Every node of a linepipe pipeline as a task of a DAG of their own: one line in a DAG file.

    ``dag["features"]`` is an output, as in `LinepipeTaskGroup`; inside ``with dag:`` more tasks can follow.

    Args:
        dag_id: The DAG's id.
        pipeline: The pipeline, or "package.module:attribute" that leads to one; or a list of them, put together.
        config: Replaces the pipeline's own config.
        inputs: As in `LinepipeTaskGroup`.
        order: As in `LinepipeTaskGroup`.
        resources: As in `LinepipeTaskGroup`.
        ephemeral: As in `LinepipeTaskGroup`.
        granularity: As in `LinepipeTaskGroup`.
        persist: As in `LinepipeTaskGroup`.
        missing_config: As in `LinepipeTaskGroup`.
        overrides: As in `LinepipeTaskGroup`; the params have no prefix.
        publish: As in `LinepipeTaskGroup`.
        cache: As in `LinepipeTaskGroup`.
        temporary: As in `LinepipeTaskGroup`.
        retention: As in `LinepipeTaskGroup`.
        storage: Replaces ``[linepipe] storage`` for these tasks.
        node_options: Settings of single tasks, by task id.
        **kwargs: Everything that DAG takes, and everything that BaseOperator takes, for every task.

    Raises:
        PlanError: The pipeline cannot run; all its problems are reported together.
        UnknownArgumentError: A keyword or an entry of ``node_options`` that nothing takes.
        SettingError: One of ``order``, ``granularity``, ``persist``, ``temporary``, ``retention`` or ``storage`` is not
            what it can be.
        StorageUnavailableError: The file system of ``storage`` is not installed.
    """

    def __init__(
        self,
        dag_id: str,
        *,
        pipeline: Pipelines,
        config: Any = None,
        inputs: Mapping[str, Any] | None = None,
        order: Order = "data",
        resources: Mapping[str, Resource] | None = None,
        ephemeral: Collection[str] = (),
        granularity: Granularity = "node",
        persist: Persist = "boundary",
        missing_config: MissingConfig = "error",
        overrides: Mapping[str, str] | None = None,
        publish: Mapping[str, Asset] | None = None,
        cache: Cache | CacheMode | bool = False,
        temporary: Temporary = (),
        retention: Retention | None = None,
        storage: str | None = None,
        node_options: Mapping[str, NodeOptions] | None = None,
        **kwargs: Any,
    ) -> None:
        own, operator_arguments = split_arguments(LinepipeDag, kwargs)
        planned = plan_tasks(
            pipeline,
            config=config,
            inputs=inputs,
            order=order,
            resources=resources,
            ephemeral=ephemeral,
            granularity=granularity,
            persist=persist,
            missing_config=missing_config,
            overrides=overrides,
            publish=publish,
            cache=cache,
            temporary=temporary,
            retention=retention,
            storage=storage,
            node_options=node_options,
            operator_arguments=operator_arguments,
        )
        super().__init__(dag_id, **{"doc_md": planned.documentation, **own})
        # Airflow looks two frames up for the DAG file, and finds this one.
        self.fileloc = sys._getframe(1).f_code.co_filename  # noqa: SLF001
        with self:
            self._outputs = planned.weave(self, self.task_group)

    @property
    def outputs(self) -> Outputs:
        """The pipeline's outputs by name."""
        return self._outputs

    def __getitem__(self, name: str) -> Any:
        """An output's XComArg; as in Airflow, the task of this id if no output has the name."""
        if name not in self._outputs and (child := self.task_dict.get(name)) is not None:
            return child
        return self._outputs[name]
