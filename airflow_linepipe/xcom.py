"""An XCom backend, so that the values of every task travel as those of ours do.

Opt-in: ``[core] xcom_backend = airflow_linepipe.xcom.LinepipeXComBackend``. Airflow imports this module in every
process, and in the middle of importing itself: nothing heavy and nothing of ``airflow.sdk`` but the base class may
be imported with it.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import uuid
import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeGuard, cast

from airflow.sdk.bases.xcom import BaseXCom

from airflow_linepipe import settings
from airflow_linepipe.errors import (
    HandoffError,
    InvalidReferenceError,
    PickleRefusedError,
    StorageDeniedError,
    StorageFaultError,
    UnsupportedValueError,
)
from airflow_linepipe.handoff import (
    ABSENT,
    NOT_MAPPED,
    ArtifactRef,
    CodecRegistry,
    Json,
    Producer,
    check_storage,
    is_reference,
    type_name,
)
from airflow_linepipe.hooks.storage import open_store

if TYPE_CHECKING:
    from airflow.sdk.execution_time.comms import XComResult

__all__ = ["LinepipeXComBackend"]

logger = logging.getLogger(__name__)

_MARK: Final = "linepipe_xcom"
_VERSION: Final = 1
_ARTIFACT: Final = "artifact"
# Stands in the wire form when what lies in storage is what Airflow's serialisation made of the value.
_SERIALIZED: Final = "serialized_by_airflow"

# The scheduler reads it from the database, past every backend.
_READ_BY_AIRFLOW: Final = frozenset({"skipmixin_key"})
_UNKNOWN_TRY: Final = 0
_MAX_LABEL: Final = 100

# What these take, Airflow's serialisation may take as well; the other codecs are for tables, arrays, files and bytes.
_PLAIN_CODECS: Final = frozenset({"json", "text", "pickle"})
# Airflow's would write a table that only pickle can carry as text, however large it is, and lose what is odd in it.
_DATA_PACKAGES: Final = frozenset({"numpy", "pandas", "polars", "pyarrow"})
# What Airflow's serialisation takes for an object of its own, wherever it stands in a value.
_AIRFLOW_KEYS: Final = ("__classname__", "__id__", "__type", "__var")


class LinepipeXComBackend(BaseXCom):
    """Large and typed XCom values in ``[linepipe] storage``, small plain ones in the database.

    A value stays in the database, as Airflow itself writes it, if that takes at most ``[linepipe] xcom_threshold``
    bytes of JSON and gives the value back unchanged, its types included. Everything else goes through the codecs and
    stores of this package; the database then holds ``{"linepipe_xcom": 1, "artifact": {…}}``, the reference to it.
    None, the references of our own tasks and what the scheduler reads always stay.
    """

    @staticmethod
    def serialize_value(
        value: Any,
        *,
        key: str | None = None,
        task_id: str | None = None,
        dag_id: str | None = None,
        run_id: str | None = None,
        map_index: int | None = None,
    ) -> Any:
        """What goes into the database for a value.

        Each push writes an object of its own: one that another task is reading is never replaced.

        Args:
            value: What a task returned or pushed. Of a `pathlib.Path` to a regular file, the content travels.
            key: The XCom's key.
            task_id: The task's id.
            dag_id: The DAG's id.
            run_id: The run's id.
            map_index: The index of a mapped task; None or -1 for one that is not mapped.

        Returns:
            JSON: the value as Airflow serialises it, or the reference to where it lies.

        Raises:
            UnsupportedValueError: Neither a codec nor Airflow's serialisation takes the value.
            PickleRefusedError: Only pickle would, and ``[linepipe] allow_pickle`` is off.
            SettingError: ``[linepipe]`` is not valid.
        """
        if value is None or key in _READ_BY_AIRFLOW or _is_valid_reference(value):
            return BaseXCom.serialize_value(value)
        limit = settings.xcom_threshold()
        kept = _kept_by_airflow(value, limit)
        if kept is not None:
            return kept
        producer = Producer(
            dag_id=dag_id or "",
            run_id=run_id or "",
            task_id=task_id or "",
            map_index=NOT_MAPPED if map_index is None else map_index,
            try_number=_running_try(dag_id, run_id, task_id),
        )
        return _put(value, key=key or BaseXCom.XCOM_RETURN_KEY, producer=producer, limit=limit)

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        """The value that a task pushed.

        Args:
            result: Has what stands in the database as its ``value``.

        Returns:
            The value. A `pathlib.Path` leads to a copy that lives as long as this process.

        Raises:
            InvalidReferenceError: What stands in the database is not valid, or of a newer version.
            ArtifactNotFoundError: Nothing lies in storage any more; the message names the task that stored it.
            ArtifactAlteredError: What lies there is not what was written.
            ArtifactUnreadableError: It cannot be decoded here.
            PickleRefusedError: It is a pickle, and ``[linepipe] allow_pickle`` is off.
        """
        wire = result.value
        if not _is_wire(wire):
            return BaseXCom.deserialize_value(result)
        from airflow_linepipe.hooks.handoff import lasting_exchange

        value = lasting_exchange().get(_reference_in(wire))
        return BaseXCom.deserialize_value(SimpleNamespace(value=value)) if wire.get(_SERIALIZED) else value

    @classmethod
    def purge(cls, xcom: XComResult, *args: Any) -> None:  # noqa: ARG003  (Airflow's signature)
        """Remove what a value left in storage; it need not be there any more.

        Airflow calls it when a task starts again. The artifacts behind the references of our own tasks stay: the
        next try writes others, and retention collects them.

        Args:
            xcom: What stands in the database.
            *args: Nothing that is used.
        """
        if not _is_wire(xcom.value):
            return
        try:
            reference = _reference_in(xcom.value)
        except InvalidReferenceError as error:
            # Whoever reads it is told; the task that is about to replace it shall not fail on it.
            logger.warning("Nothing was removed for XCom '%s': %s", xcom.key, error)
            return
        if _lies_below(check_storage(settings.storage()), reference.uri):
            open_store(reference.uri).remove(reference.uri)
        else:
            logger.warning("XCom '%s' lies at %s, not below [linepipe] storage: it stays.", xcom.key, reference.uri)


def _put(value: Any, *, key: str, producer: Producer, limit: int) -> Any:
    """Store a value, or what Airflow makes of it if no codec may carry it; what goes into the database."""
    try:
        return _stored(value, key=key, producer=producer)
    except (PickleRefusedError, UnsupportedValueError) as error:
        refusal = error
    try:
        serialized = BaseXCom.serialize_value(value)
        if _is_for_the_database(serialized, limit):
            return serialized
        return {**_stored(serialized, key=key, producer=producer), _SERIALIZED: True}
    except (StorageDeniedError, StorageFaultError):
        raise
    except Exception:  # noqa: BLE001  (serialising runs the value's own code)
        raise _refused(value, key, producer, refusal) from refusal


def _stored(value: Any, *, key: str, producer: Producer) -> dict[str, Json]:
    from airflow_linepipe.hooks.handoff import open_exchange

    with open_exchange() as exchange:
        reference = exchange.put(value, name=f"{key}-{uuid.uuid4().hex[:12]}", producer=producer)
    label = key if len(key) <= _MAX_LABEL else f"{key[: _MAX_LABEL - 1]}…"
    reference = _showable(dataclasses.replace(reference, name=label))
    logger.info("Stored XCom %s: %s, %d bytes at %s", key, reference.type, reference.nbytes, reference.uri)
    return {_MARK: _VERSION, _ARTIFACT: reference.to_wire()}


def _showable(reference: ArtifactRef) -> ArtifactRef:
    # The api-server would take a column or key of such a name for an object to restore, and fail.
    text = json.dumps(reference.to_wire())
    if any(f'"{key}":' in text for key in _AIRFLOW_KEYS):
        return dataclasses.replace(reference, summary={}, value=ABSENT)
    return reference


def _refused(value: Any, key: str, producer: Producer, refusal: HandoffError) -> HandoffError:
    kind = type_name(value)
    head = f"XCom '{key}' of {producer} is a {kind}, which"
    if isinstance(refusal, PickleRefusedError):
        message = (
            f"{head} only pickle could carry, and [linepipe] allow_pickle is off: return a table, an array or plain "
            f"data, or register a codec for {kind}."
        )
        return PickleRefusedError(message)
    if isinstance(value, Path):
        message = f"{head} leads to no regular file ({value}): return the path of a file, or str(path)."
    else:
        reason = refusal.__cause__ or refusal
        message = (
            f"{head} cannot travel between tasks ({type(reason).__name__}: {reason}): return the data instead of the "
            f"live object, or register a codec for {kind}."
        )
    return UnsupportedValueError(message, artifact=key, type_name=kind)


def _is_wire(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and _MARK in value and is_reference(value.get(_ARTIFACT))


def _reference_in(wire: dict[str, Any]) -> ArtifactRef:
    if wire[_MARK] != _VERSION:
        message = (
            f"This XCom value has version {wire[_MARK]!r} and this airflow-linepipe reads version {_VERSION}: upgrade "
            f"airflow-linepipe where it is read."
        )
        raise InvalidReferenceError(message)
    return ArtifactRef.from_wire(wire[_ARTIFACT])


def _is_valid_reference(value: object) -> bool:
    if not is_reference(value):
        return False
    try:
        ArtifactRef.from_wire(value)
    except InvalidReferenceError:
        return False
    return True


def _lies_below(storage: str, uri: str) -> bool:
    return uri.startswith(f"{storage}/") and ".." not in uri.split("/")


def _running_try(dag_id: str | None, run_id: str | None, task_id: str | None) -> int:
    """The number of the running try; `_UNKNOWN_TRY` if the value is pushed for another task than the running one."""
    # A returned value is pushed when there is no current context any more; these variables stay.
    running = tuple(os.environ.get(f"AIRFLOW_CTX_{name}") for name in ("DAG_ID", "DAG_RUN_ID", "TASK_ID"))
    number = os.environ.get("AIRFLOW_CTX_TRY_NUMBER", "")
    return int(number) if running == (dag_id, run_id, task_id) and number.isdecimal() else _UNKNOWN_TRY


def _kept_by_airflow(value: Any, limit: int) -> Any:
    """The value as Airflow serialises it, if that is small and gives it back unchanged; else None."""
    if _is_larger(value, limit):
        return None
    try:
        with warnings.catch_warnings():
            # Of what is lost on the way: then it does not go that way.
            warnings.simplefilter("ignore")
            serialized = BaseXCom.serialize_value(value)
            if not _is_for_the_database(serialized, limit):
                return None
            back = BaseXCom.deserialize_value(SimpleNamespace(value=json.loads(json.dumps(serialized))))
            return serialized if _is_same(back, value) else None
    except Exception:  # noqa: BLE001  (serialising and comparing run the value's own code)
        return None


def _is_larger(value: Any, limit: int) -> bool:
    """Whether the value surely takes more bytes of JSON, or is one for a codec, without serialising it."""
    pending = [value]
    while pending:
        item = pending.pop()
        limit -= 1
        if isinstance(item, str | bytes | bytearray | list | tuple | set | frozenset | dict):
            limit -= len(item)
        if limit < 0 or _is_for_a_codec(item):
            return True
        pending.extend(_parts(item))
    return False


def _parts(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return [*item, *item.values()]
    if isinstance(item, list | tuple | set | frozenset):
        return list(item)
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return [getattr(item, field.name, None) for field in dataclasses.fields(item)]
    return []


def _is_for_a_codec(item: Any) -> bool:
    if item is None or isinstance(item, str | int | float | list | tuple | set | frozenset | dict):
        return False
    found = _codecs().encode(item)
    if found is None or found[0].name not in _PLAIN_CODECS:
        return True
    return found[0].name == "pickle" and type(item).__module__.partition(".")[0] in _DATA_PACKAGES


@cache
def _codecs() -> CodecRegistry:
    return CodecRegistry()


def _is_for_the_database(serialized: Any, limit: int) -> bool:
    """Whether it is small, no wire form of ours, and JSON that every database gives back as it is."""
    try:
        text = json.dumps(serialized, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        json.loads(text, parse_int=_checked_int, parse_float=_checked_float)
        nbytes = len(text.encode())
    except ValueError:  # also of a NaN, and of a lone surrogate
        return False
    # PostgreSQL takes no NUL.
    return nbytes <= limit and r"\u0000" not in text and not _is_wire(serialized)


def _checked_int(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**64:
        message = "The task's messages to its supervisor take no longer integers."
        raise ValueError(message)
    return number


def _checked_float(text: str) -> float:
    if text == "-0.0" or "e+" in text:
        message = "PostgreSQL gives it back without its sign, or as an integer."
        raise ValueError(message)
    return float(text)


def _fields(value: Any) -> dict[str, Any]:
    """What a dataclass's instance holds, declared or not."""
    declared = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    return {**declared, **getattr(value, "__dict__", {})}


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are equal, the types of all that is in them included."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return _is_same(list(one.items()), list(other.items()))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, set | frozenset):
        return {(type(item), item) for item in one} == {(type(item), item) for item in other}
    if dataclasses.is_dataclass(one):
        # Airflow serialises its fields, and not always as what they are.
        return _is_same(_fields(one), _fields(other))
    if cast("Any", type(one)).__eq__ is object.__eq__:
        # There is nothing to compare by: how its author serialises it has to do.
        return hasattr(one, "serialize")
    # Equal dates may differ in their time zone, and equal decimals in their digits.
    return bool(one == other) and repr(one) == repr(other)
