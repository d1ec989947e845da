"""Run the steps of a plan in this process, values passed in memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_linepipe.plan import ArtifactBinding, Binding, GivenBinding, Plan
from airflow_linepipe.runtime.inputs import bind_inputs
from airflow_linepipe.runtime.outputs import name_outputs

__all__ = ["run_plan"]

logger = logging.getLogger(__name__)


def run_plan(
    plan: Plan, *, given: Mapping[str, Any], outputs: Mapping[str, ArtifactBinding] | None = None
) -> Iterator[tuple[str, Any]]:
    """Run every step of a plan, in list order.

    A generator: each output that leaves the plan is yielded as soon as it is made, and must be stored
    before the next one is asked for, because a later step may change it in place.

    Args:
        plan: The plan, or the part of one that a task runs.
        given: The values the plan is given from outside, by name; the steps may change them.
        outputs: What leaves the plan, by name; left out, all its outputs, the last of each name.

    Yields:
        Name and value of each output.

    Raises:
        Exception: Whatever a node's function raises, as itself; linepipe would wrap it in RuntimeError.
        RunError: A value is missing, or a node returned what does not fit its outputs.
    """
    values: dict[Binding, Any] = {GivenBinding(name=name): value for name, value in given.items()}
    last_reader = {binding: step.id for step in plan.steps for binding in step.bindings}
    leaving = {artifact: name for name, artifact in (plan.outputs if outputs is None else outputs).items()}
    for step in plan.steps:
        arguments = bind_inputs(plan, step, values=values, last_reader=last_reader)
        logger.info("Running node: %s", step.label)
        result = step.function(*arguments)
        for name, value in name_outputs(result, label=step.label, outputs=step.outputs).items():
            artifact = ArtifactBinding(producer=step.id, name=name)
            if artifact in last_reader:
                values[artifact] = value
            if artifact in leaving:
                yield leaving[artifact], value
