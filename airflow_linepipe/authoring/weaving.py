"""Plan → tasks: one operator a part, in the DAG and group of the moment."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import XComArg

from airflow_linepipe import settings
from airflow_linepipe.authoring.checking import check_options
from airflow_linepipe.authoring.cleaning import Temporary, add_cleanup, check_temporary
from airflow_linepipe.authoring.options import NodeOptions
from airflow_linepipe.authoring.params import check_task_params, declare_cache_params, declare_params, name_params
from airflow_linepipe.authoring.woven import WovenTask, makers_of_items, weave_task
from airflow_linepipe.cache import Cache, CacheMode, as_cache, check_ignored
from airflow_linepipe.errors import SettingError, UnknownOutputError
from airflow_linepipe.handoff import Retention, check_storage
from airflow_linepipe.operators.cleanup import check_retention
from airflow_linepipe.operators.guard import Guard, no_such_value
from airflow_linepipe.operators.publishing import checked_assets
from airflow_linepipe.plan import (
    MAX_ID_LENGTH,
    ArtifactBinding,
    Granularity,
    MissingConfig,
    Order,
    Override,
    Part,
    Persist,
    Pipelines,
    Plan,
    Resource,
    Source,
    check_live,
    check_travel,
    checked_mapping,
    did_you_mean,
    draw_ascii,
    overrides_read,
    plan_overrides,
    plan_parts,
    plan_pipeline,
)

if TYPE_CHECKING:
    from airflow.sdk import DAG, Asset, TaskGroup

__all__ = ["Outputs", "PlannedTasks", "plan_tasks"]


class Outputs(Mapping[str, XComArg]):
    """A pipeline's outputs by name, each as the XComArg of its reference.

    What a task of several steps would keep to itself is stored from the moment on that it is asked for here.
    """

    def __init__(self, plan: Plan, tasks: Mapping[str, WovenTask], *, temporary: Collection[str] = ()) -> None:
        self._artifacts = {name: artifact for name, artifact in plan.outputs.items() if name not in temporary}
        self._ephemeral = {artifact.name for artifact in plan.ephemeral}
        self._temporary = temporary
        self._tasks = tasks

    def __getitem__(self, name: str) -> XComArg:
        if name in self._temporary:
            message = f"The output '{name}' is temporary, and gone when the pipeline has run: take it out of temporary."
            raise UnknownOutputError(message)
        if name in self._ephemeral - self._artifacts.keys():
            message = f"The output '{name}' is ephemeral: it is made anew in each task that reads it, and leaves none."
            raise UnknownOutputError(message)
        if name not in self._artifacts:
            hint = did_you_mean(name, self._artifacts, otherwise=f"it has {', '.join(self._artifacts) or 'none'}.")
            message = f"The pipeline has no output '{name}': {hint}"
            raise UnknownOutputError(message)
        artifact = self._artifacts[name]
        return self._tasks[artifact.producer].output_of(artifact)

    def __contains__(self, name: object) -> bool:
        return name in self._artifacts

    def __iter__(self) -> Iterator[str]:
        return iter(self._artifacts)

    def __len__(self) -> int:
        return len(self._artifacts)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedTasks:
    """A pipeline that is ready to become tasks, every argument checked.

    Attributes:
        plan: The plan.
        parts: The parts that become tasks, each after those it reads from.
        inputs: What the plan is given from outside, by name.
        overrides: Which params take the place of values of config and constants; None for one param each.
        publish: The assets that stand for outputs, by name.
        options: Settings of single tasks, by the part's id.
        storage: Replaces ``[linepipe] storage``.
        operator_arguments: BaseOperator arguments of every task.
        cache: Whether results of earlier runs are taken.
        temporary: The artifacts that go when the pipeline has run.
        named_temporary: The names of those that their author has named.
        retention: Which older runs of the DAG stay.
    """

    plan: Plan
    parts: Sequence[Part]
    inputs: Mapping[str, Any]
    overrides: Mapping[str, str] | None
    publish: Mapping[str, Asset]
    options: Mapping[str, NodeOptions]
    storage: str | None
    operator_arguments: Mapping[str, Any]
    cache: Cache
    temporary: frozenset[ArtifactBinding]
    named_temporary: frozenset[str]
    retention: Retention | None

    @property
    def documentation(self) -> str:
        """The pipeline as linepipe draws it, in Markdown."""
        return f"```text\n{draw_ascii(self.plan)}\n```"

    def weave(self, dag: DAG, group: TaskGroup) -> Outputs:
        """Make one task for each part, with its edges, in the DAG and group of the moment.

        Args:
            dag: The DAG, which gets a param for each value that a run may replace.
            group: The group; what these params begin with.

        Raises:
            SettingError: An entry of ``overrides`` cannot be used, or a task would lose its outputs.
        """
        known = plan_overrides(self.plan)
        prefix = str(group.group_id or "")
        params = name_params(dag, known, group=prefix, chosen=self.overrides)
        check_task_params(self.operator_arguments.get("params") or {}, params)
        # By step id: the steps of one part share a task.
        makers: dict[str, WovenTask] = {}
        tasks: dict[str, WovenTask] = {}
        for cut in map(self._keeping_published, self.parts):
            part = replace(
                cut, overridable={**overrides_read(cut.plan, known), **self._overrides_looked_at(cut, known)}
            )
            task = self._task(part, params, makers)
            for before in (tasks[part_id] for part_id in part.upstream):
                if before.task_id not in task.operator.upstream_task_ids:
                    task.operator.set_upstream(before.operator)
            tasks[part.id] = task
            makers.update(dict.fromkeys(part.own, task))
        declare_params(dag, known, params, group=prefix)
        if any(task.cache.mode != "off" for task in tasks.values()):
            declare_cache_params(dag, [task.task_id for task in tasks.values()])
        add_cleanup(
            list(tasks.values()),
            self.temporary,
            group=group,
            retention=self.retention,
            storage=self._storage,
            arguments=self.operator_arguments,
        )
        return Outputs(self.plan, makers, temporary=self.named_temporary)

    @property
    def _storage(self) -> dict[str, str]:
        # Left out, it may still come from the DAG's default_args.
        return {} if self.storage is None else {"storage": self.storage}

    def _task(self, part: Part, params: Mapping[str, str], makers: Mapping[str, WovenTask]) -> WovenTask:
        options = self.options[part.id].operator_arguments if part.id in self.options else {}
        followed = {writer for step in part.plan.steps for writer in step.follows}
        arguments = {
            "overrides": {name: params[name] for name in part.overridable if name in params},
            "publish": {name: self.publish[name] for name in part.outputs if name in self.publish},
            "writers": {writer: makers[writer].task_id for writer in sorted(followed) if writer in makers},
            "cache": self._cache_of(part),
            **self._storage,
            **_display_name(part),
            **self.operator_arguments,
            **options,
        }
        inputs = {name: self._input(source, makers) for name, source in part.sources.items()}
        inputs.update(self._looked_at(part, makers))
        task = weave_task(part, arguments, inputs=inputs)
        if part.outputs and not task.leaves_outputs:
            message = f"Node '{part.id}': do_xcom_push=False would lose its outputs ({', '.join(part.outputs)})."
            raise SettingError(message)
        return task

    def _overrides_looked_at(self, part: Part, known: Mapping[str, Override]) -> dict[str, Override]:
        """What a run may replace of what a condition looks at, beside what the part's nodes read."""
        names = self._names_looked_at(part)
        return {name: one for name, one in known.items() if name.partition(".")[0] in names}

    def _names_looked_at(self, part: Part) -> tuple[str, ...]:
        """What a condition on a part looks at."""
        options = self.options[part.id].operator_arguments if part.id in self.options else {}
        when = options.get("when")
        return () if when is None else Guard(when).names

    def _looked_at(self, part: Part, makers: Mapping[str, WovenTask]) -> dict[str, Any]:
        """What a condition looks at and its task does not read, as far as others make it or are given it."""
        found: dict[str, Any] = {}
        for name in self._names_looked_at(part):
            artifact = self.plan.outputs.get(name)
            if name in part.sources or name in part.plan.constants:
                continue
            if artifact in part.outputs.values():
                message = f"when of '{part.id}' looks at '{name}', which the task itself makes: name what comes before."
                raise SettingError(message)
            if artifact is not None and artifact.producer in makers:
                found[name] = makers[artifact.producer].output_of(artifact)
            elif artifact is not None:
                message = (
                    f"when of '{part.id}' looks at '{name}', which node '{artifact.producer}' makes after it: "
                    f"put that node before it in the pipeline's list."
                )
                raise SettingError(message)
            elif name in self.inputs:
                found[name] = self.inputs[name]
            elif name != "config" or self.plan.config is None:
                known = [*self.plan.outputs, *self.inputs, *part.plan.constants, "config"]
                raise no_such_value(name, known, owner=part.id)
        return found

    def _cache_of(self, part: Part) -> Cache:
        """What counts of the group's cache for a part: it need not read all that is to be ignored."""
        read = {name for step in part.plan.steps for name in step.inputs}
        return replace(self.cache, ignore=[name for name in self.cache.ignore if name in read])

    def _keeping_published(self, part: Part) -> Part:
        for name in self.publish:
            artifact = self.plan.outputs[name]
            if artifact.producer in part.own and artifact not in part.outputs.values():
                part = part.keep(artifact)
        return part

    def _input(self, source: Source, makers: Mapping[str, WovenTask]) -> Any:
        if isinstance(source, ArtifactBinding):
            return makers[source.producer].output_of(source)
        return self.inputs[source.name]


