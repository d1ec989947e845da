"""One linepipe node, or several, as one Airflow task."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import XComArg

from airflow_linepipe import settings
from airflow_linepipe.cache import as_cache, check_ignored
from airflow_linepipe.errors import MissingInputError, OutputTypeError, SettingError, UnsupportedValueError
from airflow_linepipe.handoff import check_storage, is_reference
from airflow_linepipe.hooks.caching import cache_of_run, open_cache
from airflow_linepipe.hooks.handoff import (
    CACHE_KEY,
    expanded_depth,
    feeds_mapped_nodes,
    hand_over,
    load_values,
    open_exchange,
    producer_of_task,
)
from airflow_linepipe.hooks.progress import TaskProgress
from airflow_linepipe.hooks.retention import claim_output
from airflow_linepipe.operators.arguments import check_outputs_read, missing_param
from airflow_linepipe.operators.fallback import Fallback, mark, watch
from airflow_linepipe.operators.guard import Guard
from airflow_linepipe.operators.part import Named, check_output_names, only_step, part_of, plain, with_function
from airflow_linepipe.operators.publishing import checked_assets
from airflow_linepipe.operators.templating import ReferenceTemplating
from airflow_linepipe.plan import (
    ArtifactBinding,
    Part,
    Resource,
    check_override,
    checked_mapping,
    did_you_mean,
    override_plan,
    plan_overrides,
)
from airflow_linepipe.runtime import run_plan, with_ways_out

if TYPE_CHECKING:
    from airflow.sdk import Asset, Context
    from linepipe.node import Node

    from airflow_linepipe.cache import Cache, CacheMode, Recalled, TaskCache
    from airflow_linepipe.handoff import Exchange, Json, Producer

__all__ = ["LinepipeNodeOperator"]

logger = logging.getLogger(__name__)


class LinepipeNodeOperator(ReferenceTemplating):
    """Run a linepipe node as a task; its outputs go to external storage and references to XCom.

    The function is called as linepipe calls it: inputs by position, each its own copy. An exception it
    raises reaches Airflow as itself. No output leaves no XCom; one output is the task's return value;
    several are a dict of references and an XCom each (``operator.output["train"]``). When another task maps
    over the output with ``expand()``, the items of the list or dict are stored one by one.

    Args:
        node: A linepipe Node, a list of them to run in one task, or "package.module:attribute" that leads
            to either. In ``partial()`` too.
        inputs: What the node reads and neither config nor constants hold, by name: outputs of other tasks,
            plain values, Jinja templates; or one task's output that is a dict of them. (templated)
        config: The object behind ``config`` and ``config.…`` inputs.
        constants: linepipe's runtime constants by name.
        resources: What is opened for the task and closed after it, by name, such as
            ``{"warehouse": AirflowConnection("warehouse")}``. Not in ``partial()``.
        overrides: Which params of the DAG take the place of plain values of the config and the constants, by their
            names, such as ``{"config.window": "window"}``.
        cache: Whether the results of earlier runs are taken if code and inputs are the same: True or "use", "refresh",
            False or "off", or a `Cache`.
        when: A condition: a function whose parameters are names of ``inputs``, constants, or ``config``. If it does not
            hold, the task is skipped, and with it what comes after it. ``inputs`` may hold what only it looks at.
        fallback: What stands in for the node's result when its function has failed and no try is left: a function of
            the same inputs or of none, or the result itself. The XCom ``linepipe_fallback`` says so, and the summary of
            the reference. The task succeeds; nothing of it is cached. A timeout is no such failure.
        publish: The assets that stand for outputs, by name: each success is an event of the asset, with the output's
            reference as its extra.
        map_over: The input of which a mapped task gets one item: ``LinepipeNodeOperator.partial(node=…,
            map_over="parts", inputs={…}).expand(element=split.output)``. Of a pipeline, ``NodeOptions`` do that.
        element: The item. (templated)
        storage: Replaces ``[linepipe] storage`` for this task.
        task_id: The task's id; the node function's name if left out.
        **kwargs: Everything that BaseOperator takes.

    Raises:
        PlanError: The node cannot run with these inputs, config and constants.
        SettingError: ``storage``, ``[linepipe] profile``, ``when``, ``fallback``, or an entry of ``overrides`` or
            ``publish`` cannot be used.
        StorageUnavailableError: The file system of ``storage`` is not installed.
    """

    template_fields: Sequence[str] = ("inputs", "element")
    template_fields_renderers: ClassVar[dict[str, str]] = {"inputs": "json"}
    ui_color = "#d9f2e6"

    def __init__(
        self,
        *,
        node: Node | Sequence[Node] | Part | str,
        inputs: Mapping[str, Any] | XComArg | None = None,
        config: Any = None,
        constants: Mapping[str, Any] | None = None,
        resources: Mapping[str, Resource] | None = None,
        overrides: Mapping[str, str] | None = None,
        publish: Mapping[str, Asset] | None = None,
        cache: Cache | CacheMode | bool = False,
        when: Callable[..., Any] | None = None,
        fallback: Any = None,
        map_over: str = "",
        element: Any = None,
        writers: Mapping[str, str] | None = None,
        storage: str | None = None,
        task_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        inputs = {} if inputs is None else inputs
        if map_over and isinstance(inputs, Mapping) and map_over in inputs:
            message = (
                f"map_over={map_over!r}: a single operator has no items to map over: write "
                f"LinepipeNodeOperator.partial(map_over={map_over!r}, …).expand(element=…), without it in inputs."
            )
            raise SettingError(message)
        guard = None if when is None else Guard(plain(when))
        read: Any = {**inputs, map_over: element} if map_over and isinstance(inputs, Mapping) else inputs
        looked_at = guard.names if guard else ()
        part = part_of(
            plain(node),
            inputs=read,
            looked_at=looked_at,
            config=plain(config),
            constants=plain(constants),
            resources=resources,
        )
        # A part of several nodes may be asked for one more of its outputs later: see output_of().
        multiple_outputs = len(part.outputs) > 1 or (node is part and len(part.own) > 1)
        if multiple_outputs:
            check_output_names(part)
        if node is not part:
            settings.check_profile()
            if overrides:
                part = replace(part, overridable=plan_overrides(part.plan))
        if storage is not None:
            storage = check_storage(storage)
        chosen = as_cache("cache", cache)
        check_ignored(chosen, [part])
        published = checked_assets(publish, part.outputs)
        if published:
            kwargs["outlets"] = [*kwargs.get("outlets", ()), *published.values()]
        super().__init__(task_id=task_id or part.id, multiple_outputs=multiple_outputs, **kwargs)
        check_outputs_read(inputs, owner=self.task_id)
        if guard and isinstance(inputs, Mapping):
            configured = ["config"] if part.plan.config is not None else []
            guard.check([*read, *part.plan.constants, *configured], owner=part.id)
        self.part = part
        self.inputs = inputs
        self.overrides = checked_mapping("overrides", overrides)
        for name in self.overrides:
            check_override("overrides", name, part.overridable)
        self.publish = published
        self.cache = chosen
        # The tasks of the writers before it with which it shares a handle, by step id: whoever wires tasks knows.
        self.writers: Mapping[str, str] = writers or {}
        self.map_over = map_over
        self.element = element
        self.guard = guard
        self.fallback = None if fallback is None else Fallback.of_part(plain(fallback), part)
        self.storage = storage
        # A node's output is always a reference: nothing in its place means that the node gave none.
        self.from_nodes = frozenset(
            name
            for name, value in (inputs.items() if isinstance(inputs, Mapping) else ())
            if isinstance(getattr(value, "operator", None), LinepipeNodeOperator)
        )

    @classmethod
    def partial(cls, **kwargs: Any) -> Any:
        """As in Airflow; what has no stable text of its own gets one, so that the DAG's version holds still.

        Raises:
            SettingError: ``resources`` are given: what Airflow calls so in a mapped task is something else.
        """
        if "resources" in kwargs:
            message = (
                "LinepipeNodeOperator.partial() takes no resources=: "
                "LinepipeTaskGroup(resources=…, node_options={…: NodeOptions(map_over=…)}) does."
            )
            raise SettingError(message)
        for name in ("node", "config", "constants", "when", "fallback"):
            if name in kwargs:
                kwargs[name] = Named(value=kwargs[name])
        return super().partial(**kwargs)

    @property
    def output_names(self) -> Collection[str]:
        """The outputs that have an XCom each."""
        return self.part.outputs if self.multiple_outputs else ()

    def output_of(self, artifact: ArtifactBinding) -> XComArg:
        """The XComArg of something that a step of this task makes; from now on it leaves the task."""
        if artifact not in self.part.outputs.values():
            self.part = self.part.keep(artifact)
        return XComArg(self, self.part.name_of(artifact)) if self.multiple_outputs else XComArg(self)

    def execute(self, context: Context) -> Any:
        """Run the node; see `BaseOperator.execute`."""
        producer = producer_of_task(context)
        depth = 0 if self.multiple_outputs else expanded_depth(self, producer)
        with open_exchange(self.storage) as exchange:
            overridden = self._overridden(context)
            part = replace(self.part, plan=override_plan(self.part.plan, overridden, self.part.overridable))
            handed = self._handed()
            if self.guard:
                self.guard.skip_unless(self._looked_at(self.guard, part, handed, exchange, producer))
            progress = TaskProgress.of_task(context, part, exchange, given=[handed, overridden])
            chosen = cache_of_run(self.cache, self, context)
            if chosen.mode == "off":
                self._run(progress, exchange, context, depth)
            else:
                cache = open_cache(
                    part,
                    handed,
                    writers=self.writers,
                    cache=chosen,
                    exchange=exchange,
                    context=context,
                    depth=depth,
                )
                progress = self._recall(cache, progress, exchange, context, depth)
            for name, asset in self.publish.items():
                claim_output(progress.references[name], asset, exchange, producer)
        for name, asset in self.publish.items():
            published: Any = progress.references[name]
            context["outlet_events"][asset].extra = published if is_reference(published) else {"items": published}
        if self.multiple_outputs:
            return progress.references or None
        return next(iter(progress.references.values()), None)

    def _run(
        self,
        progress: TaskProgress,
        exchange: Exchange,
        context: Context,
        depth: int,
        cache: TaskCache | None = None,
    ) -> None:
        """Run what is left, or the fallback in its place."""
        if not progress.part.plan.steps:
            return
        if self.fallback is None:
            self._call(progress, exchange, context, depth, cache=cache)
            return
        step = only_step(progress.part, wanted_by="fallback")
        watched, raised = watch(step.function)
        try:
            self._call(progress, exchange, context, depth, cache=cache, function=watched)
        except Exception as error:
            if error not in raised or not self.fallback.stands_in(error, context):
                raise
            self.fallback.tell(error, context, owner=step.label)
            self._call(progress, exchange, context, depth, function=self.fallback)
            progress.references.update({name: mark(wire, error) for name, wire in progress.references.items()})

    def _call(
        self,
        progress: TaskProgress,
        exchange: Exchange,
        context: Context,
        depth: int,
        *,
        cache: TaskCache | None = None,
        function: Callable[..., Any] | None = None,
    ) -> None:
        """Run what is left, each output stored as soon as its node has made it; or a function in its node's place."""
        producer, part = producer_of_task(context), progress.part
        if function is not None:
            part = with_function(part, only_step(part, wanted_by="fallback"), function)
        given = self._given(progress, exchange, producer)
        with closing(run_plan(part.plan, given=given, outputs=part.outputs)) as running:
            del given
            for ran in running:
                left = ran.outputs if self.do_xcom_push else {}
                references = {
                    name: self._store(value, name=name, exchange=exchange, producer=producer, depth=depth)
                    for name, value in left.items()
                }
                progress.note(ran.step, cache.enter(ran.step, references) if cache else references)

    def _recall(
        self, cache: TaskCache, progress: TaskProgress, exchange: Exchange, context: Context, depth: int
    ) -> TaskProgress:
        """Take what earlier runs have left, and run the rest."""
        if progress.part is not cache.part:
            # An earlier try of this run has begun: it goes on there.
            self._run(progress, exchange, context, depth, cache)
            return progress
        with cache.settled() as recalled:
            self._explain(recalled, cache, context)
            progress = progress.after(recalled.done, recalled.references, exchange)
            self._run(progress, exchange, context, depth, cache)
        return progress

    def _explain(self, recalled: Recalled, cache: TaskCache, context: Context) -> None:
        logger.info("%s", recalled.reason)
        cache.explain(recalled)
        writers = cache.writers
        context["ti"].xcom_push(CACHE_KEY, {**recalled.to_dict(), **({"writers": writers} if writers else {})})

    def _store(self, value: Any, *, name: str, exchange: Exchange, producer: Producer, depth: int) -> Json:
        if depth and isinstance(value, dict) and feeds_mapped_nodes(self):
            message = f"Output '{name}' of {producer} is a dict, and a node is mapped over it: return a list."
            raise OutputTypeError(message)
        try:
            return hand_over(value, name=name, exchange=exchange, producer=producer, depth=depth)
        except UnsupportedValueError as error:
            raise with_ways_out(error, name) from error

    def _overridden(self, context: Context) -> dict[str, Any]:
        """What this run's params say of config and constants."""
        params = context["params"]
        self._check_conf(params)
        for name, param in self.overrides.items():
            if param not in params:
                raise missing_param(name, param)
        # A param that is null by default, and whose value is not: nothing was set.
        unset = {
            name
            for name, param in self.overrides.items()
            if params[param] is None and self.part.overridable[name].parameter.default not in (None, "")
        }
        return {name: params[param] for name, param in self.overrides.items() if name not in unset}

    def _check_conf(self, params: Mapping[str, Any]) -> None:
        """Airflow takes whatever a run's conf says; a misspelt name of ours would change nothing."""
        known = {*self.dag.params, *self.params}
        for name in params.keys() - known:
            close = [param for ours, param in self.overrides.items() if name in (ours, ours.removeprefix("config."))]
            if name.startswith(self._config_prefixes()):
                hint = did_you_mean(name, close or sorted(known), otherwise=f"it has {', '.join(sorted(known))}.")
                message = f"The run's conf sets '{name}', and the DAG has no such param: {hint}"
                raise SettingError(message)
            if close:
                logger.warning("The run's conf sets '%s', which is no param: did you mean '%s'?", name, close[0])

    def _config_prefixes(self) -> tuple[str, ...]:
        """What nothing but a param of ours begins with."""
        groups = {param.removesuffix(name) for name, param in self.overrides.items() if param.endswith(name)}
        ours = () if self.cache.mode == "off" else ("linepipe.",)
        return (*ours, "config.", *(f"{group}config." for group in sorted(groups)))

    def _handed(self) -> Any:
        """What stands behind ``inputs``, and the element of a mapped task."""
        return {**self.inputs, self.map_over: self.element} if self.map_over else self.inputs  # type: ignore[dict-item]

    def _looked_at(
        self, guard: Guard, part: Part, handed: Any, exchange: Exchange, reader: Producer
    ) -> Mapping[str, Any]:
        """The values that a condition looks at."""
        settled = {**part.plan.constants, "config": part.plan.config}
        if isinstance(handed, Mapping) and not is_reference(handed):
            handed = {name: handed[name] for name in guard.names if name in handed}
        loaded = load_values(handed, exchange, reader)
        guard.check([*loaded, *settled], owner=part.id)
        return {**settled, **loaded}

    def _given(self, progress: TaskProgress, exchange: Exchange, reader: Producer) -> dict[str, Any]:
        """The values that are read: those behind ``inputs``, and what an earlier try has left."""
        label = self.part.plan.steps[0].label
        handed = self._handed()
        if isinstance(handed, Mapping) and not is_reference(handed):
            # What only steps read that need not run is not loaded.
            read = set(progress.given.values())
            unread = {*self.part.plan.given, *(self.guard.names if self.guard else ())} - read
            handed = {name: value for name, value in handed.items() if name not in unread}
        inputs = load_values(handed, exchange, reader)
        if not isinstance(inputs, Mapping):
            message = f"The inputs of node '{label}' are a {type(inputs).__name__}: give a dict by name."
            raise MissingInputError(message)
        for name in progress.given.values():
            if name not in inputs:
                message = f"Node '{label}' reads '{name}', and its inputs hold only: {', '.join(inputs)}."
                raise MissingInputError(message)
            # Not what was loaded: a node may well make None.
            if name in self.from_nodes and handed[name] is None:
                message = f"Node '{label}' reads '{name}', and the task that makes it left no value."
                raise MissingInputError(message)
        return {**progress.take_values(), **{name: inputs[source] for name, source in progress.given.items()}}
