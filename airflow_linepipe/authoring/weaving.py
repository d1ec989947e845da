"""Plan → tasks: one operator a step, in the DAG and group of the moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from airflow.sdk import XComArg

from airflow_linepipe.authoring.options import NodeOptions
from airflow_linepipe.errors import PlanError, Problem, SettingError, UnknownOutputError
from airflow_linepipe.handoff import check_storage
from airflow_linepipe.operators.arguments import unknown_argument
from airflow_linepipe.operators.node import LinepipeNodeOperator
from airflow_linepipe.plan import MAX_ID_LENGTH, ArtifactBinding, GivenBinding, Order, Plan, Step, plan_pipeline

if TYPE_CHECKING:
    from linepipe.pipeline import Pipeline

__all__ = ["Outputs", "PlannedTasks", "check_ids", "plan_tasks"]


class Outputs(Mapping[str, XComArg]):
    """A pipeline's outputs by name, each as the XComArg of its reference."""

    def __init__(self, outputs: Mapping[str, XComArg]) -> None:
        self._outputs = dict(outputs)

    def __getitem__(self, name: str) -> XComArg:
        if name not in self._outputs:
            close = get_close_matches(name, self._outputs, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(self._outputs) or 'none'}."
            message = f"The pipeline has no output '{name}': {hint}"
            raise UnknownOutputError(message)
        return self._outputs[name]

    def __iter__(self) -> Any:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedTasks:
    """A pipeline that is ready to become tasks, every argument checked.

    Attributes:
        plan: The plan.
        inputs: What the plan is given from outside, by name.
        options: Settings of single steps, by step id.
        storage: Replaces ``[linepipe] storage``.
        operator_arguments: BaseOperator arguments of every task.
    """

    plan: Plan
    inputs: Mapping[str, Any]
    options: Mapping[str, NodeOptions]
    storage: str | None
    operator_arguments: Mapping[str, Any]

    def weave(self) -> Outputs:
        """Make one task for each step, with its edges, in the DAG and group of the moment."""
        operators: dict[str, LinepipeNodeOperator] = {}
        # Left out, it may still come from the DAG's default_args.
        storage: dict[str, Any] = {} if self.storage is None else {"storage": self.storage}
        for step in self.plan.steps:
            own = self.options[step.id].operator_arguments if step.id in self.options else {}
            operator = LinepipeNodeOperator(
                task_id=step.id,
                node=self.plan.cut([step.id]),
                inputs=_inputs(step, self.inputs, operators),
                **{**storage, **self.operator_arguments, **own},
            )
            if step.outputs and not operator.do_xcom_push:
                message = f"Node '{step.label}': do_xcom_push=False would lose its outputs ({', '.join(step.outputs)})."
                raise SettingError(message)
            before = [operators[step_id] for step_id in step.after]
            if before:
                operator.set_upstream(before)
            operators[step.id] = operator
        return Outputs({name: _output(binding, operators) for name, binding in self.plan.outputs.items()})


def plan_tasks(
    pipeline: Pipeline | str,
    *,
    config: Any,
    inputs: Mapping[str, Any] | None,
    order: Order,
    storage: str | None,
    node_options: Mapping[str, NodeOptions] | None,
    operator_arguments: Mapping[str, Any],
) -> PlannedTasks:
    """Plan a pipeline and check everything that comes with it, before there is any task.

    The arguments are those of `LinepipeTaskGroup` and `LinepipeDag`.

    Raises:
        PlanError: The pipeline cannot run.
        UnknownArgumentError: An entry of ``node_options`` is for no step of it.
        SettingError: ``storage`` or ``order`` cannot be used.
        StorageUnavailableError: The file system of ``storage`` is not installed.
    """
    given, options = dict(inputs or {}), dict(node_options or {})
    plan = plan_pipeline(pipeline, config=config, given=given, order=order)
    ids = [step.id for step in plan.steps]
    # What authors write is not always what the annotation asks for.
    written: Mapping[str, object] = options
    for step_id, option in written.items():
        if step_id not in ids:
            raise unknown_argument(step_id, owner="node_options", known=ids)
        if not isinstance(option, NodeOptions):
            message = f"node_options['{step_id}'] is a {type(option).__name__}: write NodeOptions(retries=2)."
            raise SettingError(message)
    return PlannedTasks(
        plan=plan,
        inputs=given,
        options=options,
        storage=None if storage is None else check_storage(storage),
        operator_arguments=operator_arguments,
    )


def check_ids(plan: Plan, full_id: Callable[[str], str]) -> None:
    """Make sure that every task id fits, with the groups around it.

    Args:
        plan: The plan.
        full_id: From a step's id to the task's.

    Raises:
        PlanError: Some are longer than Airflow takes.
    """
    problems = [
        Problem(node=step.label, value=full_id(step.id), message=_too_long(step, full_id(step.id)))
        for step in plan.steps
        if len(full_id(step.id)) > MAX_ID_LENGTH
    ]
    if problems:
        raise PlanError(problems)


def _inputs(step: Step, inputs: Mapping[str, Any], operators: Mapping[str, LinepipeNodeOperator]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for binding in step.bindings:
        if isinstance(binding, GivenBinding):
            values[binding.name] = inputs[binding.name]
        elif isinstance(binding, ArtifactBinding):
            values[binding.name] = _output(binding, operators)
    return values


def _output(binding: ArtifactBinding, operators: Mapping[str, LinepipeNodeOperator]) -> XComArg:
    operator = operators[binding.producer]
    return XComArg(operator, binding.name) if operator.multiple_outputs else XComArg(operator)


def _too_long(step: Step, task_id: str) -> str:
    return (
        f"Node '{step.label}': with its groups its task id has {len(task_id)} characters and Airflow takes "
        f"{MAX_ID_LENGTH}: shorten the function's or the group's name."
    )
