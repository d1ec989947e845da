"""A pytest plugin under which Airflow cannot be imported: ``-p tests.without_airflow``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType


class _Refuse(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "airflow" or name.startswith("airflow."):
            message = f"{name} cannot be imported here"
            raise ModuleNotFoundError(message, name=name)


assert "airflow" not in sys.modules
sys.meta_path.insert(0, _Refuse())
