"""The changes that an asset's watcher tells, one event each; and what of them is stored, so that none is told twice."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Hashable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from airflow_linepipe.hooks.looking import CLOCKS, MARK_TIME, Sighting
from airflow_linepipe.hooks.wanted import Wanted
from airflow_linepipe.triggers.cursor import Cursor
from airflow_linepipe.triggers.sharing import SharedLook, ticks

if TYPE_CHECKING:
    from airflow.sdk.execution_time.context import AssetStateStoreAccessors
    from airflow.triggers.shared_stream import AdvanceItem

__all__ = ["Changes"]

logger = logging.getLogger(__name__)

# What may still grow is whole if a second look, so many seconds later, finds it alike.
_SETTLING: Final = 1.0
# Airflow fails a watcher that has more than 1,024 ([triggerer] shared_stream_subscriber_queue_size).
_MAX_UNDER_WAY: Final = 250


class Changes:
    """The changes that one watcher tells: what Airflow calls the producer of a shared stream, with acknowledgement.

    Airflow asks it for events, stores each, and then says so by `advance`; only then the cursor moves on. A triggerer
    that dies before has the event told again by the next one, unless it has died between storing the event and moving
    the cursor: that is about a second, and the one time when an event comes twice.

    Args:
        wanted: What is watched.
        shared: The look for it.
        interval: The seconds between two looks.
        store: The store of the watched assets; None (before Airflow 3.3) to forget everything at the end.
    """

    def __init__(
        self, wanted: Wanted, shared: SharedLook, interval: float, store: AssetStateStoreAccessors | None
    ) -> None:
        self._wanted = wanted
        self._shared = shared
        self._interval = interval
        # Assets that have the same watcher share it.
        self._accessors: list[Any] = [] if store is None else list(getattr(store, "_by_name", {"": store}).values())
        self._key = f"linepipe_{sha256(repr(sorted(wanted.to_dict().items())).encode()).hexdigest()[:16]}"
        self._stored = Cursor()
        self._found: tuple[Sighting, ...] = ()
        self._under_way = 0
        self._moved = asyncio.Event()

    async def open_stream(self) -> AsyncIterator[tuple[dict[str, Any], str]]:
        """Each change as what its event tells, and its mark; see Airflow's ``SharedStreamProducer``."""
        look = self._shared.look
        told: Cursor | None = None
        before: set[str] = set()
        moments = ticks(self._interval)
        moment = time.monotonic()
        while True:
            try:
                told = told or await self._begin(moment)
                self._found = await self._shared.after(moment)
                new = [one for one in told.new(self._found) if self._counts(one)]
            except Exception:  # of the storage, the database or Airflow: only the next look can help
                logger.exception("Cannot look for %s: trying again in %g s.", self._wanted, self._interval)
                moment = await anext(moments)
                continue
            ready = [one for one in new if not look.settles or one.mark in before]
            before = {one.mark for one in self._found}
            told = told.after([one.mark for one in ready], look).shortened(self._found, look)
            for one in ready:
                await self._make_room()
                yield one.to_dict(), one.mark
            if len(ready) < len(new):
                await asyncio.sleep(min(_SETTLING, self._interval))
                moment = time.monotonic()
            else:
                moment = await anext(moments)

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Remember that events are stored; see Airflow's ``SharedStreamProducer``."""
        self._under_way -= len(batch)
        self._moved.set()
        marks = [item.broker_payload for item in batch if item.outcome.is_clean]
        cursor = self._stored.after(marks, self._shared.look)
        if len(marks) == len(batch):
            cursor = cursor.shortened(self._found, self._shared.look)
        await self._keep(cursor)

    def get_advance_lane(self, broker_payload: str) -> Hashable:  # noqa: ARG002  (as Airflow asks)
        """All events in one order; see Airflow's ``SharedStreamProducer``."""
        return None

    async def aclose(self) -> None:
        """Nothing is open; see Airflow's ``SharedStreamProducer``."""

    async def _make_room(self) -> None:
        """Wait until Airflow has stored some of the events that it has been given."""
        while self._accessors and self._under_way >= _MAX_UNDER_WAY:
            self._moved.clear()
            await self._moved.wait()
        self._under_way += 1

    def _counts(self, sighting: Sighting) -> bool:
        """Whether it is news: without a value that it must exceed, any other value of a query is."""
        is_any_value = self._shared.look.is_single and self._wanted.newer_than is None
        return is_any_value or sighting.admitted(self._wanted)

    async def _begin(self, moment: float) -> Cursor:
        """Where an earlier triggerer has left off; at the first start, behind what is there now."""
        look = self._shared.look
        for accessor in self._accessors:
            stored = await accessor.aget(self._key)
            if stored is not None:
                self._stored = Cursor.from_json(stored)
                if look.is_history:
                    look.begin(datetime.strptime(self._stored.floor, MARK_TIME).replace(tzinfo=UTC))
                return self._stored
        cursor = Cursor()
        if look.is_history:
            since = self._wanted.after or datetime.now(UTC) - CLOCKS
            look.begin(since)
            cursor = Cursor(floor=f"{since.astimezone(UTC):{MARK_TIME}}")
        if self._wanted.newer_than is None:
            cursor = cursor.after([one.mark for one in await self._shared.after(moment)], look)
        await self._keep(cursor)
        return cursor

    async def _keep(self, cursor: Cursor) -> None:
        self._stored = cursor
        for accessor in self._accessors:
            await accessor.aset(self._key, cursor.to_json())
