"""Great Expectations, imported and run without a word, the user's own use of it left as it was."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any, Final

__all__ = ["quiet", "replaced", "temporary_project", "without_fingerprint"]

_PACKAGE: Final = "great_expectations"
# When it is imported, this module sets its own logger's level to INFO, below whatever the package's is.
_LOUD: Final = "great_expectations.data_context.types.base"
_VARIABLE: Final = "SF_PARTNER"
_SILENT: Final = logging.CRITICAL + 1

# Great Expectations knows one current project in a process: two runs in two threads would take it from each other.
_alone: Final = threading.RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Run Great Expectations: its log lines, warnings, progress bars and prints go nowhere.

    Its loggers, its current project and its environment are afterwards as they were; one run at a time.
    """
    with _alone, ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(_level(_PACKAGE))
        _import()
        stack.enter_context(_level(_LOUD))
        stack.enter_context(_without_bars())
        stack.enter_context(_without_prints())
        stack.enter_context(_environment_kept())
        stack.enter_context(_project_kept())
        yield


def _import() -> None:
    """Import it, which takes seconds and says some two hundred lines about its own decorators."""
    if _PACKAGE not in sys.modules:
        importlib.import_module(_PACKAGE)
        logging.getLogger(_LOUD).setLevel(logging.NOTSET)


@contextmanager
def _level(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(_SILENT)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def replaced(owner: ModuleType | type, name: str, value: Any) -> Iterator[None]:
    """A module's global or a class's method, meanwhile another; or one that is not there, and then is not again."""
    names = vars(owner)
    had, before = name in names, names.get(name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if had:
            setattr(owner, name, before)
        else:
            delattr(owner, name)


@contextmanager
def _without_bars() -> Iterator[None]:
    """No progress bars, also where Great Expectations does not ask its project whether it wants them."""
    graph = importlib.import_module(f"{_PACKAGE}.validator.validation_graph")
    bar = vars(graph).get("tqdm")
    if bar is None:
        yield
        return

    def no_bar(*arguments: Any, **options: Any) -> Any:
        return bar(*arguments, **{**options, "disable": True})

    with replaced(graph, "tqdm", no_bar):
        yield


@contextmanager
def without_fingerprint() -> Iterator[None]:
    """No digest of each frame: nobody reads it, it takes as long as some expectations, and not all frames have one."""
    engine = importlib.import_module(f"{_PACKAGE}.execution_engine.pandas_execution_engine")
    with replaced(engine, "hash_pandas_dataframe", lambda _: ""):
        yield


@contextmanager
def _without_prints() -> Iterator[None]:
    """One expectation prints advice each time that it is built, and Great Expectations builds it often."""
    module = importlib.import_module(f"{_PACKAGE}.expectations.core.unexpected_rows_expectation")
    with replaced(module, "print", lambda *_, **__: None):
        yield


@contextmanager
def _environment_kept() -> Iterator[None]:
    before = os.environ.get(_VARIABLE)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = before


@contextmanager
def _project_kept() -> Iterator[None]:
    from great_expectations.data_context.data_context.context_factory import project_manager

    # There is no public way to ask whether there is one that all its versions 1 have.
    before = vars(project_manager).get("_ProjectManager__project")
    try:
        yield
    finally:
        project_manager.set_project(before)


def temporary_project() -> Any:
    """A project in memory that is the current one until the run ends; nothing of it is ever written anywhere."""
    from great_expectations.data_context.data_context.context_factory import set_context
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    project = EphemeralDataContext(
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            progress_bars=ProgressBarsConfig(globally=False),
        )
    )
    set_context(project)
    return project
