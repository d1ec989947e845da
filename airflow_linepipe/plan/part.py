"""The parts of a plan: which steps one task runs, what it is handed, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from airflow_linepipe.plan.step import ArtifactBinding, Binding, GivenBinding, Plan, Step

__all__ = ["Part", "Persist", "Source", "cut_parts"]

Persist: TypeAlias = Literal["boundary", "all"]
Source: TypeAlias = ArtifactBinding | GivenBinding


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What one task runs of a plan.

    Attributes:
        id: The task's id, without groups around it.
        plan: The steps that stay, fed from outside where others make a value.
        sources: What the part is given, by name: each an artifact of another part, or what the whole plan is given.
        outputs: What leaves the part, by name.
    """

    id: str
    plan: Plan
    sources: Mapping[str, Source]
    outputs: Mapping[str, ArtifactBinding]

    def keep(self, artifact: ArtifactBinding) -> Part:
        """The same part, with the last of its artifacts of some name leaving it too."""
        return replace(self, outputs={**self.outputs, artifact.name: artifact})

    def name_of(self, artifact: ArtifactBinding) -> str:
        """The name under which an artifact leaves the part.

        Raises:
            KeyError: It does not leave it.
        """
        for name, output in self.outputs.items():
            if output == artifact:
                return name
        raise KeyError(artifact.name)


def cut_parts(plan: Plan, groups: Mapping[str, Collection[str]], *, persist: Persist = "boundary") -> tuple[Part, ...]:
    """Cut parts out of a plan.

    A name that is written several times may enter or leave a part in several versions: the one that
    linepipe would still have at the end keeps the name, each other is called ``name@step``.

    Args:
        plan: The whole plan.
        groups: The steps of each part, by the part's id; they keep linepipe's list order.
        persist: "boundary": what steps of other parts read leaves the part, and what no step reads at all; "all":
            every output leaves.

    Returns:
        The parts, in the order of the groups.

    Raises:
        KeyError: The plan has no step of such an id.
    """
    readers: dict[Binding, set[str]] = {}
    for step in plan.steps:
        for binding in step.bindings:
            readers.setdefault(binding, set()).add(step.id)
    last = set(plan.outputs.values())
    position = {step.id: number for number, step in enumerate(plan.steps)}
    parts = []
    for part_id, step_ids in groups.items():
        steps = [plan.steps[number] for number in sorted(position[step_id] for step_id in set(step_ids))]
        inside = {step.id for step in steps}
        sources: dict[str, Source] = {}
        fed = tuple(_fed_from_outside(step, inside, sources) for step in steps)
        outputs = {
            artifact.name if artifact in last else f"{artifact.name}@{artifact.producer}": artifact
            for artifact in (ArtifactBinding(producer=step.id, name=name) for step in steps for name in step.outputs)
            if persist == "all" or artifact not in readers or readers[artifact] - inside
        }
        cut = replace(plan, steps=fed, given=tuple(sources))
        parts.append(Part(id=part_id, plan=cut, sources=sources, outputs=outputs))
    return tuple(parts)


def _fed_from_outside(step: Step, inside: Collection[str], sources: dict[str, Source]) -> Step:
    """The step as it stands in its part; what it is given is noted in ``sources``."""
    bindings: list[Binding] = []
    for binding in step.bindings:
        if isinstance(binding, GivenBinding) or (
            isinstance(binding, ArtifactBinding) and binding.producer not in inside
        ):
            known = [name for name, source in sources.items() if source == binding]
            name = known[0] if known else _free_name(binding, sources)
            sources[name] = binding
            bindings.append(GivenBinding(name=name))
        else:
            bindings.append(binding)
    return replace(step, bindings=tuple(bindings), after=tuple(other for other in step.after if other in inside))


def _free_name(binding: Source, taken: Collection[str]) -> str:
    """The binding's own name, or one that nothing else has."""
    name = binding.name
    if name in taken and isinstance(binding, ArtifactBinding):
        name = f"{name}@{binding.producer}"
    while name in taken:
        name = f"{name}@"
    return name
