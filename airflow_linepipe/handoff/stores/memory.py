"""Memory for the bytes of an object: a mapped file, or pages of this process alone."""

from __future__ import annotations

import io
import mmap
import os
from pathlib import Path
from typing import Final

__all__ = ["map_privately", "new_memory", "read_whole"]

# Below, a large page costs more than it saves.
_LARGE: Final = 1 << 22


def map_privately(path: Path) -> memoryview:
    """A file's bytes, paged in as they are touched; what is written to them stays in this process.

    Somebody who writes to the file itself changes those that have not been written to here.
    """
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return memoryview(bytearray())
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))


def read_whole(path: str | Path) -> memoryview:
    """A file's bytes as they are now, in memory that nobody else can change."""
    with io.FileIO(path) as file:
        memory = new_memory(os.fstat(file.fileno()).st_size)
        filled = 0
        while filled < len(memory):
            count = file.readinto(memory[filled:])
            if not count:  # it has been cut off meanwhile
                break
            filled += count
    return memory[:filled]


def new_memory(nbytes: int) -> memoryview:
    """Empty memory to write to, in large pages where the system has them: their first touch is what takes the time."""
    if nbytes < _LARGE:
        return memoryview(bytearray(nbytes))
    pages = mmap.mmap(-1, nbytes)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        pages.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(pages)
