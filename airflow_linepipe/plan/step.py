"""What a plan is made of: steps, where their inputs come from, and the plan itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, TypeAlias

from airflow_linepipe.plan.configuration import lookup

__all__ = [
    "ArtifactBinding",
    "Binding",
    "ConfigBinding",
    "ConstantBinding",
    "GivenBinding",
    "Plan",
    "Resource",
    "ResourceBinding",
    "Step",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigBinding:
    """An input read from the pipeline's config.

    Attributes:
        path: The attributes or keys below the config, outermost first; empty for the whole config.
        optional: Whether a path that leads nowhere gives None, as in linepipe.
    """

    path: tuple[str, ...]
    optional: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ConstantBinding:
    """An input that is one of the pipeline's runtime constants."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactBinding:
    """An input that an earlier step of the plan makes.

    Attributes:
        producer: The id of that step.
        name: The output's name.
    """

    producer: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenBinding:
    """An input that comes from outside the plan, by name."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceBinding:
    """An input that is opened for the task that reads it, and closed after it."""

    name: str


Binding: TypeAlias = ConfigBinding | ConstantBinding | ArtifactBinding | GivenBinding | ResourceBinding


class Resource(Protocol):
    """Something live that is opened where it is needed."""

    def open(self) -> AbstractContextManager[Any]:
        """A context manager that gives the live object and closes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One node of a linepipe pipeline, with every input resolved to where it comes from.

    Attributes:
        id: Unique in the plan, legal as an Airflow task id (design 4.6).
        function: The node's function, called with the inputs by position.
        label: The function's own name, as linepipe shows it.
        inputs: The names the node declares, in order.
        bindings: Where each input comes from, in the same order.
        outputs: The names the node declares; empty for a writer.
        after: The ids of steps that must have run although no value comes from them.
        follows: The ids of the writers before it that can have written what it finds: they share a handle with it.
        profile: Whether linepipe's memory line is wanted.
    """

    id: str
    function: Callable[..., Any]
    label: str
    inputs: tuple[str, ...]
    bindings: tuple[Binding, ...]
    outputs: tuple[str, ...]
    after: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    profile: bool = False

    @property
    def upstream(self) -> tuple[str, ...]:
        """The ids of all steps that must run before this one, each once: the makers of its inputs first."""
        producers = (binding.producer for binding in self.bindings if isinstance(binding, ArtifactBinding))
        return tuple(dict.fromkeys((*producers, *self.after)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What will run: the steps in linepipe's list order, and the values they share.

    Attributes:
        steps: The steps; every edge points from an earlier to a later one.
        config: The object behind ``config`` and ``config.…`` inputs.
        constants: The runtime constants by name.
        given: The names that must be given from outside.
        resources: What is opened for the tasks that read it, by name.
        ephemeral: The artifacts that never leave a task: whoever reads one makes it anew (design 4.5).
    """

    steps: tuple[Step, ...]
    config: Any = None
    constants: Mapping[str, Any] = field(default_factory=dict)
    given: tuple[str, ...] = ()
    resources: Mapping[str, Resource] = field(default_factory=dict)
    ephemeral: frozenset[ArtifactBinding] = frozenset()
    _positions: Mapping[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_positions", {step.id: position for position, step in enumerate(self.steps)})

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # Airflow copies whole DAGs: a plan never changes, and its config and constants may be what no copy takes.
        return self

    def config_value(self, binding: ConfigBinding) -> Any:
        """The value itself, not a copy.

        Raises:
            LookupError: The path leads nowhere and is not optional.
        """
        try:
            return lookup(self.config, binding.path)
        except LookupError:
            if binding.optional:
                return None
            raise

    @property
    def outputs(self) -> Mapping[str, ArtifactBinding]:
        """Every name the plan leaves behind, with the step that writes it last."""
        last = {name: ArtifactBinding(producer=step.id, name=name) for step in self.steps for name in step.outputs}
        return {name: artifact for name, artifact in last.items() if artifact not in self.ephemeral}

    def step(self, step_id: str) -> Step:
        """The step of this id.

        Raises:
            KeyError: No step has this id.
        """
        return self.steps[self._positions[step_id]]
