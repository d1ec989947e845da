"""The parts of a plan: which steps one task runs, what it is handed, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Literal, TypeAlias

from airflow_linepipe.plan.overriding import Override
from airflow_linepipe.plan.step import ArtifactBinding, Binding, GivenBinding, Plan, Step

__all__ = ["Part", "Persist", "Source", "cut_parts", "makers_of", "makers_to_repeat", "part_after"]

Persist: TypeAlias = Literal["boundary", "all"]
Source: TypeAlias = ArtifactBinding | GivenBinding


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What one task runs of a plan.

    Attributes:
        id: The task's id, without groups around it.
        plan: The steps that run in it, fed from outside where others make a value.
        own: The steps that run nowhere else; the rest make ephemeral values for them.
        upstream: The ids of the parts that must run before it, for a value or for order's sake.
        sources: What the part is given, by name: each an artifact of another part, or what the whole plan is given.
        outputs: What leaves the part, by name.
        overridable: What a run may replace of what its steps read, by name.
    """

    id: str
    plan: Plan
    own: frozenset[str]
    upstream: tuple[str, ...] = ()
    sources: Mapping[str, Source]
    outputs: Mapping[str, ArtifactBinding]
    overridable: Mapping[str, Override] = field(default_factory=dict)

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
    linepipe would still have at the end keeps the name, each other is called ``name@step``. A step that makes
    something ephemeral runs again in every part that reads it.

    Args:
        plan: The whole plan.
        groups: The steps of each part, by the part's id; they keep linepipe's list order. Every step is in one,
            except those that run again wherever they are read.
        persist: "boundary": what steps of other parts read leaves the part, and what no step reads at all; "all":
            every output leaves.

    Returns:
        The parts, in the order of the groups.

    Raises:
        KeyError: The plan has no step of such an id.
    """
    position = {step.id: number for number, step in enumerate(plan.steps)}
    cuts: dict[str, tuple[tuple[Step, ...], dict[str, Source]]] = {}
    for part_id, step_ids in groups.items():
        inside = set(step_ids).union(*(makers_of(plan, step_id) for step_id in step_ids))
        sources: dict[str, Source] = {}
        steps = (plan.steps[number] for number in sorted(position[step_id] for step_id in inside))
        cuts[part_id] = (tuple(_fed_from_outside(plan, step, step_ids, inside, sources) for step in steps), sources)
    needed = {source for _, sources in cuts.values() for source in sources.values()}
    read = {binding for step in plan.steps for binding in step.bindings}
    last = set(plan.outputs.values())
    names = {name for step in plan.steps for name in step.outputs}
    parts = []
    for part_id, step_ids in groups.items():
        fed, sources = cuts[part_id]
        made = [ArtifactBinding(producer=step.id, name=name) for step in fed for name in step.outputs]
        outputs = {
            artifact.name if artifact in last else _version_name(artifact, names): artifact
            for artifact in made
            if artifact.producer in step_ids
            and artifact not in plan.ephemeral
            and (persist == "all" or artifact in needed or artifact not in read)
        }
        cut = replace(plan, steps=fed, given=tuple(sources))
        parts.append(Part(id=part_id, plan=cut, own=frozenset(step_ids), sources=sources, outputs=outputs))
    return tuple(parts)


def part_after(part: Part, ran: Sequence[str], stored: Collection[ArtifactBinding]) -> tuple[Part, tuple[str, ...]]:
    """What is left of a part of which some steps have run.

    The longest beginning of its steps is left out of which everything is stored that later steps read and that leaves
    the part.

    Args:
        part: The part.
        ran: The ids of the steps that have run, in the part's order from the first one on.
        stored: Which of the part's artifacts can be read again.

    Returns:
        The rest, whose sources are the part's own and these artifacts; and the ids of the steps that are left out.
    """
    ids = [step.id for step in part.plan.steps]
    known = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(ids, ran, strict=False)))
    for length in range(known, 0, -1):
        done = ids[:length]
        if not part.own.intersection(done):
            break  # only what runs again for every reader
        own = [step_id for step_id in ids[length:] if step_id in part.own]
        (rest,) = cut_parts(part.plan, {part.id: own})
        outputs = {name: artifact for name, artifact in part.outputs.items() if artifact.producer in own}
        needed = {source for source in rest.sources.values() if isinstance(source, ArtifactBinding)}
        needed.update(artifact for artifact in part.outputs.values() if artifact.producer in done)
        if needed <= set(stored):
            return replace(rest, outputs=outputs), tuple(done)
    return part, ()


def makers_to_repeat(plan: Plan) -> frozenset[str]:
    """The steps that need no part of their own: everything they make is ephemeral, and somebody reads it."""
    read = {binding for step in plan.steps for binding in step.bindings}
    makers = set()
    for step in plan.steps:
        made = {ArtifactBinding(producer=step.id, name=name) for name in step.outputs}
        if made and made <= plan.ephemeral and made & read:
            makers.add(step.id)
    return frozenset(makers)


def makers_of(plan: Plan, step_id: str) -> set[str]:
    """The steps that make the ephemeral values a step reads, and those that they read."""
    makers: set[str] = set()
    todo = [step_id]
    while todo:
        for binding in plan.step(todo.pop()).bindings:
            if isinstance(binding, ArtifactBinding) and binding in plan.ephemeral and binding.producer not in makers:
                makers.add(binding.producer)
                todo.append(binding.producer)
    return makers


def _fed_from_outside(
    plan: Plan, step: Step, own: Collection[str], inside: Collection[str], sources: dict[str, Source]
) -> Step:
    """The step as it stands in its part; what it is given is noted in ``sources``."""
    bindings: list[Binding] = []
    for binding in step.bindings:
        # Of a step that runs again here, only what is ephemeral: the rest is what it made the first time.
        is_made_here = isinstance(binding, ArtifactBinding) and (
            binding.producer in own or (binding.producer in inside and binding in plan.ephemeral)
        )
        if isinstance(binding, GivenBinding) or (isinstance(binding, ArtifactBinding) and not is_made_here):
            known = [name for name, source in sources.items() if source == binding]
            name = known[0] if known else _free_name(binding, sources)
            sources[name] = binding
            bindings.append(GivenBinding(name=name))
        else:
            bindings.append(binding)
    return replace(step, bindings=tuple(bindings), after=tuple(other for other in step.after if other in inside))


def _version_name(binding: Source, taken: Collection[str]) -> str:
    """What another version of a name is called; nothing has that name."""
    maker = binding.producer if isinstance(binding, ArtifactBinding) else ""
    name = f"{binding.name}@{maker}"
    while name in taken:
        name = f"{name}@"
    return name


def _free_name(binding: Source, taken: Collection[str]) -> str:
    """The binding's own name, or one that nothing else has."""
    return binding.name if binding.name not in taken else _version_name(binding, taken)
