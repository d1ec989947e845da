"""A linepipe pipeline as an Airflow task group."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup

from airflow_linepipe.authoring.checking import check_ids
from airflow_linepipe.authoring.cleaning import Temporary
from airflow_linepipe.authoring.options import NodeOptions, split_arguments
from airflow_linepipe.authoring.weaving import Outputs, plan_tasks
from airflow_linepipe.cache import Cache, CacheMode
from airflow_linepipe.handoff import Retention
from airflow_linepipe.plan import Granularity, MissingConfig, Order, Persist, Pipelines, Resource

if TYPE_CHECKING:
    from airflow.sdk import Asset

__all__ = ["LinepipeTaskGroup"]

# From Airflow 3.3 on.
_HAS_DOCUMENTATION = "doc_md" in signature(TaskGroup).parameters


class LinepipeTaskGroup(TaskGroup):
    """Every node of a linepipe pipeline as a task, in a group of their own.

    ``group["features"]`` is an output: hand it to any operator of ours, to a ``linepipe_task`` function
    (which gets the value), or to a plain ``@task`` function (which gets the reference as a dict).

    Args:
        group_id: The group's id; it prefixes the tasks' ids, and nothing else does.
        pipeline: The pipeline, or "package.module:attribute" that leads to one; or a list of them, put together.
        config: Replaces the pipeline's own config.
        inputs: Values from outside by the names that nodes read: outputs of other tasks, plain values, Jinja
            templates. They take the place of runtime constants of the same name.
        order: "data" (default): a node waits for the values it reads, and a writer keeps its place
            among the nodes that share a handle with it; "list": linepipe's whole list order.
        resources: What is opened for each task that reads it and closed after it, by name, such as
            ``AirflowConnection("warehouse")``; it takes the place of a constant, or of the node that would make it.
        ephemeral: The outputs that cannot travel between tasks, such as engines: each task that reads one runs
            its node anew. An output annotated with a live type (``sqlalchemy.Engine``) is one by itself.
        granularity: "node" (default): a task for each node; "chain": nodes that can only run one after the other share
            a task, called like the first; "pipeline": one task of that name; or a dict from task to the nodes
            in it, the others having tasks of their own. Inside a task values pass in memory.
        persist: "boundary" (default): only what leaves its task is stored; "all": every output is.
        missing_config: "error" (default): a config path that leads nowhere is a problem; "none": the node gets None, as
            in linepipe.
        overrides: Which params of the DAG a run may set to replace plain values of the config and the constants, by
            the names of these, such as ``{"config.window": "window"}``; the DAG has these params. Left out, each such
            value that a node reads gets a typed param of its own, "group_id.config.window"; secrets get none.
        publish: The assets that stand for outputs, by name: each success of the task that makes one is an event of its
            asset, with the output's reference as its extra.
        cache: Whether tasks take the results of earlier runs in the same storage, whichever DAG has made them, if their
            code and inputs are the same: True or "use", "refresh", False or "off", or a `Cache`. The DAG gets the
            params "linepipe.cache" and "linepipe.refresh_from", with which one run has it another way.
        temporary: The outputs that go from storage when the pipeline has run, also if a task failed: their names; or
            "inner" for all that a node of the pipeline reads, except what is published or read by other tasks.
        retention: Which runs of the DAG stay in storage: each run ends with a look at the older ones.
        storage: Replaces ``[linepipe] storage`` for these tasks.
        node_options: Settings of single tasks, by task id without the group. "chain" leaves a node that has some alone.
        **kwargs: Everything that TaskGroup takes, and everything that BaseOperator takes, for every task.

    Raises:
        PlanError: The pipeline cannot run; all its problems are reported together.
        UnknownArgumentError: A keyword or an entry of ``node_options`` that nothing takes.
        SettingError: One of ``order``, ``granularity``, ``persist``, ``temporary``, ``retention`` or ``storage`` is not
            what it can be.
        StorageUnavailableError: The file system of ``storage`` is not installed.
    """

    def __init__(
        self,
        group_id: str,
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
        own, operator_arguments = split_arguments(LinepipeTaskGroup, kwargs)
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
        if _HAS_DOCUMENTATION:
            own.setdefault("doc_md", planned.documentation)
        super().__init__(group_id=group_id, **own)
        check_ids(planned.parts, self.child_id)
        with self:
            self._outputs = planned.weave(self.dag, self)

    @property
    def outputs(self) -> Outputs:
        """The pipeline's outputs by name."""
        return self._outputs

    def __getitem__(self, name: str) -> Any:
        """An output's XComArg; as in Airflow, the task of this id if no output has the name."""
        child_id = self.child_id(name)  # type: ignore[no-untyped-call]
        if name not in self._outputs and child_id in self.children:
            return self.children[child_id]
        return self._outputs[name]
