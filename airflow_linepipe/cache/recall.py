"""What a task need not do again: the longest beginning of its steps whose results are in storage."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from airflow_linepipe.cache.difference import describe_changes
from airflow_linepipe.cache.explanation import write_explanation
from airflow_linepipe.cache.ledger import Entry, Ledger
from airflow_linepipe.cache.policy import Cache
from airflow_linepipe.cache.recipe import Ingredient, Recipe, recipes_of
from airflow_linepipe.errors import InvalidReferenceError, UntrustedEntryError
from airflow_linepipe.handoff import ArtifactRef, Json, Producer, is_reference, references_in, replace_references
from airflow_linepipe.plan import ArtifactBinding, Part, Plan, Step, part_after

__all__ = ["Recalled", "TaskCache"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recalled:
    """What of a task is left to do.

    Attributes:
        part: The rest; it has no steps if nothing is left.
        done: The ids of the steps that need not be called, in order.
        references: What they have left, on the wire, by name.
        reason: Why, in one line: "cache hit: …", "cache miss: …".
    """

    part: Part
    done: tuple[str, ...]
    references: Mapping[str, Json]
    reason: str

    @property
    def is_hit(self) -> bool:
        """Whether nothing is left to do."""
        return not self.part.plan.steps

    def to_dict(self) -> dict[str, Json]:
        """For people who ask why, as JSON."""
        return {"hit": self.is_hit, "reason": self.reason, "done": list(self.done)}


class _Miss(Exception):  # noqa: N818  (no error)
    """Why a step has to be called."""


@dataclass(kw_only=True, slots=True)
class TaskCache:
    """The cache as one task uses it.

    Attributes:
        ledger: What the cache knows.
        cache: How it is used.
        part: What the task does, all of it.
        producer: The task.
        recipes: What its steps are made of, by id.
        claim: Records that the task's run reads artifacts of other runs, by their URIs.
    """

    ledger: Ledger
    cache: Cache
    part: Part
    producer: Producer
    recipes: Mapping[str, Recipe]
    claim: Callable[[Collection[str]], None]

    @classmethod
    def of_task(
        cls,
        part: Part,
        *,
        given: Mapping[str, Ingredient],
        written: Mapping[str, str],
        cache: Cache,
        ledger: Ledger,
        producer: Producer,
        claim: Callable[[Collection[str]], None],
        shape: str = "",
    ) -> TaskCache:
        """The cache for a part of a plan.

        Args:
            part: The part.
            given: What it is given, by name; see `identify`.
            written: The keys of the recipes of writers in other tasks, by step id; see `writers`.
            cache: How the cache is used; it is not off.
            ledger: What the cache knows.
            producer: The task.
            claim: Records that the task's run reads artifacts of other runs, by their URIs.
            shape: In which form the task leaves its outputs, if not in the usual one.
        """
        recipes = recipes_of(part.plan, given=given, written=written, cache=cache, shape=shape)
        return cls(ledger=ledger, cache=cache, part=part, producer=producer, recipes=recipes, claim=claim)

    @property
    def writers(self) -> dict[str, str]:
        """The keys of the recipes of the task's writers, by step id: others may find what they write."""
        return {
            step.id: self.recipes[step.id].key
            for step in self.part.plan.steps
            if not step.outputs and not self.recipes[step.id].unknown
        }

    def recall(self) -> Recalled:
        """Look for results of earlier runs; no value is read."""
        if self.cache.mode == "refresh":
            return Recalled(part=self.part, done=(), references={}, reason="cache refresh: called whatever there is")
        found: dict[str, Entry] = {}
        ran, stored, reason = [], dict[ArtifactBinding, Json](), ""
        for step in self.part.plan.steps:
            try:
                if outputs := self._outputs(step):
                    found[step.id], references = self._entry(step)
                    stored.update({outputs[name]: reference for name, reference in references.items()})
                elif not step.outputs:
                    found[step.id], _ = self._entry(step)
            except _Miss as miss:
                reason = f"cache miss: {self._named(step, str(miss))}"
                break
            ran.append(step.id)
        rest, done = self._rest(ran, stored)
        references = {
            name: stored[artifact]
            for name, artifact in self.part.outputs.items()
            if artifact.producer in done and artifact in stored
        }
        runs = list(dict.fromkeys(_told(found[step_id]) for step_id in done if step_id in found))
        if done:
            hit = f"cache hit: {self._through(done)}{', '.join(runs)}"
            reason = f"{hit}; {reason}" if reason else hit
        return Recalled(part=rest, done=done, references=references, reason=reason or "cache miss")

    @contextmanager
    def settled(self) -> Iterator[Recalled]:
        """What is left to do, while nobody else does the same."""
        recalled = self.recall()
        if recalled.is_hit:
            yield recalled
            return
        with self.alone():
            # Somebody may have made it just now.
            yield self.recall()

    def _rest(self, ran: Sequence[str], stored: Mapping[ArtifactBinding, Json]) -> tuple[Part, tuple[str, ...]]:
        """What is left to do, and the steps that are not."""
        if len(ran) < len(self.part.plan.steps):
            return part_after(self.part, ran, stored)
        return Part(id=self.part.id, plan=Plan(steps=()), own=self.part.own, sources={}, outputs={}), tuple(ran)

    def alone(self) -> AbstractContextManager[bool]:
        """Keep others from doing the same meanwhile, who would then find it done; see `Ledger.alone`."""
        recipes = [self.recipes[step.id] for step in self.part.plan.steps] if self.cache.mode == "use" else []
        if not recipes or any(recipe.unknown for recipe in recipes):
            return nullcontext(enter_result=False)
        return self.ledger.alone([recipe.key for recipe in recipes])

    def explain(self, recalled: Recalled) -> None:
        """Write down beside the task's artifacts why it is called, or is not, and which entries it may write."""
        write_explanation(
            self.ledger.storage,
            self.producer,
            steps=[step.id for step in self.part.plan.steps],
            reason=recalled.reason,
            entries=[self.ledger.path_of(self.recipes[step.id].key) for step in recalled.part.plan.steps],
            open_store=self.ledger.open_store,
        )

    def enter(self, step: Step, references: Mapping[str, Json]) -> dict[str, Json]:
        """Let later runs find what a step has left.

        Args:
            step: The step.
            references: What it has left, on the wire, by the part's names; all of it is whole in storage.

        Returns:
            The same, each marked with the recipe that it was made by.
        """
        recipe = self.recipes[step.id]
        self.ledger.remember(self.producer, step.id, recipe)
        if recipe.unknown:
            return dict(references)
        marked = {
            name: replace_references(wire, lambda reference: replace(reference, recipe=recipe.key).to_wire())
            for name, wire in references.items()
        }
        if marked or not step.outputs:
            by_output = {artifact.name: marked.get(name) for name, artifact in self._outputs(step).items()}
            self.ledger.enter(recipe.key, self.producer, [by_output.get(name) for name in step.outputs])
        return marked

    def _outputs(self, step: Step) -> dict[str, ArtifactBinding]:
        """What of a step's outputs leaves the task, by the task's names."""
        return {name: artifact for name, artifact in self.part.outputs.items() if artifact.producer == step.id}

    def _entry(self, step: Step) -> tuple[Entry, dict[str, Json]]:
        """What an earlier run has left of a step that is made in the same way.

        Raises:
            _Miss: Nothing that can be taken.
        """
        if not step.outputs and not self.cache.writers:
            message = "it has no outputs, and what it does elsewhere is done in every run"
            raise _Miss(message)
        recipe = self.recipes[step.id]
        if recipe.unknown:
            message = f"it cannot be known: {'; '.join(recipe.unknown)}"
            raise _Miss(message)
        try:
            entry = self.ledger.find(recipe.key)
        except KeyError:
            raise _Miss(self._changes(step, recipe)) from None
        except UntrustedEntryError as error:
            message = f"there is an entry, and {error}"
            raise _Miss(message) from error
        if self.cache.ttl is not None and datetime.now(UTC) - entry.made > self.cache.ttl:
            message = f"{_told(entry)} has made it more than {self.cache.ttl} ago"
            raise _Miss(message)
        if len(entry.outputs) != len(step.outputs):
            message = "there is an entry, and it is that of another number of outputs"
            raise _Miss(message)
        references = {}
        for name, artifact in self._outputs(step).items():
            reference = entry.outputs[step.outputs.index(artifact.name)]
            if reference is None:
                message = f"{_told(entry)} did not keep '{artifact.name}'"
                raise _Miss(message)
            references[name] = reference
        self._check_stored(entry, references)
        return entry, {
            name: _renamed(reference, self.part.outputs[name].name) for name, reference in references.items()
        }

    def _check_stored(self, entry: Entry, references: Mapping[str, Json]) -> None:
        try:
            found = [reference for wire in references.values() for reference in references_in(wire)]
        except InvalidReferenceError as error:
            message = f"there is an entry, and {error}"
            raise _Miss(message) from error
        if not all(isinstance(wire, dict | list) for wire in references.values()):
            message = "there is an entry, and what it holds are no references"
            raise _Miss(message)
        # Before it is looked for: from then on nobody collects it.
        self.claim([reference.uri for reference in found])
        for reference in found:
            if not self.ledger.has(reference, entry):
                message = f"what {_told(entry)} has stored is gone ({reference.uri})"
                raise _Miss(message)

    def _changes(self, step: Step, recipe: Recipe) -> str:
        try:
            before = self.ledger.last(self.producer, step.id)
        except KeyError:
            return "no earlier call of it is known"
        return describe_changes(before, recipe, self.ledger.seal)

    def _named(self, step: Step, reason: str) -> str:
        """With the step's name where the task has several."""
        return f"node '{step.id}': {reason}" if len(self.part.plan.steps) > 1 else reason

    def _through(self, done: tuple[str, ...]) -> str:
        return f"nodes through '{done[-1]}', " if len(done) < len(self.part.plan.steps) else ""


def _told(entry: Entry) -> str:
    producer = entry.producer
    return f"run {producer.run_id} of '{producer.dag_id}'"


def _renamed(wire: Json, name: str) -> Json:
    """The reference under the name that its output has now."""
    if isinstance(wire, dict) and is_reference(wire) and wire.get("name") != name:
        return replace(ArtifactRef.from_wire(wire), name=name).to_wire()
    return wire
