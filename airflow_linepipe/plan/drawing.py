"""Pictures of a plan: linepipe's own text, and a Mermaid flowchart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace

from airflow_linepipe.plan.part import Part
from airflow_linepipe.plan.step import ArtifactBinding, Plan

__all__ = ["draw_ascii", "draw_mermaid"]


def draw_ascii(plan: Plan) -> str:
    """The text that linepipe's ``draw_ascii_pipeline`` gives for the pipeline."""
    from linepipe.viz import draw_ascii_pipeline

    # linepipe asks each function for its name, which some callables do not have.
    nodes = [
        SimpleNamespace(func=SimpleNamespace(__name__=step.label), inputs=step.inputs, outputs=step.outputs)
        for step in plan.steps
    ]
    text: str = draw_ascii_pipeline(SimpleNamespace(nodes=nodes))
    return text


def draw_mermaid(plan: Plan, parts: Sequence[Part]) -> str:
    """A Mermaid flowchart: a box for each step, an arrow for each value, a frame around the steps of one task.

    Args:
        plan: The plan.
        parts: The parts it is cut into.

    Returns:
        The chart; a dotted arrow is order that no value carries.
    """
    return "\n".join(["flowchart TD", *_boxes(plan, parts), *_arrows(plan)]) + "\n"


def _boxes(plan: Plan, parts: Sequence[Part]) -> Iterator[str]:
    names = _names(plan)
    framed: set[str] = set()
    for number, part in enumerate(parts):
        own = [step.id for step in part.plan.steps if step.id in part.own]
        if len(own) > 1:
            framed.update(own)
            yield f'  subgraph t{number} ["{_escaped(part.id)}"]'
            yield from (f'    {names[step_id]}["{_escaped(step_id)}"]' for step_id in own)
            yield "  end"
    yield from (f'  {names[step.id]}["{_escaped(step.id)}"]' for step in plan.steps if step.id not in framed)


def _arrows(plan: Plan) -> Iterator[str]:
    names = _names(plan)
    for step in plan.steps:
        made = [binding for binding in dict.fromkeys(step.bindings) if isinstance(binding, ArtifactBinding)]
        for binding in made:
            yield f'  {names[binding.producer]} -- "{_escaped(binding.name)}" --> {names[step.id]}'
        for other in step.after:
            if other not in {binding.producer for binding in made}:
                yield f"  {names[other]} -.-> {names[step.id]}"


def _names(plan: Plan) -> dict[str, str]:
    """Mermaid has reserved words, so steps are numbered there."""
    return {step.id: f"n{number}" for number, step in enumerate(plan.steps)}


def _escaped(text: str) -> str:
    return text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
