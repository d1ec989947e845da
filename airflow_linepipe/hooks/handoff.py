"""Between a running Airflow task and the exchange: what comes in, what goes out, and as whom."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow_linepipe import settings
from airflow_linepipe.errors import OutputTypeError
from airflow_linepipe.handoff import NOT_MAPPED, ArtifactRef, Exchange, Json, Producer
from airflow_linepipe.hooks.storage import open_store
from airflow_linepipe.runtime import load_references

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

__all__ = [
    "RESERVED_KEYS",
    "hand_over",
    "is_mapped_over",
    "load_artifact",
    "load_values",
    "open_exchange",
    "producer_of_task",
]

logger = logging.getLogger(__name__)

# Airflow itself keeps these XCom keys.
RESERVED_KEYS: Final = frozenset({"return_value", "skipmixin_key"})


def open_exchange(storage: str | None = None) -> Exchange:
    """An exchange as ``[linepipe]`` configures it.

    Args:
        storage: Replaces ``[linepipe] storage``.
    """
    return Exchange(storage or settings.storage(), open_store=open_store, allow_pickle=settings.allow_pickle())


def load_artifact(reference: Mapping[str, Any] | ArtifactRef) -> Any:
    """The value behind a reference, for any task, notebook or template that has one.

    Args:
        reference: The dict that a task of ours left in XCom, or an `ArtifactRef`.

    Returns:
        The value as it was handed over. A `pathlib.Path` leads to a copy that lives as long as this process.

    Raises:
        InvalidReferenceError: It is no reference.
        ArtifactNotFoundError: Nothing lies there any more.
        ArtifactAlteredError: What lies there is not what was written.
        ArtifactUnreadableError: It cannot be decoded here.
        PickleRefusedError: It is a pickle, and ``[linepipe] allow_pickle`` is off.
    """
    if not isinstance(reference, ArtifactRef):
        reference = ArtifactRef.from_wire(reference)
    return open_exchange().get(reference)


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


def load_values(handed: Any, exchange: Exchange) -> Any:
    """What a task was handed, with a value for every reference and a list for every mapped upstream task."""
    return load_references(_listed(handed), exchange)


def hand_over(value: Any, *, name: str, exchange: Exchange, producer: Producer, each: bool = False) -> Json:
    """Store a value and give what goes into XCom.

    Args:
        value: The value.
        name: The output's name.
        exchange: Where it goes.
        producer: The task that made it.
        each: Whether another task maps over it: then its items are stored one by one.

    Returns:
        The reference on the wire; with ``each`` a list or dict of them.

    Raises:
        OutputTypeError: With ``each``, the value is neither a list nor a dict.
    """
    if not each:
        reference = exchange.put(value, name=name, producer=producer)
        logger.info("Stored %s: %s, %d bytes at %s", name, reference.type, reference.nbytes, reference.uri)
        return reference.to_wire()
    if isinstance(value, dict):
        items: Any = value.items()
        return {key: hand_over(item, name=f"{name}-{key}", exchange=exchange, producer=producer) for key, item in items}
    if isinstance(value, list | tuple):
        return [
            hand_over(item, name=f"{name}-{position}", exchange=exchange, producer=producer)
            for position, item in enumerate(value)
        ]
    message = (
        f"Output '{name}' of {producer} is a {type(value).__name__}, and another task maps over it with expand(): "
        "return a list or a dict."
    )
    raise OutputTypeError(message)


def is_mapped_over(operator: BaseOperator, producer: Producer) -> bool:
    """Whether another task expands over what this one returns (and not over its mapped instances)."""
    return producer.map_index == NOT_MAPPED and next(operator.iter_mapped_dependants(), None) is not None


def _listed(handed: Any) -> Any:
    from airflow.sdk.execution_time.lazy_sequence import LazyXComSequence

    if isinstance(handed, LazyXComSequence):
        # A slice asks once; iterating asks for each item, and for one too many, which the log shows as an error.
        return list(handed[:])
    if type(handed) is dict:
        return {key: _listed(item) for key, item in handed.items()}
    if type(handed) in (list, tuple):
        return type(handed)(_listed(item) for item in handed)
    return handed
