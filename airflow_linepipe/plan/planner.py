"""linepipe.Pipeline → Plan, by linepipe's own resolution rules; every problem is found here."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from airflow_linepipe.errors import HintWarning, PlanError, Problem
from airflow_linepipe.plan.arguments import checked_choice, checked_mapping, checked_names, did_you_mean
from airflow_linepipe.plan.calling import calling_problem
from airflow_linepipe.plan.composition import Pipelines, compose
from airflow_linepipe.plan.configuration import config_path, lookup
from airflow_linepipe.plan.hints import hint_mismatches
from airflow_linepipe.plan.living import ephemeral_artifacts, ephemeral_problems
from airflow_linepipe.plan.naming import MAX_ID_LENGTH, function_label, step_ids
from airflow_linepipe.plan.ordering import list_order, shared_order
from airflow_linepipe.plan.step import (
    ArtifactBinding,
    Binding,
    ConfigBinding,
    ConstantBinding,
    GivenBinding,
    Plan,
    Resource,
    ResourceBinding,
    Step,
)

if TYPE_CHECKING:
    from linepipe.node import Node

__all__ = ["MissingConfig", "Order", "build_plan", "plan_pipeline"]

Order: TypeAlias = Literal["data", "list"]
MissingConfig: TypeAlias = Literal["error", "none"]


def plan_pipeline(
    pipeline: Pipelines,
    *,
    config: Any = None,
    given: Collection[str] = (),
    order: Order = "data",
    ephemeral: Collection[str] = (),
    missing_config: MissingConfig = "error",
    resources: Mapping[str, Resource] | None = None,
) -> Plan:
    """Turn a linepipe pipeline into a plan.

    Args:
        pipeline: As in `compose`.
        config: Replaces the pipeline's own config.
        given: The names that come from outside; they take the place of constants of the same name.
        order: "data" keeps only the edges that values need (independent nodes run in parallel);
            "list" keeps linepipe's whole list order.
        ephemeral: The outputs that cannot travel between tasks; an output annotated with a live type such as
            ``sqlalchemy.Engine`` is one by itself.
        missing_config: "error": a config path that leads nowhere is a problem; "none": it is None, as in linepipe.
        resources: What is opened for the tasks that read it, by name; it takes the place of a constant or of the node
            that would make it.

    Returns:
        The plan.

    Raises:
        PlanError: Everything that would make the pipeline fail, reported together.
        PipelineTypeError: It is no pipeline.
        PipelineNotFoundError: The target leads nowhere.
        SettingError: ``order`` or ``missing_config`` is neither of the two.
    """
    composition = compose(pipeline, config=config, outside={*given, *checked_mapping("resources", resources)})
    return build_plan(
        composition.nodes,
        config=composition.config,
        constants=composition.constants,
        given=given,
        order=order,
        ephemeral=ephemeral,
        missing_config=missing_config,
        resources=resources,
    )


def build_plan(
    nodes: Sequence[Node],
    *,
    config: Any = None,
    constants: Mapping[str, Any] | None = None,
    given: Collection[str] | None = (),
    order: Order = "data",
    ephemeral: Collection[str] = (),
    missing_config: MissingConfig = "error",
    resources: Mapping[str, Resource] | None = None,
) -> Plan:
    """Turn linepipe nodes into a plan.

    Args:
        nodes: The nodes in list order.
        config: The object behind ``config`` and ``config.…`` inputs.
        constants: linepipe's runtime constants by name.
        given: The names that come from outside; None for every name that nothing else provides.
        order: As in `plan_pipeline`.
        ephemeral: As in `plan_pipeline`.
        missing_config: As in `plan_pipeline`.
        resources: As in `plan_pipeline`.

    Returns:
        The plan.

    Raises:
        PlanError: Everything that would make the nodes fail, reported together.
        SettingError: ``order`` or ``missing_config`` is neither of the two.
    """
    for name, chosen, known in (("order", order, Order), ("missing_config", missing_config, MissingConfig)):
        checked_choice(name, chosen, get_args(known))
    shape_problems = [problem for position, node in enumerate(nodes) for problem in _shape_problems(position, node)]
    if shape_problems:
        raise PlanError(shape_problems)
    opened = checked_mapping("resources", resources)
    outside = {*(given or ()), *opened}
    names = {name: value for name, value in (constants or {}).items() if name not in outside}
    replaced = {name: value for name, value in (constants or {}).items() if name in (given or ())}
    resolver = _Resolver(
        nodes=nodes, config=config, constants=names, given=given, missing_config=missing_config, resources=opened
    )
    steps = tuple(resolver.steps())
    names_of_ephemeral = checked_names("ephemeral", ephemeral)
    problems = [
        *resolver.problems,
        *resolver.unread_given(),
        *resolver.resource_problems(),
        *ephemeral_problems(steps, names_of_ephemeral),
    ]
    if problems:
        raise PlanError(problems)
    plan = Plan(
        steps=steps,
        config=config,
        constants=names,
        given=tuple(resolver.given_read),
        resources=opened,
        ephemeral=ephemeral_artifacts(steps, names_of_ephemeral),
    )
    for mismatch in hint_mismatches(plan):
        warnings.warn(mismatch, HintWarning, stacklevel=2)
    shared = shared_order(plan, replaced)
    after = list_order(plan) if order == "list" else shared
    writers = {step.id for step in plan.steps if not step.outputs}
    ordered = [
        replace(step, after=after[step.id], follows=tuple(other for other in shared[step.id] if other in writers))
        for step in plan.steps
    ]
    return replace(plan, steps=tuple(ordered))


@dataclass(kw_only=True, slots=True)
class _Resolver:
    """Walks the nodes once in list order, as linepipe's registry would see them."""

    nodes: Sequence[Node]
    config: Any
    constants: Mapping[str, Any]
    given: Collection[str] | None
    missing_config: MissingConfig
    resources: Mapping[str, Resource]
    problems: list[Problem] = field(default_factory=list)
    _written: dict[str, Step] = field(default_factory=dict)
    _unread: dict[str, Step] = field(default_factory=dict)
    given_read: dict[str, None] = field(default_factory=dict)
    resources_read: set[str] = field(default_factory=set)
    _read_by_replaced: dict[str, str] = field(default_factory=dict)

    def steps(self) -> Iterator[Step]:
        labels = [function_label(node.func) for node in self.nodes]
        for node, label, step_id in zip(self.nodes, labels, step_ids(labels), strict=True):
            if node.outputs and set(node.outputs) <= self.resources.keys():
                self._replace(node, label)
                continue
            if len(step_id) > MAX_ID_LENGTH:
                self._report(
                    label, step_id, f"its name has {len(step_id)} characters and Airflow takes {MAX_ID_LENGTH}: rename"
                )
            if message := calling_problem(node.func, node.inputs):
                self._report(label, "", message)
            step = Step(
                id=step_id,
                function=node.func,
                label=label,
                inputs=tuple(node.inputs),
                bindings=tuple(self._bind(node, label, name) for name in node.inputs),
                outputs=tuple(node.outputs),
                profile=bool(getattr(node, "profile", False)),
            )
            self._write(step)
            yield step

    def _replace(self, node: Node, label: str) -> None:
        """A resource takes the place of the node that would make it."""
        for name in node.inputs:
            if name in self.resources:
                self._report(
                    label,
                    name,
                    f"it makes '{node.outputs[0]}' out of the resource '{name}', which would not happen: a resource is "
                    "the same for all nodes, so give its output another name",
                )
            self._read_by_replaced[name] = label

    def unread_given(self) -> Iterator[Problem]:
        for name in self.given or ():
            if name not in self.given_read:
                message = _sentence(f"'{name}' is given from outside, and {self._why_unread(name)}")
                yield Problem(node="", value=name, message=message)

    def resource_problems(self) -> Iterator[Problem]:
        for name, resource in self.resources.items():
            if not callable(getattr(resource, "open", None)):
                kind = type(resource).__name__
                message = f"resources['{name}'] is a {kind}: give an AirflowConnection, or an object with open()."
                yield Problem(node="", value=name, message=message)
            if name in (self.given or ()):
                yield Problem(
                    node="", value=name, message=f"'{name}' is given as a resource and from outside: choose one."
                )
            if name not in self.resources_read:
                closest = _closest(name, {read for node in self.nodes for read in node.inputs})
                message = _sentence(f"'{name}' is given as a resource, and no node reads it{closest}")
                yield Problem(node="", value=name, message=message)

    def _why_unread(self, name: str) -> str:
        if config_path(name) is not None:
            return "linepipe looks it up in the config: give a config instead"
        makers = self._makers(name)
        if name in self._read_by_replaced:
            return f"only node '{self._read_by_replaced[name]}' reads it, whose place a resource takes: leave it out"
        if makers:
            return f"no node reads it before node '{makers[0]}' outputs it"
        return f"no node reads it{_closest(name, {read for node in self.nodes for read in node.inputs})}"

    def _bind(self, node: Node, label: str, name: str) -> Binding:
        path = config_path(name)
        if path is not None:
            try:
                lookup(self.config, path)
            except LookupError as error:
                # As in linepipe: what a property of the config raises on its own account is no missing value.
                if self.missing_config == "none" and isinstance(error.__cause__, KeyError | TypeError | IndexError):
                    return ConfigBinding(path=path, optional=True)
                self._report(label, name, f"it reads '{name}', and {error}")
            return ConfigBinding(path=path)
        if name in self.resources:
            self.resources_read.add(name)
            return ResourceBinding(name=name)
        if name in self._written:
            self._unread.pop(name, None)
            return ArtifactBinding(producer=self._written[name].id, name=name)
        if name in (self.given or ()) or (self.given is None and name not in self.constants):
            self.given_read[name] = None
            return GivenBinding(name=name)
        if name not in self.constants:
            self._report(
                label,
                name,
                f"it reads '{name}', which no earlier node outputs and which is no constant{self._instead(node, name)}",
            )
        return ConstantBinding(name=name)

    def _write(self, step: Step) -> None:
        for position, name in enumerate(step.outputs):
            if name in step.outputs[:position]:
                self._report(step.label, name, f"it names its output '{name}' twice: give each output its own name")
            elif name in self.constants:
                self._report(
                    step.label,
                    name,
                    f"its output '{name}' has the name of a runtime constant, which linepipe would keep "
                    "and drop the output: rename one of them",
                )
            elif name in self.resources:
                others = ", ".join(f"'{other}'" for other in step.outputs if other not in self.resources)
                self._report(step.label, name, f"it makes the resource '{name}' and {others}: make them in two nodes")
            elif config_path(name) is not None:
                self._report(
                    step.label, name, f"its output '{name}' can never be read: linepipe looks it up in the config"
                )
            elif name in self._unread:
                self._report(
                    step.label,
                    name,
                    f"its output '{name}' replaces the one of node '{self._unread[name].label}' "
                    "before any node has read it: rename one of them",
                )
            self._written[name] = self._unread[name] = step

    def _instead(self, reader: Node, name: str) -> str:
        later = self._makers(name, besides=reader)
        if later:
            return f": node '{later[0]}' outputs it, move that one up"
        outputs = {output for node in self.nodes for output in node.outputs}
        closest = _closest(name, {*outputs, *self.constants, *(self.given or ())})
        return closest or f": give it as a constant, or from outside with inputs={{'{name}': …}}"

    def _makers(self, name: str, *, besides: Node | None = None) -> list[str]:
        return [function_label(node.func) for node in self.nodes if name in node.outputs and node is not besides]

    def _report(self, label: str, value: str, message: str) -> None:
        self.problems.append(Problem(node=label, value=value, message=_sentence(f"Node '{label}': {message}")))


