"""Looks that all triggers of a process share: a thousand that wait for one thing look once for it."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from typing import Final
from weakref import WeakValueDictionary

from airflow_linepipe.hooks.looking import Look, Sighting, look_for
from airflow_linepipe.hooks.wanted import Wanted

__all__ = ["SharedLook", "shared_look", "ticks"]


class SharedLook:
    """A look, done by the first who asks for it, in a thread, for all who ask at that time.

    Attributes:
        look: The look itself.
    """

    def __init__(self, look: Look) -> None:
        self.look = look
        self._lock = asyncio.Lock()
        self._begun = -math.inf
        self._found: tuple[Sighting, ...] = ()
        self._error: Exception | None = None

    async def after(self, moment: float) -> tuple[Sighting, ...]:
        """What a look has found that began at this moment or later; the same object as before if nothing has changed.

        Args:
            moment: As `time.monotonic` has it.

        Raises:
            Exception: Whatever the look raises, for each who has asked for it.
        """
        async with self._lock:
            if self._begun < moment:
                begun = time.monotonic()
                try:
                    found = await asyncio.to_thread(self.look.look)
                    self._error = None
                    if found != self._found:
                        self._found = found
                except Exception as error:  # noqa: BLE001  (of the storage, the database or Airflow: raised below)
                    self._error = error
                self._begun = begun
            if self._error is not None:
                raise self._error
            return self._found


_looks: Final[WeakValueDictionary[tuple[str, ...], SharedLook]] = WeakValueDictionary()


def shared_look(wanted: Wanted) -> SharedLook:
    """The look of this process for what is waited for, however new it must be; it lives as long as somebody has it.

    Raises:
        SettingError: Its path is no URL.
    """
    look = look_for(wanted)
    found = _looks.get(look.place)
    if found is None:
        found = _looks[look.place] = SharedLook(look)
    return found


async def ticks(interval: float, longest: float | None = None) -> AsyncIterator[float]:
    """Moments to look at, each given when it has come.

    Args:
        interval: The seconds between two. All who have the same interval get the same moments, and share their looks.
        longest: If given, the pauses become twice as long each time, up to this many seconds.
    """
    moment = time.monotonic()
    pause = interval
    while True:
        if longest is None:
            moment = max(math.floor(moment / interval + 1) * interval, time.monotonic())
        else:
            moment, pause = moment + pause, min(pause * 2, max(longest, interval))
        await asyncio.sleep(max(0.0, moment - time.monotonic()))
        yield moment
