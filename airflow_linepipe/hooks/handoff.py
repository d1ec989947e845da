"""Between a running Airflow task and the exchange: what comes in, what goes out, and as whom."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import XComArg, get_current_context
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.definitions.xcom_arg import MapXComArg

from airflow_linepipe import settings
from airflow_linepipe.errors import OutputTypeError
from airflow_linepipe.handoff import NOT_MAPPED, ArtifactRef, Exchange, Json, Producer, is_reference, references_in
from airflow_linepipe.hooks.retention import claim_inputs
from airflow_linepipe.hooks.storage import open_store
from airflow_linepipe.runtime import load_references

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.definitions._internal.expandinput import DictOfListsExpandInput, ListOfDictsExpandInput
    from airflow.sdk.definitions.taskgroup import MappedTaskGroup

__all__ = [
    "CACHE_KEY",
    "RESERVED_KEYS",
    "expanded_depth",
    "feeds_mapped_nodes",
    "hand_over",
    "lasting_exchange",
    "list_handed",
    "load_artifact",
    "load_values",
    "open_exchange",
    "producer_of_task",
]

logger = logging.getLogger(__name__)

# The XCom in which it stands whether a task was called, and why.
CACHE_KEY: Final = "linepipe_cache"
# Airflow itself keeps the first two.
RESERVED_KEYS: Final = frozenset({"return_value", "skipmixin_key", CACHE_KEY})


def open_exchange(storage: str | None = None) -> Exchange:
    """An exchange as ``[linepipe]`` configures it.

    Args:
        storage: Replaces ``[linepipe] storage``.
    """
    return Exchange(
        storage or settings.storage(),
        open_store=open_store,
        compression=settings.compression(),
        allow_pickle=settings.allow_pickle(),
    )


def lasting_exchange() -> Exchange:
    """An exchange as ``[linepipe]`` configures it, for values that nobody gives back.

    The files that it unpacks lie there until the process ends.
    """
    return _lasting_exchange(settings.storage(), settings.allow_pickle())


@cache
def _lasting_exchange(storage: str, allow_pickle: bool) -> Exchange:  # noqa: ARG001  (what it depends on)
    exchange = open_exchange(storage)
    atexit.register(exchange.__exit__, None, None, None)
    return exchange


def load_artifact(reference: Mapping[str, Any] | ArtifactRef, *, columns: Sequence[Any] = ()) -> Any:
    """The value behind a reference, for any task, notebook or template that has one.

    Args:
        reference: The dict that a task of ours left in XCom, or an `ArtifactRef`.
        columns: The labels of the columns to read of a table, in this order; all if left out. A frame has its index
            all the same.

    Returns:
        The value as it was handed over. A `pathlib.Path` leads to a copy that lives as long as this process.

    Raises:
        InvalidReferenceError: It is no reference.
        ArtifactNotFoundError: Nothing lies there any more.
        ArtifactAlteredError: What lies there is not what was written.
        ArtifactUnreadableError: It cannot be decoded here.
        UnknownColumnError: It has no such column, or is no table.
        PickleRefusedError: It is a pickle, and ``[linepipe] allow_pickle`` is off.
    """
    if not isinstance(reference, ArtifactRef):
        reference = ArtifactRef.from_wire(reference)
    exchange = lasting_exchange()
    try:
        reader = producer_of_task(get_current_context())
    except RuntimeError:  # no task runs: a notebook, a template
        return exchange.get(reference, columns=columns)
    claim_inputs([reference.uri], exchange, reader)
    return exchange.get(reference, columns=columns)


def producer_of_task(context: Context) -> Producer:
    """The running task instance as the producer of its artifacts."""
    task_instance = context["ti"]
    map_index = task_instance.map_index
    return Producer(
        dag_id=task_instance.dag_id,
        run_id=task_instance.run_id,
        task_id=task_instance.task_id,
        map_index=NOT_MAPPED if map_index is None else map_index,
        try_number=task_instance.try_number,
    )


def load_values(handed: Any, exchange: Exchange, reader: Producer, *, columns: Sequence[Any] = ()) -> Any:
    """What a task was handed, with a value for every reference and a list for every mapped upstream task.

    Args:
        handed: What it was handed.
        exchange: Where the values are read.
        reader: The task; what it reads of other runs stays as long as its own run.
        columns: The labels of the columns to read of the tables; all if left out.
    """
    listed = list_handed(handed)
    claim_inputs((reference.uri for reference in references_in(listed)), exchange, reader)
    return load_references(listed, exchange, columns=columns)


def hand_over(value: Any, *, name: str, exchange: Exchange, producer: Producer, depth: int = 0) -> Json:
    """Store a value and give what goes into XCom.

    Args:
        value: The value.
        name: The output's name.
        exchange: Where it goes.
        producer: The task that made it.
        depth: How many levels of lists and dicts stay as they are, their items stored one by one: see
            `expanded_depth`.

    Returns:
        The reference on the wire; with ``depth`` a list or dict of them.

    Raises:
        OutputTypeError: With ``depth``, the value is no list and no dict with text keys.
    """
    if not depth:
        if is_reference(value) and isinstance(value.get("uri"), str):  # handed on as it is
            claim_inputs([value["uri"]], exchange, producer)
        reference = exchange.put(value, name=name, producer=producer)
        logger.info("Stored %s: %s, %d bytes at %s", name, reference.type, reference.nbytes, reference.uri)
        return reference.to_wire()

    def item_over(key: object, item: Any) -> Json:
        return hand_over(item, name=f"{name}-{key}", exchange=exchange, producer=producer, depth=depth - 1)

    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise _not_expandable(name, producer, f"a dict with the key {key!r}", "give it text keys")
        return {key: item_over(key, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [item_over(position, item) for position, item in enumerate(value)]
    raise _not_expandable(name, producer, f"a {type(value).__name__}", "return a list or a dict")


def expanded_depth(operator: BaseOperator, producer: Producer) -> int:
    """How deep other tasks expand into what this one returns.

    Returns:
        0 if none does (or only over its own mapped instances), 1 for ``expand()``, whose arguments get the items of
        a list or dict, and 2 for ``expand_kwargs()``, whose arguments get the values of a list's dicts.
    """
    if producer.map_index != NOT_MAPPED:
        return 0
    return max((_depth(_expand_input(dependant)) for dependant in operator.iter_mapped_dependants()), default=0)


def feeds_mapped_nodes(operator: BaseOperator) -> bool:
    """Whether a node gets the items of what this one returns, one at a time."""
    return any(
        isinstance(dependant, MappedOperator) and dependant.partial_kwargs.get("map_over")
        for dependant in operator.iter_mapped_dependants()
    )


def _expand_input(dependant: MappedOperator | MappedTaskGroup) -> DictOfListsExpandInput | ListOfDictsExpandInput:
    # Airflow keeps what a task or a group expands over in two places, and neither has a public name for both.
    if isinstance(dependant, MappedOperator):
        return dependant._get_specified_expand_input()  # noqa: SLF001
    return dependant._expand_input  # noqa: SLF001


def _depth(expand_input: DictOfListsExpandInput | ListOfDictsExpandInput) -> int:
    # expand_kwargs(task().map(f)): f makes the dicts. expand_kwargs([task()]): the task returns one dict.
    value = expand_input.value
    is_list_of_dicts = expand_input.EXPAND_INPUT_TYPE == "list-of-dicts" and isinstance(value, XComArg)
    return 2 if is_list_of_dicts and not isinstance(value, MapXComArg) else 1


def _not_expandable(name: str, producer: Producer, found: str, advice: str) -> OutputTypeError:
    message = (
        f"Output '{name}' of {producer} is {found}, and another task maps over it with expand() or "
        f"expand_kwargs(): {advice}."
    )
    return OutputTypeError(message)


def list_handed(handed: Any) -> Any:
    """What a task was handed, with a list for every mapped upstream task; no value is read."""
    from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence

    if isinstance(handed, LazyXComSequence):
        # A slice asks once; iterating asks for each item, and for one too many, which the log shows as an error.
        return list(handed[:])
    if type(handed) is dict:
        return {key: list_handed(item) for key, item in handed.items()}
    if type(handed) in (list, tuple):
        return type(handed)(list_handed(item) for item in handed)
    return handed
