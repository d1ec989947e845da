"""Config values with some of their parts replaced; the originals are never touched, not even to find out."""

from __future__ import annotations

import dataclasses
import inspect
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from copy import copy, deepcopy
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from airflow_linepipe.plan.configuration import lookup

__all__ = ["fields_of", "is_replaceable", "replaced"]

_DICTS = (dict, OrderedDict, defaultdict)


def fields_of(value: Any) -> Mapping[str, Any]:
    """What a config of the usual kinds is made of, by name; nothing for any other value."""
    if isinstance(value, Mapping):
        # linepipe reads "a.b" as two names.
        names = [name for name in value if isinstance(name, str) and name and "." not in name]
    elif isinstance(value, SimpleNamespace):
        names = list(vars(value))
    elif _is_pydantic(value):
        names = list(type(value).model_fields)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
    elif _is_named_tuple(value):
        names = list(value._fields)
    else:
        names = []
    found = {}
    for name in names:
        try:
            found[name] = lookup(value, (name,))
        except Exception:  # noqa: BLE001, S112  (not set yet, or whatever the author's class makes of it)
            continue
    return found


def is_replaceable(value: Any, names: Mapping[str, Any]) -> bool:
    """Whether a value can have parts replaced, and all others stay as they are.

    Args:
        value: A config, or a part of one.
        names: What these parts are now, by name.
    """
    if isinstance(value, type) or type(value) in _DICTS:
        return True  # a class as a subclass, which is made only when it is needed
    if any(_is_computed(value, name) for name in names):
        return False
    try:
        again = replaced(value, names)
        # A __post_init__ or a validator may change what it has changed before.
        return type(again) is type(value) and all(
            _is_same(now, lookup(again, (name,))) for name, now in {**fields_of(value), **names}.items()
        )
    except Exception:  # noqa: BLE001  (a class of the author's may refuse to be copied or changed in any way)
        return False


def replaced(value: Any, items: Mapping[str, Any]) -> Any:
    """A copy with other items, all at once; validated again if it is of a kind that validates.

    Raises:
        Exception: Whatever the value's class has against it.
    """
    for is_kind, change in _KINDS:
        if is_kind(value):
            return change(value, items)
    changed = deepcopy(value)
    for name, item in items.items():
        if isinstance(value, Mapping) or not hasattr(value, name):
            changed[name] = item
        else:
            setattr(changed, name, item)
    return changed


def _replaced_dict(value: dict[str, Any], items: Mapping[str, Any]) -> Any:
    changed = copy(value)
    changed.update(items)
    return changed


def _replaced_class(value: type, items: Mapping[str, Any]) -> type:
    return type(value.__name__, (value,), {"__module__": value.__module__, **items})


def _replaced_dataclass(value: Any, items: Mapping[str, Any]) -> Any:
    if hasattr(value, "__post_init__"):
        # Other fields may depend on these.
        return dataclasses.replace(value, **items)
    changed = copy(value)
    for name, item in items.items():
        object.__setattr__(changed, name, item)
    return changed


def _replaced_model(model: Any, items: Mapping[str, Any]) -> Any:
    """A pydantic model; every new value obeys its field's rules, and the whole those of the model."""
    from pydantic import TypeAdapter

    kind = type(model)
    changed = model.model_copy(update=items)
    for name, item in items.items():
        field = kind.model_fields.get(name)
        if field is None:
            continue
        if field.frozen or kind.model_config.get("frozen"):
            TypeAdapter(field.rebuild_annotation()).validate_python(item)
        else:
            kind.__pydantic_validator__.validate_assignment(changed, name, item)
    return changed


def _is_pydantic(value: Any) -> bool:
    return hasattr(type(value), "__pydantic_validator__") and hasattr(type(value), "model_fields")


def _is_named_tuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_replace")


def _is_computed(value: Any, name: str) -> bool:
    """Whether a name is no value of its own, but what a property makes of others."""
    attribute = inspect.getattr_static(type(value), name, None)
    return isinstance(attribute, property | cached_property) and not (isinstance(value, Mapping) and name in value)


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and repr(one) == repr(other))


_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Any, Mapping[str, Any]], Any]], ...] = (
    (lambda value: type(value) in _DICTS, _replaced_dict),
    (lambda value: isinstance(value, type), _replaced_class),
    (lambda value: type(value) is SimpleNamespace, lambda value, items: SimpleNamespace(**{**vars(value), **items})),
    (_is_pydantic, _replaced_model),
    (dataclasses.is_dataclass, _replaced_dataclass),
    (_is_named_tuple, lambda value, items: value._replace(**items)),
)
