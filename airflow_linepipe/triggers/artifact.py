"""What waits for artifacts, files or rows in the triggerer: for a sensor, and as the watcher of an asset."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Hashable
from datetime import datetime
from typing import Any, Final
from weakref import WeakValueDictionary

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_linepipe.errors import SettingError
from airflow_linepipe.hooks.looking import CLOCKS
from airflow_linepipe.hooks.wanted import Wanted
from airflow_linepipe.triggers.changes import Changes
from airflow_linepipe.triggers.sharing import SharedLook, shared_look, ticks

__all__ = ["LinepipeArtifactTrigger"]

logger = logging.getLogger(__name__)


class LinepipeArtifactTrigger(BaseEventTrigger):
    """One event for each artifact that is published, each new or changed file, or each new value of a query.

    As the watcher of an asset: ``Asset("inbox", watchers=[AssetWatcher(name="files", trigger=
    LinepipeArtifactTrigger(path="file:///data/in/*.csv"))])``. A DAG with ``schedule=[asset]`` then starts for it, and
    ``triggering_asset_events[asset][0].extra["payload"]`` says for what: "reference", "name", "time" and "producer" of
    an artifact, "uri", "nbytes" and "modified" of a file, or "value".

    What is there when it starts for the first time has no event, unless ``newer_than`` says so. From then on, also
    while no triggerer runs, no change is lost. None is told twice unless a triggerer dies in the second after an event
    was stored, or two of them run it at once because one was taken for dead. What it has told is kept in the asset's
    state store; before Airflow 3.3 there is none, and what happens while no triggerer runs is not told.

    A file counts once it has had the same size and time for a second: what is written with longer pauses should be
    written under another name, and renamed. Of what was published by workers whose clocks are more than an hour apart
    something may be lost.

    Args:
        name: The name of an asset that a task of ours publishes.
        path: A URL of files with ``*``, ``?``, ``[…]`` or ``**``, and a connection as in ``s3://conn_id@bucket/*.csv``.
        conn_id: The connection of the query.
        sql: A query; the first value of its first row counts, NULL does not.
        newer_than: A time; what was published or written later counts from the start. For a query: a value.
        condition: What must hold of an artifact, such as ``{"rows": ">= 1000"}``; see `LinepipeArtifactSensor`.
        storage: Where artifacts are published, in place of ``[linepipe] storage``.
        poll_interval: The seconds between two looks.
        max_interval: If given, the pauses become twice as long each time, up to this; for a sensor only.
        once: Whether one event is enough: for a sensor.
        looked: When the sensor has looked last.
        checked: Whether the arguments need not be checked: they were, when the DAG was parsed.

    Raises:
        SettingError: An argument cannot be used.
        StorageUnavailableError: The file system of ``path`` or ``storage`` is not installed.
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        path: str | None = None,
        conn_id: str | None = None,
        sql: str | None = None,
        newer_than: datetime | str | float | None = None,
        condition: dict[str, Any] | None = None,
        storage: str | None = None,
        poll_interval: float = 5.0,
        max_interval: float | None = None,
        once: bool = False,
        looked: str | None = None,
        checked: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        arguments: dict[str, Any] = {
            "name": name,
            "path": path,
            "conn_id": conn_id,
            "sql": sql,
            "newer_than": newer_than,
            "condition": condition,
            "storage": storage,
        }
        if checked:
            # An error here would end the triggerer's whole process.
            self.wanted = Wanted(**arguments)
        else:
            self.wanted = Wanted.checked(type(self).__name__, **arguments)
            if isinstance(poll_interval, bool) or not isinstance(poll_interval, int | float) or not poll_interval > 0:
                message = f"{type(self).__name__}: poll_interval={poll_interval!r}: give a number of seconds above 0."
                raise SettingError(message)
        self.poll_interval = poll_interval
        self.max_interval = max_interval
        self.once = once
        self.looked = looked
        self._shared: SharedLook | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """See `BaseTrigger.serialize`."""
        own = {"max_interval": self.max_interval, "once": self.once or None, "looked": self.looked}
        kwargs = {name: value for name, value in own.items() if value is not None}
        classpath = f"{__name__}.{type(self).__name__}"
        return classpath, {**self.wanted.to_dict(), "poll_interval": self.poll_interval, "checked": True, **kwargs}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """See `BaseTrigger.run`."""
        if self.once:
            yield TriggerEvent(await self._wait())
            return
        async for told, _ in self.changes().open_stream():
            yield TriggerEvent(told)

    def shared_stream_key(self) -> Hashable | None:
        """One stream for each watcher, because Airflow says of a stream's events when they are stored."""
        if self.once or self.asset_state_store is None:
            return None
        _, kwargs = self.serialize()
        key = _key(kwargs)
        _watchers[key] = self
        return key

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> Any:
        """See `BaseEventTrigger.create_shared_stream_producer`; there is one watcher with these arguments."""
        return _watchers[_key(kwargs)].changes()

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """See `BaseEventTrigger.filter_shared_stream`."""
        async for told in shared_stream:
            yield TriggerEvent(told)

    async def _wait(self) -> dict[str, Any]:
        """Wait for the first that counts; the sensor will look itself."""
        found: tuple[Any, ...] | None = None
        try:
            # Kept, so that it stays the one that others share.
            self._shared = shared_look(self.wanted)
            if self.looked is not None:
                last = datetime.fromisoformat(self.looked) - CLOCKS
                self._shared.look.begin(max(last, self.wanted.after or last) if self.wanted.name else last)
            async for moment in ticks(self.poll_interval, self.max_interval):
                before, found = found, await self._shared.after(moment)
                if found is not before and any(one.admitted(self.wanted) for one in found):
                    return {"found": str(self.wanted)}
        except Exception as error:  # of the storage, the database or Airflow: the sensor meets it too, and says so
            logger.exception("Cannot look for %s.", self.wanted)
            return {"problem": f"{type(error).__name__}: {error}"}
        raise AssertionError

    def changes(self) -> Changes:
        """The changes that it tells as a watcher, from where an earlier one has left off."""
        self._shared = shared_look(self.wanted)
        return Changes(self.wanted, self._shared, self.poll_interval, self.asset_state_store)


# Those that Airflow runs here; of two with the same arguments it makes one.
_watchers: Final[WeakValueDictionary[str, LinepipeArtifactTrigger]] = WeakValueDictionary()


def _key(kwargs: dict[str, Any]) -> str:
    return json.dumps(kwargs, sort_keys=True)
