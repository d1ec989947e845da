"""From a running Airflow task to the cache: what it is handed, who it is, and what this run has asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from airflow_linepipe.cache import Cache, CacheMode, Ingredient, Ledger, Seal, TaskCache, identify
from airflow_linepipe.errors import MissingInputError, SettingError
from airflow_linepipe.handoff import Exchange, is_reference
from airflow_linepipe.hooks.handoff import CACHE_KEY, list_handed, producer_of_task
from airflow_linepipe.hooks.retention import claim_inputs
from airflow_linepipe.hooks.secret import SECRET_VARIABLE, signing_secret
from airflow_linepipe.hooks.storage import open_store
from airflow_linepipe.plan import checked_choice, did_you_mean

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from airflow_linepipe.plan import Part

__all__ = ["CACHE_PARAM", "REFRESH_PARAM", "SECRET_VARIABLE", "cache_of_run", "open_cache"]

# The params through which one run has it another way.
CACHE_PARAM: Final = "linepipe.cache"
REFRESH_PARAM: Final = "linepipe.refresh_from"


def cache_of_run(cache: Cache, operator: BaseOperator, context: Context) -> Cache:
    """How a task uses the cache in this run.

    Args:
        cache: How its author wants it. One that is off stays off.
        operator: The task.
        context: The running task's.

    Raises:
        SettingError: The run's conf asks for what there is not.
    """
    params = context["params"]
    mode, first = params.get(CACHE_PARAM), params.get(REFRESH_PARAM)
    if mode is not None:
        checked_choice(f"The param '{CACHE_PARAM}'", mode, get_args(CacheMode))
    if first is not None and first not in operator.dag.task_ids:
        hint = did_you_mean(first, operator.dag.task_ids, otherwise=f"it has {', '.join(operator.dag.task_ids)}.")
        message = f"The param '{REFRESH_PARAM}' is {first!r}, and the DAG has no such task: {hint}"
        raise SettingError(message)
    if cache.mode == "off":
        return cache
    if mode is not None:
        cache = replace(cache, mode=cast("CacheMode", mode))
    is_behind = first is not None and first in {operator.task_id, *operator.get_flat_relative_ids(upstream=True)}
    return replace(cache, mode="refresh") if is_behind and cache.mode == "use" else cache


def open_cache(
    part: Part,
    handed: Any,
    *,
    writers: Mapping[str, str],
    cache: Cache,
    exchange: Exchange,
    context: Context,
    depth: int,
) -> TaskCache:
    """The cache for what a task does.

    Args:
        part: What it does.
        handed: What it is handed, references and not values: a dict by name, or a reference to one.
        writers: The tasks of the writers before it with which it shares a handle, by step id.
        cache: How it uses the cache in this run; it is not off.
        exchange: Where it stores its outputs.
        context: The running task's.
        depth: How many levels of its outputs are stored item by item.
    """
    producer = producer_of_task(context)
    return TaskCache.of_task(
        part,
        given=_ingredients(part, list_handed(handed)),
        written=_written(writers, context),
        cache=cache,
        ledger=Ledger(exchange.storage, Seal(signing_secret()), open_store),
        producer=producer,
        claim=lambda uris: claim_inputs(uris, exchange, producer),
        shape=f"[{depth}]" if depth else "",
    )


def _ingredients(part: Part, handed: Any) -> Mapping[str, Ingredient]:
    if is_reference(handed):
        whole = identify(handed, "inputs")
        return {name: replace(whole, digest=f"{whole.digest} {name}") for name in part.plan.given}
    for name in part.plan.given:
        if not isinstance(handed, Mapping) or name not in handed:
            label = part.plan.steps[0].label
            message = f"Node '{label}' reads '{name}', and its inputs do not hold it."
            raise MissingInputError(message)
    return {name: identify(handed[name], name) for name in part.plan.given}


def _written(writers: Mapping[str, str], context: Context) -> dict[str, str]:
    """The keys of the recipes of these writers, as far as their tasks have said them."""
    keys = {}
    for step_id, task_id in writers.items():
        said = context["ti"].xcom_pull(task_ids=task_id, key=CACHE_KEY)
        if isinstance(said, dict) and step_id in said.get("writers", {}):
            keys[step_id] = said["writers"][step_id]
    return keys
