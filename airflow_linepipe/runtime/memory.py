"""How much memory a call takes, measured while it runs once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

__all__ = ["MemoryUse", "measure_memory"]

_T = TypeVar("_T")
_SECONDS = 0.05
_MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryUse:
    """What a call did to the memory of its process.

    Attributes:
        delta: How much more there was after it than before, in MiB.
        peak: How much more there was at the most while it ran, in MiB.
    """

    delta: float
    peak: float


def measure_memory(function: Callable[[], _T]) -> tuple[_T, MemoryUse]:
    """Call a function, once, and look at the resident memory of this process 20 times a second meanwhile.

    linepipe 1.0.0 leaves that to memory_profiler, which calls quick functions several times.

    Args:
        function: What is measured; what it raises passes through.

    Returns:
        What it returned, and the memory it took: an estimate, as in linepipe.
    """
    import psutil

    process = psutil.Process()
    before = process.memory_info().rss
    peak = before
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(_SECONDS):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch, name="linepipe-memory", daemon=True)
    watcher.start()
    try:
        result = function()
    finally:
        done.set()
        watcher.join()
    after = process.memory_info().rss
    return result, MemoryUse(delta=(after - before) / _MIB, peak=(max(peak, after) - before) / _MIB)
