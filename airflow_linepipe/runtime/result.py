"""What is known of a run: its steps, how long they took, and what they left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from airflow_linepipe.errors import UnknownOutputError
from airflow_linepipe.handoff import Json
from airflow_linepipe.plan import did_you_mean
from airflow_linepipe.runtime.memory import MemoryUse

__all__ = ["RunResult", "State", "StepReport"]

State: TypeAlias = Literal["running", "success", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StepReport:
    """What became of one step.

    Attributes:
        id: The step's id in the plan.
        node: The function's name.
        task: The part of the plan it ran in.
        state: "running", "success" or "failed".
        seconds: How long its function took.
        inputs: Where each input came from, by name: "config", "constant", "resource", "given" or a step's id.
        outputs: Each output by name: its reference on the wire if it was stored, else a dict with its type.
        cached: Whether an earlier run's outputs were taken instead of calling the function.
        why: Why it was called, or was not, as the cache has it; "" without a cache.
        memory: What the function did to the memory; only of a node with ``profile=True``.
        error: The exception's type and message; "" if there was none.
    """

    id: str
    node: str
    task: str
    state: State
    seconds: float = 0.0
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Json] = field(default_factory=dict)
    cached: bool = False
    why: str = ""
    memory: MemoryUse | None = None
    error: str = ""

    def to_dict(self) -> dict[str, Json]:
        """The report as plain JSON."""
        memory: Json = {"delta": self.memory.delta, "peak": self.memory.peak} if self.memory else None
        return {
            "id": self.id,
            "node": self.node,
            "task": self.task,
            "state": self.state,
            "seconds": self.seconds,
            "inputs": dict(self.inputs),
            "outputs": dict(self.outputs),
            "cached": self.cached,
            "why": self.why,
            "memory": memory,
            "error": self.error,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class RunResult:
    """A run of a pipeline; ``result["name"]`` is one of its outputs.

    Attributes:
        run_id: The run's id.
        pipeline: The pipeline's name.
        state: "running", "success" or "failed".
        started: When it started, as ISO 8601 in UTC.
        seconds: How long it took, handing over included.
        steps: What became of each step, by its id, in the order in which they ran.
        error: The type and message of the exception that ended it; "" if there was none.
        outputs: Where each output is: the step that made it last, or "" if it stayed inside its task.
    """

    run_id: str
    pipeline: str
    state: State
    started: str
    seconds: float
    steps: Mapping[str, StepReport]
    error: str
    outputs: Mapping[str, str]
    _load: Callable[[str], Any] = field(repr=False, compare=False)

    @property
    def success(self) -> bool:
        """Whether every step succeeded."""
        return self.state == "success"

    def __getitem__(self, name: str) -> Any:
        """An output's value.

        Raises:
            UnknownOutputError: The run has no such output, or did not keep or reach it.
            HandoffError: It cannot be read any more.
        """
        if name not in self.outputs:
            hint = did_you_mean(name, self.outputs, otherwise=f"it has {', '.join(self.outputs) or 'none'}.")
            message = f"Run '{self.run_id}' has no output '{name}': {hint}"
            raise UnknownOutputError(message)
        if not self.outputs[name]:
            message = f"Run '{self.run_id}' did not keep the output '{name}': " + (
                "it stayed inside its task; persist='all' keeps what is not ephemeral."
                if self.success
                else "it was not reached."
            )
            raise UnknownOutputError(message)
        return self._load(name)

    def summary(self) -> str:
        """A table of the steps, to print."""
        width = max([len(step_id) for step_id in self.steps], default=0)
        lines = [f"{self.pipeline}, run {self.run_id}: {self.state} in {self.seconds:.2f} s"]
        for step in self.steps.values():
            kept = ", ".join(step.outputs)
            line = f"  {step.id:<{width}}  {step.state:<7}  {step.seconds:>8.2f} s  {kept}"
            told = "cached" if step.cached else step.why
            lines.append(f"{line}  ({told})" if told else line.rstrip())
            if step.error:
                lines.append(f"  {'':<{width}}  {step.error}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Json]:
        """The result as plain JSON, without values."""
        return {
            "run_id": self.run_id,
            "pipeline": self.pipeline,
            "state": self.state,
            "started": self.started,
            "seconds": self.seconds,
            "steps": [step.to_dict() for step in self.steps.values()],
            "error": self.error,
            "outputs": dict(self.outputs),
        }
