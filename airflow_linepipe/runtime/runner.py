"""Run the steps of a plan in this process, values passed in memory."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from airflow_linepipe.plan import ArtifactBinding, Binding, GivenBinding, Plan, ResourceBinding, Step
from airflow_linepipe.runtime.inputs import bind_inputs, drop_read
from airflow_linepipe.runtime.memory import MemoryUse, measure_memory
from airflow_linepipe.runtime.outputs import name_outputs

__all__ = ["StepRun", "run_plan"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRun:
    """A step that has run.

    Attributes:
        step: The step.
        outputs: What of its outputs leaves the plan, by name.
        seconds: How long its function took.
        memory: What its function did to the memory; only of a node with ``profile=True``.
    """

    step: Step
    outputs: Mapping[str, Any]
    seconds: float
    memory: MemoryUse | None


def run_plan(
    plan: Plan,
    *,
    given: Mapping[str, Any],
    outputs: Mapping[str, ArtifactBinding] | None = None,
    on_start: Callable[[Step], None] | None = None,
) -> Generator[StepRun]:
    """Run every step of a plan, in list order.

    A generator: what leaves the plan must be stored before the next step is asked for, which may change it in place;
    whoever stops early closes it, and so the resources.

    Args:
        plan: The plan, or the part of one that a task runs.
        given: The values the plan is given from outside, by name; the steps may change them.
        outputs: What leaves the plan, by name; left out, all its outputs, the last of each name.
        on_start: Called with each step before it runs.

    Yields:
        Each step when it has run.

    Raises:
        Exception: Whatever a node's function raises, as itself; linepipe would wrap it in RuntimeError.
        RunError: A value is missing, or a node returned what does not fit its outputs.
    """
    values: dict[Binding, Any] = {GivenBinding(name=name): value for name, value in given.items()}
    del given
    last_reader = {binding: step.id for step in plan.steps for binding in step.bindings}
    leaving = {artifact: name for name, artifact in (plan.outputs if outputs is None else outputs).items()}
    with ExitStack() as opened:
        for binding in last_reader:
            if isinstance(binding, ResourceBinding):
                values[binding] = opened.enter_context(plan.resources[binding.name].open())
        for step in plan.steps:
            if on_start:
                on_start(step)
            yield _run_step(plan, step, values=values, last_reader=last_reader, leaving=leaving)


def _run_step(
    plan: Plan,
    step: Step,
    *,
    values: dict[Binding, Any],
    last_reader: dict[Binding, str],
    leaving: Mapping[ArtifactBinding, str],
) -> StepRun:
    arguments = bind_inputs(plan, step, values=values, last_reader=last_reader)
    logger.info("Running node: %s", step.label)
    started = perf_counter()
    result, memory = _call(step, arguments)
    seconds = perf_counter() - started
    drop_read(step, values, last_reader)
    left = {}
    for name, value in name_outputs(result, label=step.label, outputs=step.outputs).items():
        artifact = ArtifactBinding(producer=step.id, name=name)
        if artifact in last_reader:
            values[artifact] = value
        if artifact in leaving:
            left[leaving[artifact]] = value
    return StepRun(step=step, outputs=left, seconds=seconds, memory=memory)


def _call(step: Step, arguments: list[Any]) -> tuple[Any, MemoryUse | None]:
    try:
        if not step.profile:
            return step.function(*arguments), None
        result, memory = measure_memory(lambda: step.function(*arguments))
    except Exception as error:
        # The node's own error comes first: a class may refuse notes, or fail to say what it is.
        with suppress(Exception):
            error.add_note(f"Raised in node '{step.label}'.")
            logger.info("Node %s ended with %s: %s", step.label, type(error).__name__, error)
        raise
    # linepipe's own line.
    logger.info("[%s] ΔMem: %.2f MiB | Peak: %.2f MiB", step.label, memory.delta, memory.peak)
    return result, memory
