"""What the tests of the runtime share."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def pipelines() -> ModuleType:
    """The module pipelines.py, loaded by path: the test folders are no packages."""
    spec = importlib.util.spec_from_file_location("library_pipelines", Path(__file__).parents[1] / "pipelines.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