def plan_tasks(
    pipeline: Pipelines,
    *,
    config: Any,
    inputs: Mapping[str, Any] | None,
    order: Order,
    resources: Mapping[str, Resource] | None,
    ephemeral: Collection[str],
    granularity: Granularity,
    persist: Persist,
    missing_config: MissingConfig,
    overrides: Mapping[str, str] | None,
    publish: Mapping[str, Asset] | None,
    cache: Cache | CacheMode | bool,
    temporary: Temporary,
    retention: Retention | None,
    storage: str | None,
    node_options: Mapping[str, NodeOptions] | None,
    operator_arguments: Mapping[str, Any],
) -> PlannedTasks:
    """Plan a pipeline and check everything that comes with it, before there is any task.

    The arguments are those of `LinepipeTaskGroup` and `LinepipeDag`.

    Raises:
        PlanError: The pipeline cannot run.
        UnknownArgumentError: An entry of ``node_options`` is for no step of it.
        SettingError: One of ``order``, ``granularity``, ``persist``, ``temporary``, ``retention`` or ``storage`` is not
            what it can be.
        StorageUnavailableError: The file system of ``storage`` is not installed.
    """
    settings.check_profile()
    given, options = checked_mapping("inputs", inputs), checked_mapping("node_options", node_options)
    plan = plan_pipeline(
        pipeline,
        config=config,
        given=given,
        order=order,
        resources=resources,
        ephemeral=ephemeral,
        missing_config=missing_config,
    )
    check_live(plan, given)
    apart = {*options, *makers_of_items(plan, options)}
    parts = plan_parts(plan, granularity=granularity, persist=persist, apart=apart)
    check_travel(parts)
    check_options(options, parts)
    published = checked_assets(publish, plan.outputs)
    chosen = as_cache("cache", cache)
    check_ignored(chosen, parts)
    artifacts = check_temporary(temporary, plan, published)
    return PlannedTasks(
        plan=plan,
        parts=parts,
        inputs=given,
        overrides=overrides,
        publish=published,
        options=options,
        storage=None if storage is None else check_storage(storage),
        operator_arguments=operator_arguments,
        cache=chosen,
        temporary=artifacts,
        named_temporary=frozenset() if temporary == "inner" else frozenset(artifact.name for artifact in artifacts),
        retention=check_retention(retention),
    )


def _display_name(part: Part) -> dict[str, str]:
    """How the UI names a task of several steps, whose id may be that of the first."""
    labels = [step.label for step in part.plan.steps]
    return {"task_display_name": f"{part.id}: {' → '.join(labels)}"[:MAX_ID_LENGTH]} if len(labels) > 1 else {}
