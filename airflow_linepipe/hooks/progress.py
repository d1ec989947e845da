"""How far a task of several steps has come, kept by Airflow from one try to the next."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from airflow_linepipe.errors import ArtifactAlteredError, ArtifactNotFoundError, ArtifactUnreadableError
from airflow_linepipe.handoff import Exchange, Json
from airflow_linepipe.plan import ArtifactBinding, GivenBinding, Part, Step, part_after, plan_overrides
from airflow_linepipe.runtime import load_references

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["TaskProgress"]

logger = logging.getLogger(__name__)

# In the task's state store, which Airflow has from 3.3 on; before, every try starts at the beginning.
_KEY: Final = "linepipe_progress"


@dataclass(kw_only=True, slots=True)
class TaskProgress:
    """What the tries of a task have done so far.

    Attributes:
        part: What is left to do.
        given: The task's inputs that are still read, each under the name that ``part`` has for it.
        references: What steps that have run have left, on the wire, by its name.
    """

    part: Part
    given: Mapping[str, str]
    references: dict[str, Json]
    _values: dict[str, Any] = field(repr=False)
    _ran: list[str]
    _store: Any
    _run: Mapping[str, Json] = field(repr=False)

    @classmethod
    def of_task(cls, context: Context, part: Part, exchange: Exchange, *, given: object) -> TaskProgress:
        """What an earlier try of this task has done; nothing if this is the first, or if somebody cleared the task.

        Args:
            context: The running task's.
            part: What the task runs.
            exchange: Where artifacts are read.
            given: What the task is handed and what its run has set; a try that was handed anything else counts for
                nothing.
        """
        task_instance = context["ti"]
        inputs = {name: name for name in part.plan.given}
        store = context.get("task_state_store") if len(part.plan.steps) > 1 and task_instance.max_tries else None
        if store is None:
            return cls(part=part, given=inputs, references={}, _values={}, _ran=[], _store=None, _run={})
        # A task that is cleared gets more tries: whoever clears it wants all of it again.
        run: dict[str, Json] = {"max_tries": task_instance.max_tries, "given": _digest(part, given)}
        kept: Any = store.get(_KEY) if task_instance.try_number > 1 else None
        has_next = task_instance.try_number <= task_instance.max_tries
        fresh = cls(
            part=part, given=inputs, references={}, _values={}, _ran=[], _store=store if has_next else None, _run=run
        )
        if not isinstance(kept, dict) or kept["run"] != run:
            return fresh
        return fresh.after(kept["ran"], kept["references"], exchange)

    def take_values(self) -> dict[str, Any]:
        """What earlier tries have left for the rest, by the names that ``part`` has for it; to be had once."""
        values, self._values = self._values, {}
        return values

    def note(self, step: Step, references: Mapping[str, Json]) -> None:
        """Keep it that a step has run, and what it has left."""
        self._ran.append(step.id)
        self.references.update(references)
        # No try begins after a step that has left nothing for others; a writer should not write twice.
        if self._store is not None and (references or not step.outputs):
            self._store.set(_KEY, {"run": dict(self._run), "ran": [*self._ran], "references": {**self.references}})

    def after(self, ran: Sequence[str], references: Mapping[str, Json], exchange: Exchange) -> TaskProgress:
        """What is left when some steps have run before, as far as what they have left can still be read.

        Args:
            ran: Their ids, in the part's order from the first one on.
            references: What they have left, on the wire, by the part's names.
            exchange: Where it is read.
        """
        stored = {artifact: references[name] for name, artifact in self.part.outputs.items() if name in references}
        left, done = part_after(self.part, ran, stored)
        if not done:
            return self
        try:
            values = {
                name: load_references(stored[source], exchange)
                for name, source in left.sources.items()
                if isinstance(source, ArtifactBinding)
            }
        except (ArtifactNotFoundError, ArtifactAlteredError, ArtifactUnreadableError) as error:
            logger.info("Starting at the beginning: what an earlier try stored cannot be read: %s", error)
            return self
        if left.plan.steps:
            logger.info("Going on after node %s: what the rest needs is stored.", done[-1])
        outputs = {name for name, artifact in self.part.outputs.items() if artifact.producer in done}
        kept = {name: reference for name, reference in references.items() if name in outputs}
        inputs = {name: source.name for name, source in left.sources.items() if isinstance(source, GivenBinding)}
        return TaskProgress(
            part=left,
            given=inputs,
            references=kept,
            _values=values,
            _ran=list(done),
            _store=self._store,
            _run=self._run,
        )


def _digest(part: Part, given: object) -> str:
    """What a try depends on, as far as it has a text of its own; a digest, because it may hold secrets."""
    steps = [(step.id, step.inputs, step.outputs) for step in part.plan.steps]
    settings = {name: override.parameter.default for name, override in plan_overrides(part.plan).items()}
    return hashlib.sha256(repr((steps, sorted(part.outputs), settings, given)).encode()).hexdigest()
