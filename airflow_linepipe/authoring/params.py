"""The DAG params through which a run replaces values of a pipeline's config and constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from airflow.sdk import Param
from airflow.sdk.log import redact  # type: ignore[attr-defined]  # what masks the conf of a run in the UI

from airflow_linepipe.cache import CacheMode
from airflow_linepipe.errors import SettingError
from airflow_linepipe.hooks.caching import CACHE_PARAM, REFRESH_PARAM
from airflow_linepipe.operators.arguments import missing_param
from airflow_linepipe.plan import Override, check_override, checked_mapping, looks_secret

if TYPE_CHECKING:
    from airflow.sdk import DAG

__all__ = ["check_task_params", "declare_cache_params", "declare_params", "name_params"]


def name_params(
    dag: DAG, known: Mapping[str, Override], *, group: str, chosen: Mapping[str, str] | None
) -> Mapping[str, str]:
    """Which param of a DAG takes the place of which value.

    Args:
        dag: The DAG.
        known: The values that a run may replace, by name.
        group: What the group's params begin with, or "".
        chosen: The names of params by the names of values, of an author who wants no others; None for all values
            that are no secrets.

    Returns:
        The names of the params by the names of the values.

    Raises:
        SettingError: A chosen value or param does not exist, or a param's default is of another type.
    """
    if chosen is None:
        names = {name: f"{group}.{name}" if group else name for name in known if not _is_secret(known[name])}
    else:
        names = checked_mapping("overrides", chosen)
        _check(names, known, dag)
    for name, param in names.items():
        default = dag.params.get_param(param).value if param in dag.params else None
        # Left out or null: what the pipeline has.
        if isinstance(default, bool | int | float | str | list):
            known[name].parse(default)
    return names


def check_task_params(own: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Make sure that an author who means the DAG's params does not write those of the tasks.

    Args:
        own: The ``params`` of a group, which its tasks get.
        names: The names of the DAG's params by the names of the values.

    Raises:
        SettingError: A task's param has a name of these.
    """
    for name in own:
        if name in {*names, *names.values()}:
            message = f"params['{name}']: these are the tasks' own; write DAG(params={{'{names.get(name, name)}': …}})."
            raise SettingError(message)


def declare_params(dag: DAG, known: Mapping[str, Override], names: Mapping[str, str], *, group: str) -> None:
    """Give a DAG a typed param for each value; one that its author wrote stays as it is.

    After the tasks are made: each of them would carry a copy of what the DAG has by then.

    Args:
        dag: The DAG.
        known: The values that a run may replace, by name.
        names: The names of the params by the names of the values.
        group: The section of the form, or "".
    """
    for name, param in names.items():
        if param not in dag.params:
            dag.params[param] = _param(known[name], group)


def declare_cache_params(dag: DAG, task_ids: Sequence[str]) -> None:
    """Give a DAG the params through which one run uses the cache another way.

    Args:
        dag: The DAG, of which another group may have declared them already.
        task_ids: The tasks of a group that uses it.
    """
    known = dag.params.get_param(REFRESH_PARAM).schema["enum"] if REFRESH_PARAM in dag.params else [None]
    dag.params[CACHE_PARAM] = Param(
        None,
        description="How this run uses the results of earlier ones; empty: as in the DAG file.",
        schema={"type": ["null", "string"], "enum": [None, *get_args(CacheMode)]},
    )
    dag.params[REFRESH_PARAM] = Param(
        None,
        description="The task that this run calls whatever there is, with all behind it.",
        schema={"type": ["null", "string"], "enum": [*known, *task_ids]},
    )


def _check(chosen: Mapping[str, Any], known: Mapping[str, Override], dag: DAG) -> None:
    for name, param in chosen.items():
        check_override("overrides", name, known)
        if param not in dag.params:
            raise missing_param(name, param)


def _param(override: Override, group: str) -> Param:
    schema = dict(override.parameter.schema)
    if group:
        schema["section"] = group
    readers = ", ".join(override.readers)
    return Param(override.parameter.default, description=f"Read by {readers}.", schema=schema)


def _is_secret(override: Override) -> bool:
    """Whether a value must not stand in a form."""
    masked = redact("value", override.name) != "value"
    return masked or looks_secret(override.name, override.parameter.default)
