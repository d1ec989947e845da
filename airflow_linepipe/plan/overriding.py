"""Which values of the config and of the constants a single run may replace, and the plan that has them replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, TypeAlias

from airflow_linepipe.errors import SettingError
from airflow_linepipe.plan.arguments import checked_mapping, did_you_mean
from airflow_linepipe.plan.configuration import lookup
from airflow_linepipe.plan.parameter import Parameter, describe, is_plain
from airflow_linepipe.plan.replacing import fields_of, is_replaceable, replaced
from airflow_linepipe.plan.step import Binding, ConfigBinding, ConstantBinding, Plan

__all__ = ["Override", "check_override", "override_plan", "overrides_read", "plan_overrides"]

# From "config" or a constant's name downwards. Nothing is a constant called "config": linepipe takes it for its own.
_Path: TypeAlias = tuple[str, ...]
_CONFIG: Final = "config"
# An object that holds more values, or holds them deeper, is data and not settings.
_MAX_VALUES: Final = 50
_MAX_DEPTH: Final = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Override:
    """A value that a run may replace.

    Attributes:
        name: As nodes read it: "config.window", or a constant's name; "config.model.depth" for a value inside an
            object that a node reads whole.
        path: The parts of the name.
        parameter: What it is otherwise, and what may take its place.
        readers: The functions that read it, or the object that it is in.
    """

    name: str
    path: tuple[str, ...]
    parameter: Parameter
    readers: tuple[str, ...]

    def parse(self, value: Any) -> Any:
        """From JSON to a value of the default's type.

        Raises:
            SettingError: It is nothing of the kind. The sentence shows no value, which may be a secret.
        """
        try:
            return self.parameter.parse(value)
        except (TypeError, ValueError, ArithmeticError) as error:
            message = f"The param '{self.name}' must be {self.parameter.expected}."
            raise SettingError(message) from error


def plan_overrides(plan: Plan) -> dict[str, Override]:
    """Every value of a plan's config and constants that a run may replace.

    These are the plain values (see `is_plain`) that nodes read, by themselves or as a part of a mapping, a namespace, a
    dataclass, a named tuple or a pydantic model.

    Args:
        plan: The whole plan.

    Returns:
        By name, in the order in which the nodes read them.
    """
    readers: dict[_Path, dict[str, None]] = {}
    leaves: dict[_Path, list[_Path]] = {}
    for step in plan.steps:
        for read in filter(None, map(_read_path, step.bindings)):
            if read not in leaves:
                leaves[read] = _plain_paths(plan, read)
            for path in leaves[read]:
                readers.setdefault(path, {})[step.label] = None
    checked: dict[_Path, bool] = {}
    return {
        ".".join(path): Override(
            name=".".join(path), path=path, parameter=describe(_value(plan, path)), readers=tuple(labels)
        )
        for path, labels in readers.items()
        if _can_be_replaced(plan, path, checked)
    }


def overrides_read(plan: Plan, known: Mapping[str, Override]) -> dict[str, Override]:
    """Those that the steps of a part get to see, by themselves or in something that they read.

    Args:
        plan: The plan of the part.
        known: What a run may replace of the whole plan.
    """
    read = {path for step in plan.steps for path in map(_read_path, step.bindings) if path}
    return {name: override for name, override in known.items() if any(_overlap(override.path, path) for path in read)}


def check_override(argument: str, name: str, known: Mapping[str, Override]) -> None:
    """Make sure that a name is that of a value that a run may replace.

    Args:
        argument: The argument in which the name stands, for the message.
        name: The name.
        known: What a run may replace.

    Raises:
        SettingError: It is not.
    """
    if name not in known:
        hint = did_you_mean(name, known, otherwise=f"a run may replace {', '.join(known) or 'nothing'}.")
        message = f"{argument}['{name}']: no node reads such a value from config or constants: {hint}"
        raise SettingError(message)


def override_plan(plan: Plan, params: Mapping[str, Any], known: Mapping[str, Override]) -> Plan:
    """The same plan with some values of its config and constants replaced; the originals stay as they are.

    Args:
        plan: The plan, or a part of one.
        params: New values by name, as JSON; one that equals the default changes nothing.
        known: What a run may replace of the whole plan.

    Raises:
        SettingError: No node reads such a value, or the config does not take the new ones.
    """
    changes: dict[str, dict[_Path, Any]] = {}
    for name, value in checked_mapping("params", params).items():
        check_override("params", name, known)
        new = known[name].parse(value)
        if repr(new) != repr(_value(plan, known[name].path)):
            root, *below = known[name].path
            changes.setdefault(root, {})[tuple(below)] = new
    for root, new_values in changes.items():
        whole = _applied(root, plan.config if root == _CONFIG else plan.constants[root], new_values)
        if root == _CONFIG:
            plan = replace(plan, config=whole)
        else:
            plan = replace(plan, constants={**plan.constants, root: whole})
    return plan


def _applied(root: str, whole: Any, changes: Mapping[_Path, Any]) -> Any:
    names = " and ".join(f"'{'.'.join((root, *path))}'" for path in changes)
    try:
        new = _changed(whole, changes)
    except Exception as error:  # a class of the author's may have anything against it
        message = f"The params {names} do not fit together with the rest of '{root}': {_reason(error)}."
        raise SettingError(message) from error
    for path, value in changes.items():
        if repr(lookup(new, path)) != repr(value):
            message = f"The param '{'.'.join((root, *path))}' cannot be set: its class makes something else of it."
            raise SettingError(message)
    return new


def _changed(value: Any, changes: Mapping[_Path, Any]) -> Any:
    if () in changes:
        return changes[()]
    below: dict[str, dict[_Path, Any]] = {}
    for (name, *rest), new in changes.items():
        below.setdefault(name, {})[tuple(rest)] = new
    return replaced(value, {name: _changed(lookup(value, (name,)), inner) for name, inner in below.items()})


def _reason(error: Exception) -> str:
    # pydantic's own text shows the values.
    told = [str(one["msg"]) for one in error.errors()] if hasattr(error, "errors") else [str(error)]
    return "; ".join(told) or type(error).__name__


def _read_path(binding: Binding) -> _Path:
    match binding:
        case ConfigBinding(path=below):
            return (_CONFIG, *below)
        case ConstantBinding(name=name):
            return (name,)
        case _:
            return ()


def _overlap(one: _Path, other: _Path) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _plain_paths(plan: Plan, path: _Path) -> list[_Path]:
    """The paths of all plain values at and below a path; none if there are too many."""
    try:
        value = _value(plan, path)
    except LookupError:  # missing_config="none"
        return []
    found = list(islice(_leaves(value, path, ()), _MAX_VALUES + 1))
    return found if len(found) <= _MAX_VALUES else []


def _leaves(value: Any, path: _Path, above: tuple[Any, ...]) -> Iterator[_Path]:
    if is_plain(value):
        yield path
    elif len(path) <= _MAX_DEPTH and not any(value is other for other in above):
        fields = fields_of(value)
        for name, item in fields.items() if len(fields) <= _MAX_VALUES else ():
            yield from _leaves(item, (*path, name), (*above, value))


def _can_be_replaced(plan: Plan, path: _Path, checked: dict[_Path, bool]) -> bool:
    """Whether a value, and all that it is in, can be."""
    if path not in checked:
        above, name = path[:-1], path[-1]
        checked[path] = not above or (
            _can_be_replaced(plan, above, checked) and is_replaceable(_value(plan, above), {name: _value(plan, path)})
        )
    return checked[path]


def _value(plan: Plan, path: _Path) -> Any:
    root, *below = path
    return lookup(plan.config if root == _CONFIG else plan.constants[root], tuple(below))
