"""How far an asset's watcher has come: which changes have had their event."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

from airflow_linepipe.hooks.looking import CLOCKS, MARK_TIME, Look, Sighting

__all__ = ["Cursor"]

# A store takes 64 KiB without a warning.
_MAX_GONE: Final = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """What has had its event, or needs none.

    Attributes:
        floor: Everything whose mark is smaller.
        seen: The marks of the rest.
    """

    floor: str = ""
    seen: frozenset[str] = frozenset()

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """What `to_json` gave."""
        return cls(floor=stored["floor"], seen=frozenset(stored["seen"]))

    def to_json(self) -> dict[str, Any]:
        """As JSON, the same for the same cursor."""
        return {"floor": self.floor, "seen": sorted(self.seen)}

    def new(self, found: Iterable[Sighting]) -> list[Sighting]:
        """Those that have had no event."""
        return [sighting for sighting in found if sighting.mark > self.floor and sighting.mark not in self.seen]

    def after(self, marks: Collection[str], look: Look) -> Self:
        """The cursor when these have had their events too."""
        if look.is_single:
            return replace(self, seen=frozenset(list(marks)[-1:]) or self.seen)
        return replace(self, seen=self.seen.union(marks))

    def shortened(self, found: Collection[Sighting], look: Look) -> Self:
        """Without what need not be remembered.

        Of what was published, only the last hour: so far apart the workers' clocks may be. Of files that are gone, some
        thousands: a folder that is empty for a moment is not to make news of them when they are back.
        """
        if look.is_history and self.seen:
            newest = datetime.strptime(max(self.seen).partition("-")[0], MARK_TIME)  # noqa: DTZ007  (all are in UTC)
            floor = max(self.floor, f"{newest - CLOCKS:{MARK_TIME}}")
            return replace(self, floor=floor, seen=frozenset(mark for mark in self.seen if mark > floor))
        if found and len(self.seen) > 2 * len(found) + _MAX_GONE:
            return replace(self, seen=self.seen & {sighting.mark for sighting in found})
        return self