def _closest(name: str, known: set[str]) -> str:
    hint = did_you_mean(name, sorted(known - {name}), otherwise="")
    return f": {hint}" if hint else ""


def _sentence(text: str) -> str:
    return text if text.endswith("?") else f"{text}."


def _shape_problems(position: int, node: Any) -> Iterator[Problem]:
    """What is wrong with a node before it can even be asked for its names."""
    if not all(hasattr(node, name) for name in ("func", "inputs", "outputs")):
        message = f"Item {position} of the pipeline is a {type(node).__name__}, not a linepipe Node."
        yield Problem(node="", value=str(position), message=message)
        return
    if not callable(node.func):
        message = f"Node {position} wraps a {type(node.func).__name__}, which cannot be called."
        yield Problem(node="", value=str(position), message=message)
        return
    label = function_label(node.func)
    for kind, names in (("input", node.inputs), ("output", node.outputs)):
        if not isinstance(names, list | tuple):
            message = f"Node '{label}': its {kind}s are a {type(names).__name__}, not a list of names."
            yield Problem(node=label, value=repr(names), message=message)
            continue
        for name in names:
            if not isinstance(name, str) or not name:
                message = f"Node '{label}': the {kind} name {name!r} is not a non-empty string."
                yield Problem(node=label, value=repr(name), message=message)
