"""What an author writes as the node of a task, as a part of a plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_linepipe.errors import PlanError, Problem, SettingError
from airflow_linepipe.handoff import is_reference
from airflow_linepipe.hooks.handoff import RESERVED_KEYS
from airflow_linepipe.plan import Part, Resource, Step, build_plan, function_label, load_target

if TYPE_CHECKING:
    from linepipe.node import Node

__all__ = ["Named", "check_output_names", "only_step", "part_of", "plain", "with_function"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A value whose text in the serialised DAG is the same in every process."""

    value: Any

    def __str__(self) -> str:
        nodes = self.value if isinstance(self.value, list | tuple) else [self.value]
        return self.value if isinstance(self.value, str) else ", ".join(_name(node) for node in nodes)


def plain(value: Any) -> Any:
    """The value itself, if it is `Named`."""
    return value.value if isinstance(value, Named) else value


def part_of(
    node: Node | Sequence[Node] | Part | str,
    *,
    inputs: object,
    looked_at: Collection[str] = (),
    config: Any,
    constants: Mapping[str, Any] | None,
    resources: Mapping[str, Resource] | None,
) -> Part:
    """The part that a task runs.

    Args:
        node: A Node, a list of them, "package.module:attribute" that leads to either, or a part already.
        inputs: What it is given, by name; or what will show its names only when it is there.
        looked_at: The names of inputs that the nodes need not read.
        config: The object behind ``config`` and ``config.…`` inputs.
        constants: linepipe's runtime constants by name.
        resources: What is opened for the task and closed after it, by name.

    Raises:
        PlanError: The node cannot run with these.
    """
    if isinstance(node, Part):
        return node
    target = load_target(node) if isinstance(node, str) else node
    nodes = list(target) if isinstance(target, list | tuple) else [target]
    if not nodes:
        raise PlanError([Problem(node="", value="node", message="There is no node to run: the list is empty.")])
    given = None
    if isinstance(inputs, Mapping) and not is_reference(inputs):
        read = {name for one in nodes for name in getattr(one, "inputs", ())}
        given = tuple(name for name in inputs if name in read or name not in looked_at)
    plan = build_plan(nodes, config=config, constants=constants, given=given, resources=resources, order="list")
    own = [step.id for step in plan.steps]
    return Part(id=own[0], plan=plan, own=frozenset(own), sources={}, outputs=plan.outputs)


def only_step(part: Part, *, wanted_by: str) -> Step:
    """The step of a part that is about one; beside it there may be makers of the ephemeral values that it reads.

    Args:
        part: The part.
        wanted_by: The argument that is about one node, for messages.

    Raises:
        SettingError: There are several.
    """
    own = [step for step in part.plan.steps if step.id in part.own]
    if len(own) > 1:
        message = f"{wanted_by}: the task '{part.id}' runs several nodes, and this is about one: let it run alone."
        raise SettingError(message)
    return own[0]


def with_function(part: Part, step: Step, function: Callable[..., Any]) -> Part:
    """A part with another function in the place of that of one step."""
    steps = tuple(replace(one, function=function) if one.id == step.id else one for one in part.plan.steps)
    return replace(part, plan=replace(part.plan, steps=steps))


def check_output_names(part: Part) -> None:
    """Make sure that outputs with an XCom each have no name that Airflow keeps.

    Raises:
        PlanError: One has.
    """
    for name in sorted(RESERVED_KEYS):
        if name in part.outputs:
            label = part.plan.step(part.outputs[name].producer).label
            message = f"Node '{label}': its output '{name}' has the name of an XCom that Airflow keeps: rename it."
            raise PlanError([Problem(node=label, value=name, message=message)])


def _name(value: Any) -> str:
    if isinstance(value, Part):
        return value.id
    if hasattr(value, "func"):
        return function_label(value.func)
    return function_label(value) if callable(value) else type(value).__name__
