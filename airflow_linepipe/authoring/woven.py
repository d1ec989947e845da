"""A part of a plan as a task: one, or a mapped one with an instance for each item of a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseXCom, XComArg

from airflow_linepipe.authoring.options import NodeOptions
from airflow_linepipe.cache import Cache, as_cache
from airflow_linepipe.errors import SettingError
from airflow_linepipe.operators.fallback import Fallback
from airflow_linepipe.operators.node import LinepipeNodeOperator
from airflow_linepipe.operators.part import only_step
from airflow_linepipe.plan import ArtifactBinding, Part, Plan, did_you_mean

if TYPE_CHECKING:
    from airflow.sdk.definitions.mappedoperator import MappedOperator

__all__ = ["WovenTask", "makers_of_items", "weave_task"]


@dataclass(kw_only=True, slots=True)
class WovenTask:
    """A task that runs a part.

    Attributes:
        operator: The task.
        cache: Whether it takes results of earlier runs.
    """

    operator: LinepipeNodeOperator | MappedOperator
    cache: Cache
    _part: Part

    @property
    def task_id(self) -> str:
        """The task's id."""
        return str(self.operator.task_id)

    @property
    def part(self) -> Part:
        """What it runs."""
        return self.operator.part if isinstance(self.operator, LinepipeNodeOperator) else self._part

    @property
    def leaves_outputs(self) -> bool:
        """Whether it leaves references for others."""
        if isinstance(self.operator, LinepipeNodeOperator):
            return bool(self.operator.do_xcom_push)
        return bool(self.operator.partial_kwargs.get("do_xcom_push", True))

    def output_of(self, artifact: ArtifactBinding) -> XComArg:
        """The XComArg of something that a step of it makes; of a mapped task, the list of what its instances made."""
        if isinstance(self.operator, LinepipeNodeOperator):
            return self.operator.output_of(artifact)
        name = self._part.name_of(artifact)
        return XComArg(self.operator, name) if len(self._part.outputs) > 1 else XComArg(self.operator)


def weave_task(part: Part, arguments: Mapping[str, Any], *, inputs: Mapping[str, Any]) -> WovenTask:
    """Make the task of a part, in the DAG and group of the moment.

    Args:
        part: The part.
        arguments: What `LinepipeNodeOperator` takes besides; with ``map_over``, it is a mapped task.
        inputs: What the part is given, and what a condition looks at besides, by name.

    Raises:
        SettingError: The task cannot be mapped like this.
    """
    cache = as_cache("cache", arguments["cache"])
    if not arguments.get("map_over"):
        operator = LinepipeNodeOperator(node=part, inputs=inputs, **arguments)
        return WovenTask(operator=operator, cache=cache, _part=part)
    name = arguments["map_over"]
    items = _items(part, name, inputs)
    if arguments["publish"]:
        message = f"Node '{part.id}': each of its mapped instances would publish: publish what gathers their results."
        raise SettingError(message)
    # Airflow makes an operator of it only when an instance starts: what is wrong with it shall be known before.
    if arguments.get("fallback") is not None:
        Fallback.of_part(arguments["fallback"], part)
    mapped = LinepipeNodeOperator.partial(
        node=part,
        inputs={key: value for key, value in inputs.items() if key != name},
        **{"task_id": part.id, **arguments},
    )
    return WovenTask(operator=mapped.expand(element=items), cache=cache, _part=part)


def makers_of_items(plan: Plan, options: Mapping[str, object]) -> set[str]:
    """The steps whose output a mapped task has its items from: they need a task of their own.

    Args:
        plan: The plan.
        options: Settings of single tasks, by step id; what are none is not looked at.
    """
    mapped = {
        step_id: option.operator_arguments.get("map_over")
        for step_id, option in options.items()
        if isinstance(option, NodeOptions)
    }
    return {
        binding.producer
        for step in plan.steps
        for name, binding in zip(step.inputs, step.bindings, strict=True)
        if mapped.get(step.id) == name and isinstance(binding, ArtifactBinding)
    }


def _items(part: Part, name: str, inputs: Mapping[str, Any]) -> Any:
    """What a mapped task expands over."""
    step = only_step(part, wanted_by=f"map_over={name!r}")
    if name not in step.inputs:
        hint = did_you_mean(name, step.inputs, otherwise=f"it reads {', '.join(step.inputs) or 'nothing'}.")
        message = f"map_over={name!r}: node '{part.id}' has no such input: {hint}"
        raise SettingError(message)
    if name not in part.sources:
        message = f"map_over={name!r}: of node '{part.id}', it is no output of a node: let a node return the list."
        raise SettingError(message)
    items = inputs[name]
    if isinstance(items, XComArg):
        if getattr(items, "key", BaseXCom.XCOM_RETURN_KEY) != BaseXCom.XCOM_RETURN_KEY:
            message = (
                f"map_over={name!r}: node '{part.id}' has it from a task with several outputs, and Airflow maps over "
                f"what is a task's only one: let a node of its own return the list."
            )
            raise SettingError(message)
    elif not isinstance(items, list | tuple):
        message = f"map_over={name!r}: node '{part.id}' is given {items!r:.60}: give it a list, or a task's output."
        raise SettingError(message)
    return items
