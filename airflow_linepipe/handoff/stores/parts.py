"""Large objects travel in parts, several at a time."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from typing import Final

__all__ = ["PARTS_AT_ONCE", "PART_BYTES", "fill", "part_bytes"]

PART_BYTES: Final = 1 << 24
PARTS_AT_ONCE: Final = 4
# S3 takes 10,000.
_MAX_PARTS: Final = 9_000


def part_bytes(nbytes: int) -> int:
    """The bytes of each part of an upload of this size."""
    return max(PART_BYTES, -(-nbytes // _MAX_PARTS))


async def fill(memory: memoryview, fetch: Callable[..., Awaitable[bytes]]) -> None:
    """Fetch an object in parts, each to its place.

    Args:
        memory: As large as the object.
        fetch: Gives the bytes from a ``start`` to an ``end``.

    Raises:
        OSError: Somebody has put another object in its place; the next attempt asks for its size.
    """
    free = asyncio.Semaphore(PARTS_AT_ONCE)

    async def place(start: int) -> None:
        end = min(start + PART_BYTES, len(memory))
        async with free:
            part = await fetch(start=start, end=end)
        if len(part) != end - start:
            raise OSError(errno.EIO, f"{len(part)} bytes came instead of {end - start}")
        memory[start:end] = part

    placing = [asyncio.ensure_future(place(start)) for start in range(0, len(memory), PART_BYTES)]
    try:
        await asyncio.gather(*placing)
    finally:
        for task in placing:
            task.cancel()
