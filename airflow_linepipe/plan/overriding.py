"""Which values of the config and of the constants a single run may replace, and the plan that has them replaced."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass, replace
from itertools import islice
from types import SimpleNamespace
from typing import Any, Final, TypeAlias

from airflow_linepipe.errors import SettingError
from airflow_linepipe.plan.arguments import checked_mapping, did_you_mean
from airflow_linepipe.plan.configuration import lookup
from airflow_linepipe.plan.parameter import Parameter, describe, is_plain
from airflow_linepipe.plan.step import ConfigBinding, ConstantBinding, Plan

__all__ = ["Override", "check_override", "override_plan", "plan_overrides"]

# From "config" or a constant's name downwards. Nothing is a constant called "config": linepipe takes it for its own.
_Path: TypeAlias = tuple[str, ...]
_CONFIG: Final = "config"
# An object that holds more than so many values is data, not settings.
_MAX_VALUES: Final = 50


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
            SettingError: It is nothing of the kind.
        """
        try:
            return self.parameter.parse(value)
        except (TypeError, ValueError) as error:
            raise self.refusal(value) from error

    def refusal(self, value: Any) -> SettingError:
        """The error about a value that cannot take the place of this one."""
        return SettingError(
            f"The param '{self.name}' cannot be {value!r}: give a value like {self.parameter.default!r}."
        )


def plan_overrides(plan: Plan) -> dict[str, Override]:
    """Every value of a plan's config and constants that a run may replace.

    These are the plain values (see `is_plain`) that nodes read, by themselves or as a part of a mapping, a namespace, a
    dataclass, a named tuple or a pydantic model.

    Args:
        plan: The plan, or a part of one.

    Returns:
        By name, in the order in which the nodes read them.
    """
    readers: dict[_Path, dict[str, None]] = {}
    for step in plan.steps:
        for binding in step.bindings:
            for path in _plain_paths(plan, binding):
                readers.setdefault(path, {})[step.label] = None
    return {
        ".".join(path): Override(
            name=".".join(path), path=path, parameter=describe(_value(plan, path)), readers=tuple(labels)
        )
        for path, labels in readers.items()
    }


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


def override_plan(plan: Plan, params: Mapping[str, Any]) -> Plan:
    """The same plan with some values of its config and constants replaced; the originals stay as they are.

    Args:
        plan: The plan, or a part of one.
        params: New values by name, as JSON; one that equals the default changes nothing.

    Raises:
        SettingError: No node reads such a value, or the new one is of another type.
    """
    params = checked_mapping("params", params)
    known = plan_overrides(plan) if params else {}
    for name, value in params.items():
        check_override("params", name, known)
        override = known[name]
        if value == override.parameter.default and type(value) is type(override.parameter.default):
            continue
        new = override.parse(value)
        try:
            plan = _with_value(plan, override.path, new)
        except (TypeError, ValueError) as error:  # what a pydantic model or a __post_init__ thinks of it
            raise override.refusal(value) from error
    return plan


def _plain_paths(plan: Plan, binding: object) -> Iterator[_Path]:
    """The paths of all plain values that a step gets with an input, and that can be replaced."""
    match binding:
        case ConfigBinding(path=below):
            path: _Path = (_CONFIG, *below)
        case ConstantBinding(name=name):
            path = (name,)
        case _:
            return
    try:
        value = _value(plan, path)
    except LookupError:  # missing_config="none"
        return
    leaves = list(islice(_leaves(value, path, ()), _MAX_VALUES + 1))
    if len(leaves) <= _MAX_VALUES:
        yield from (leaf for leaf in leaves if _is_replaceable(plan, leaf))


def _leaves(value: Any, path: _Path, above: tuple[Any, ...]) -> Iterator[_Path]:
    if isinstance(value, list | tuple) and len(value) > _MAX_VALUES:
        return
    if is_plain(value):
        yield path
    elif not any(value is other for other in above):
        for name, item in _fields(value).items():
            # linepipe reads "a.b" as two parts.
            if isinstance(name, str) and name and "." not in name:
                yield from _leaves(item, (*path, name), (*above, value))


def _fields(value: Any) -> Mapping[Any, Any]:
    """What a value of the usual kinds of config is made of."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, SimpleNamespace):
        return vars(value)
    if _is_pydantic(value):
        return {name: getattr(value, name) for name in type(value).model_fields}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if _is_named_tuple(value):
        return dict(zip(value._fields, value, strict=True))
    return {}


def _is_replaceable(plan: Plan, path: _Path) -> bool:
    value = _value(plan, path)
    try:
        return bool(_value(_with_value(plan, path, value), path) == value)
    except Exception:  # noqa: BLE001  (a class of the author's may refuse to be copied or changed in any way)
        return False


def _value(plan: Plan, path: _Path) -> Any:
    root, *below = path
    return lookup(plan.config if root == _CONFIG else plan.constants[root], tuple(below))


def _with_value(plan: Plan, path: _Path, new: Any) -> Plan:
    root, *below = path
    if root == _CONFIG:
        return replace(plan, config=_replaced(plan.config, below, new))
    return replace(plan, constants={**plan.constants, root: _replaced(plan.constants[root], below, new)})


def _replaced(value: Any, path: list[str], new: Any) -> Any:
    """A copy with another value at a path; what does not lie on the path is shared."""
    if not path:
        return new
    name, *below = path
    item = _replaced(lookup(value, (name,)), below, new)
    if isinstance(value, Mapping) and name in value:
        return _with_item(value, name, item)
    if isinstance(value, type):
        return type(value.__name__, (value,), {name: item, "__module__": value.__module__})
    if _is_pydantic(value):
        return _with_field(value, name, item)
    if dataclasses.is_dataclass(value):
        return dataclasses.replace(value, **{name: item})  # type: ignore[type-var]  # no class, see above
    if _is_named_tuple(value):
        return value._replace(**{name: item})
    changed = copy(value)
    if hasattr(value, name):
        setattr(changed, name, item)
    else:
        changed[name] = item
    return changed


def _with_item(value: Mapping[str, Any], name: str, item: Any) -> Any:
    if not hasattr(value, "__setitem__"):
        return {**value, name: item}
    changed: Any = copy(value)
    changed[name] = item
    return changed


def _with_field(model: Any, name: str, item: Any) -> Any:
    """A pydantic model with another value in a field, validated as on assignment."""
    if type(model).model_config.get("frozen"):
        return model.model_copy(update={name: item})
    changed = model.model_copy()
    type(model).__pydantic_validator__.validate_assignment(changed, name, item)
    return changed


def _is_pydantic(value: Any) -> bool:
    return hasattr(type(value), "__pydantic_validator__") and hasattr(type(value), "model_fields")


def _is_named_tuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_replace")
