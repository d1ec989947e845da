"""Artifacts as they lie in the local store, and a value for each codec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from airflow_linepipe.handoff import ArtifactRef

VALUES: dict[str, Any] = {
    "json": {"auc": 0.9},
    "text": "text " * 100,
    "bytes": b"bytes" * 100,
    "npy": np.arange(100),
    "bundle": {"array": np.arange(6.0), "n": 1},
    "arrow": pd.DataFrame({"a": range(100), "b": ["x"] * 100}),
    "pickle": range(100),
    "file": Path(__file__),
}


def file_of(reference: ArtifactRef) -> Path:
    return Path(reference.uri.removeprefix("file://"))
