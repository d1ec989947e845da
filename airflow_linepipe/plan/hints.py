"""What annotations say of a node's inputs and outputs, and where two of them cannot both be right."""

from __future__ import annotations

import typing
from abc import ABCMeta
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from inspect import Parameter, signature
from types import FunctionType, MethodType, UnionType
from typing import Any, Final

from airflow_linepipe.plan.step import ArtifactBinding, Plan, Step

__all__ = ["hint_mismatches", "output_hints", "own_output_hints"]

# PEP 484: where a float is expected an int will do, and so on.
_ALSO_TAKES: Final[dict[type, tuple[type, ...]]] = {
    float: (int,),
    complex: (int, float),
    bytes: (bytearray, memoryview),
}


def output_hints(step: Step) -> Sequence[Any]:
    """The annotated type of each output; Any where there is none that can be known."""
    unknown = [Any] * len(step.outputs)
    returned = _hints(step.function).get("return", Any)
    if len(step.outputs) < 2:  # noqa: PLR2004
        return [returned] * len(step.outputs)
    parts = typing.get_args(returned) if typing.get_origin(returned) is tuple else ()
    return parts if len(parts) == len(step.outputs) else unknown


def own_output_hints(step: Step) -> Sequence[Any]:
    """As `output_hints`, with Any where a decorator may return something else."""
    return [Any] * len(step.outputs) if _is_decorated(step) else output_hints(step)


def hint_mismatches(plan: Plan) -> Iterator[str]:
    """A sentence for each input whose annotation no value of its maker's annotated type can fit.

    Only what is certain: plain classes of which neither is a kind of the other.

    Args:
        plan: The plan.
    """
    made = {
        ArtifactBinding(producer=step.id, name=name): hint
        for step in plan.steps
        for name, hint in zip(step.outputs, own_output_hints(step), strict=True)
    }
    for step in plan.steps:
        for name, binding, wanted in zip(step.inputs, step.bindings, _input_hints(step), strict=True):
            given = made.get(binding, Any) if isinstance(binding, ArtifactBinding) else Any
            if not _may_fit(given, wanted):
                maker = plan.step(binding.producer).label  # type: ignore[union-attr]  # only artifacts have a hint
                yield (
                    f"Node '{step.label}' expects '{name}' to be {_shown(wanted)}, and node '{maker}' is annotated to "
                    f"return {_shown(given)}: correct one of the annotations, or the order of the inputs."
                )


def _hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    plain = function.__func__ if isinstance(function, MethodType) else function
    return _function_hints(plain) if isinstance(plain, FunctionType) else {}


# A plan asks several times, and pipelines may use one function for many nodes.
@lru_cache(maxsize=4096)
def _function_hints(function: FunctionType) -> Mapping[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # noqa: BLE001  (a name that only type checkers import, or no type at all)
        return {}


def _is_decorated(step: Step) -> bool:
    """Whether the annotations are those of a function inside another one, which may take and return something else."""
    return hasattr(step.function, "__wrapped__")


def _input_hints(step: Step) -> Sequence[Any]:
    """The annotation of the parameter that each input goes to; Any where there is none that can be known."""
    hints = {} if _is_decorated(step) else _hints(step.function)
    unknown = [Any] * len(step.inputs)
    if not hints.keys() - {"return"}:
        return unknown
    try:
        parameters = list(signature(step.function, follow_wrapped=False).parameters.values())
    except (TypeError, ValueError):
        return unknown
    positional = [one for one in parameters if one.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)]
    names = [one.name for one in positional] + [one.name for one in parameters if one.kind is Parameter.VAR_POSITIONAL]
    if not names:
        return unknown
    return [hints.get(names[min(position, len(names) - 1)], Any) for position in range(len(step.inputs))]


def _may_fit(given: Any, wanted: Any) -> bool:
    """Whether some value of the given type can be one of the wanted; True if that cannot be known."""
    if typing.get_origin(given) in (typing.Union, UnionType):
        return any(_may_fit(part, wanted) for part in typing.get_args(given))
    if typing.get_origin(wanted) in (typing.Union, UnionType):
        return any(_may_fit(given, part) for part in typing.get_args(wanted))
    given, wanted = (typing.get_origin(hint) or hint for hint in (given, wanted))
    if not (isinstance(given, type) and isinstance(wanted, type)) or given is Any or wanted is Any:
        return True
    if isinstance(given, ABCMeta) or isinstance(wanted, ABCMeta):
        return True  # a class of anybody's may be both
    if given.__module__ == "numpy" and wanted in (bool, int, float, complex, str, bytes):
        return True  # what numpy's scalars are used for
    kinds = (wanted, *_ALSO_TAKES.get(wanted, ()))
    return (
        issubclass(given, kinds) or issubclass(wanted, given) or any(issubclass(kind, wanted) for kind in _below(given))
    )


def _below(kind: type) -> Iterator[type]:
    """All subclasses that are loaded: one of them may be of the other kind too."""
    below: type
    for below in type.__subclasses__(kind):
        yield below
        yield from _below(below)


def _shown(hint: Any) -> str:
    return hint.__qualname__ if isinstance(hint, type) and not typing.get_origin(hint) else str(hint)
