"""The modules of an author that a test imports are gone after it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Forget the modules that have no file: they were made by the test."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if not getattr(sys.modules[name], "__spec__", None):
            del sys.modules[name]
