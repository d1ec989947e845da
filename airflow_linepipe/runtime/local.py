"""Run a whole pipeline here and now, as a DAG would, without Airflow."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from airflow_linepipe.cache import (
    Cache,
    CacheMode,
    Ledger,
    Recalled,
    Seal,
    TaskCache,
    as_cache,
    part_caches,
)
from airflow_linepipe.errors import RunNotFoundError, SettingError
from airflow_linepipe.handoff import Exchange, open_store
from airflow_linepipe.plan import (
    ArtifactBinding,
    Binding,
    ConfigBinding,
    ConstantBinding,
    Granularity,
    MissingConfig,
    Order,
    Part,
    Persist,
    Pipelines,
    Plan,
    Resource,
    ResourceBinding,
    Step,
    checked_mapping,
    override_plan,
    plan_overrides,
    plan_parts,
    plan_pipeline,
)
from airflow_linepipe.runtime.copying import private_copy
from airflow_linepipe.runtime.history import read_run
from airflow_linepipe.runtime.mapping import map_steps
from airflow_linepipe.runtime.progress import Progress, show_progress
from airflow_linepipe.runtime.result import RunResult, State, StepReport
from airflow_linepipe.runtime.runner import run_plan
from airflow_linepipe.runtime.shelf import MemoryShelf, StorageShelf

__all__ = ["run"]

logger = logging.getLogger(__name__)


def run(
    pipeline: Pipelines,
    *,
    config: Any = None,
    inputs: Mapping[str, Any] | None = None,
    storage: str | None = None,
    granularity: Granularity = "node",
    order: Order = "data",
    resources: Mapping[str, Resource] | None = None,
    ephemeral: Collection[str] = (),
    persist: Persist = "boundary",
    missing_config: MissingConfig = "error",
    params: Mapping[str, Any] | None = None,
    map_over: Mapping[str, str] | None = None,
    name: str = "local",
    run_id: str | None = None,
    allow_pickle: bool = True,
    cache: Cache | CacheMode | bool = False,
    node_cache: Mapping[str, Cache | CacheMode | bool] | None = None,
    refresh_from: str = "",
    cache_secret: str = "",
    quiet: bool = False,
) -> RunResult:
    """Run a pipeline in this process, with the tasks and the handoff that a DAG would have.

    With a storage, what leaves a task is stored and read back by the next one, as on a cluster, and `read_run` gives
    the result in any other process, also of a run that failed. Without one, values stay in memory.

    Args:
        pipeline: The pipeline, or "package.module:attribute" that leads to one; or a list of them, put together.
        config: Replaces the pipeline's own config.
        inputs: Values from outside by the names that nodes read; they take the place of runtime constants.
        storage: The URL below which artifacts and the run's record are written.
        granularity: As in `LinepipeTaskGroup`.
        order: As in `LinepipeTaskGroup`.
        resources: As in `LinepipeTaskGroup`; any object whose ``open()`` gives a context manager.
        ephemeral: As in `LinepipeTaskGroup`.
        persist: As in `LinepipeTaskGroup`; without a storage, what is kept in the result.
        missing_config: As in `LinepipeTaskGroup`.
        params: Plain values that this run has in place of those of config and constants, by the names under which nodes
            read them, such as ``{"config.window": 7}``.
        map_over: As `NodeOptions` have it, by task id: the input of which the node gets one item at a time.
        name: The pipeline's name: the folder below the storage.
        run_id: The run's id; left out, the time and a random end.
        allow_pickle: Whether values may travel as pickles.
        cache: Whether nodes take the results of earlier runs in this storage, whichever pipeline or DAG has made them,
            if their code and inputs are the same: True or "use", "refresh", False or "off", or a `Cache`.
        node_cache: The same for single tasks, by their ids.
        refresh_from: The task that is run whatever there is, with all that come after it.
        cache_secret: What signs the entries of the cache. Those of others are not seen; an Airflow that shares the
            storage keeps its own in the Variable ``linepipe_cache_secret``.
        quiet: Whether to show no progress.

    Returns:
        The finished run.

    Raises:
        PlanError: The pipeline cannot run; all its problems are reported together.
        SettingError: An argument cannot be used, or the run exists already.
        HandoffError: A value cannot be stored.
        Exception: Whatever a node's function raises, as itself.
    """
    for argument, text in (("name", name), ("run_id", "-" if run_id is None else run_id)):
        if not isinstance(text, str) or not text:
            message = f"{argument}={text!r}: give a text."
            raise SettingError(message)
    given = checked_mapping("inputs", inputs)
    plan = plan_pipeline(
        pipeline,
        config=config,
        given=given,
        order=order,
        resources=resources,
        ephemeral=ephemeral,
        missing_config=missing_config,
    )
    if params is not None:
        plan = override_plan(plan, params, plan_overrides(plan))
    plan = map_steps(plan, checked_mapping("map_over", map_over))
    parts = plan_parts(plan, granularity=granularity, persist=persist)
    caches = part_caches(parts, as_cache("cache", cache), checked_mapping("node_cache", node_cache), refresh_from)
    run_id = run_id or f"local__{datetime.now(UTC).isoformat()}_{secrets.token_hex(3)}"
    shelf: MemoryShelf | StorageShelf = MemoryShelf()
    if storage is not None:
        exchange = Exchange(storage, allow_pickle=allow_pickle)
        _check_new(exchange.storage, name, run_id)
        ledger = Ledger(exchange.storage, Seal(cache_secret), open_store)
        shelf = StorageShelf(exchange=exchange, name=name, run_id=run_id, ledger=ledger, caches=caches)
    elif any(chosen.mode != "off" for chosen in caches.values()):
        message = "cache: without a storage there is nothing to take results from: give storage= as well."
        raise SettingError(message)
    with show_progress(sum(len(part.plan.steps) for part in parts), quiet=quiet) as progress:
        return _Run(plan=plan, name=name, run_id=run_id, shelf=shelf, progress=progress).run(parts, given)


def _check_new(storage: str, name: str, run_id: str) -> None:
    try:
        read_run(storage, run_id, name=name)
    except RunNotFoundError:
        return
    message = f"Run '{run_id}' of pipeline '{name}' exists already in {storage}: choose another run_id."
    raise SettingError(message)


@dataclass(kw_only=True, slots=True)
class _Run:
    """A run on its way."""

    plan: Plan
    name: str
    run_id: str
    shelf: MemoryShelf | StorageShelf
    progress: Progress
    reports: dict[str, StepReport] = field(default_factory=dict)
    _error: str = ""
    _started: datetime = field(default_factory=lambda: datetime.now(UTC))
    _clock: float = field(default_factory=perf_counter)

    def run(self, parts: Sequence[Part], given: Mapping[str, Any]) -> RunResult:
        """Run part after part; what is known so far is kept before each."""
        try:
            for part in parts:
                self._run_part(part, given)
        except BaseException as error:
            self._fail(error)
            self.shelf.keep(lambda: self._result("failed"))
            with suppress(Exception):  # a class may refuse notes
                error.add_note(f"Run '{self.run_id}' of pipeline '{self.name}' ended here.")
            raise
        result = self._result("success")
        self.shelf.keep(lambda: result)
        return result

    def _run_part(self, part: Part, given: Mapping[str, Any]) -> None:
        cache = self.shelf.cache_of(part, given)
        if cache is None:
            self._call(part, given)
            return
        with cache.settled() as recalled:
            self._take(cache, recalled)
            if not recalled.is_hit:
                # A run that calls nothing is told in its record alone.
                cache.explain(recalled)
                self._call(recalled.part, given, cache, recalled.reason)

    def _take(self, cache: TaskCache, recalled: Recalled) -> None:
        """Have what earlier runs have left."""
        logger.info("%s: %s", cache.part.id, recalled.reason)
        for step_id in recalled.done:
            step = cache.part.plan.step(step_id)
            outputs = {
                name: reference
                for name, reference in recalled.references.items()
                if cache.part.outputs[name].producer == step_id
            }
            self.shelf.take(cache.part, outputs)
            known = self.reports.get(step_id)
            # A step that makes something ephemeral may have run in another part.
            self.reports[step_id] = (
                replace(known, outputs={**known.outputs, **outputs})
                if known
                else self._report(cache.part, step, state="success", cached=True, why=recalled.reason, outputs=outputs)
            )
            self.progress.finish(step, 0.0)

    def _call(self, part: Part, given: Mapping[str, Any], cache: TaskCache | None = None, why: str = "") -> None:
        """Run what is left of a part; what is known so far is kept before."""
        self.shelf.keep(lambda: self._result("running"))

        def start(step: Step) -> None:
            # A step that makes something ephemeral runs again in other parts; what it left the first time stays.
            known = self.reports.get(step.id)
            report = self._report(part, step, why=why)
            self.reports[step.id] = replace(report, task=known.task, outputs=known.outputs) if known else report
            self.progress.start(step)

        sources = {
            name: self.shelf.get(source)
            if isinstance(source, ArtifactBinding)
            else private_copy(given[source.name], source.name)
            for name, source in part.sources.items()
        }
        with closing(run_plan(part.plan, given=sources, outputs=part.outputs, on_start=start)) as running:
            for ran in running:
                outputs = {name: self.shelf.put(part, name, value) for name, value in ran.outputs.items()}
                if cache:
                    outputs = cache.enter(ran.step, outputs)
                    self.shelf.take(part, outputs)
                report = self.reports[ran.step.id]
                self.reports[ran.step.id] = replace(
                    report,
                    state="success",
                    seconds=ran.seconds,
                    memory=ran.memory,
                    outputs={**report.outputs, **outputs},
                )
                self.progress.finish(ran.step, ran.seconds)

    def _report(self, part: Part, step: Step, *, state: State = "running", **known: Any) -> StepReport:
        bindings = self.plan.step(step.id).bindings
        inputs = {name: _source_name(binding) for name, binding in zip(step.inputs, bindings, strict=True)}
        return StepReport(id=step.id, node=step.label, task=part.id, state=state, inputs=inputs, **known)

    def _fail(self, error: BaseException) -> None:
        self._error = _told(error)
        for step_id, report in self.reports.items():
            if report.state == "running":
                self.reports[step_id] = replace(report, state="failed", error=self._error)

    def _result(self, state: State) -> RunResult:
        def made(artifact: ArtifactBinding) -> str:
            report = self.reports.get(artifact.producer)
            return artifact.producer if report and artifact.name in report.outputs else ""

        return RunResult(
            run_id=self.run_id,
            pipeline=self.name,
            state=state,
            started=self._started.isoformat(),
            seconds=perf_counter() - self._clock,
            steps=dict(self.reports),
            error=self._error,
            outputs={
                **{artifact.name: "" for artifact in sorted(self.plan.ephemeral, key=lambda one: one.name)},
                **{name: made(artifact) for name, artifact in self.plan.outputs.items()},
            },
            _load=lambda name: self.shelf.get(self.plan.outputs[name]),
        )


def _told(error: BaseException) -> str:
    """An exception's type and message; a class may fail to say what it is."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  (whatever its own __str__ raises)
        return type(error).__name__


def _source_name(binding: Binding) -> str:
    match binding:
        case ConfigBinding():
            return "config"
        case ConstantBinding():
            return "constant"
        case ArtifactBinding(producer=producer):
            return producer
        case ResourceBinding():
            return "resource"
        case _:
            return "given"
