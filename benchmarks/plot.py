"""Seconds to write and read a frame against its size, for every contender, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.contenders import BACKEND, FEATHER, OURS, PARQUET, PICKLE
from benchmarks.handoff import local_storage, numbers, take_turns

__all__ = ["draw"]

MEGABYTES: Sequence[int] = (1, 4, 16, 64, 256, 512)
CONTENDERS = (BACKEND, PARQUET, PICKLE, FEATHER, OURS)


def draw(path: Path) -> None:
    """Measure and draw.

    Args:
        path: Where the picture goes, as PNG.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    seconds: dict[str, list[float]] = {contender.name: [] for contender in CONTENDERS}
    with local_storage():
        for megabytes in MEGABYTES:
            frame = numbers(megabytes * 10**6 // 128)
            for name, taken in take_turns(frame, CONTENDERS, rounds=1 if megabytes > 64 else 3).items():
                seconds[name].append(sum(taken))
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for contender in CONTENDERS:
        ours = contender is OURS
        axes.plot(MEGABYTES, seconds[contender.name], marker="o", linewidth=3 if ours else 1.5, label=contender.name)
    axes.set(xscale="log", yscale="log", xlabel="MB of float64", ylabel="seconds to write and read")
    axes.set_xticks(MEGABYTES, [str(megabytes) for megabytes in MEGABYTES])
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)
