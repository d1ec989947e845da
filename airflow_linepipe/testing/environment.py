"""The environment variables that make an Airflow small, quiet and its own."""

from __future__ import annotations

import os
import secrets
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["build_environment", "find_free_ports"]


def build_environment(
    ambient: Mapping[str, str], *, home: Path, dags: Path, parallelism: int, ports: tuple[int, int, int]
) -> dict[str, str]:
    """Return the variables for an ``airflow standalone``, its tasks and its CLI.

    Args:
        ambient: The caller's variables; passed on, except those whose names begin with AIRFLOW.
        home: The absolute folder of database, logs and configuration.
        dags: The absolute DAGs folder.
        parallelism: How many tasks run at once.
        ports: The ports of the API server and of the workers' and the triggerer's log servers.
    """
    api_port, worker_log_port, trigger_log_port = ports
    url = f"http://127.0.0.1:{api_port}"
    return {
        **_filter_ambient(ambient),
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(api_port),
        "AIRFLOW__API__WORKERS": "1",
        # As long as PyJWT recommends; the generated one is shorter, and each request would warn of it.
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": str(parallelism),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "2",
        # A file that has changed is read at once, and its DAG written at once, also if that was done just before; to
        # read the others again each half minute takes half a core for twenty of them.
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "http.access=WARNING airflow.dag_processing.manager=WARNING",
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_log_port),
        "AIRFLOW__LOGGING__UVICORN_LOGGING_LEVEL": "WARNING",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_log_port),
        "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        # The airflow.cfg of an earlier start says these too, as they were before the folder was moved.
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(home / "logs" / "dag_processor"),
    }


def find_free_ports() -> tuple[int, int, int]:
    """Return three different ports that nobody listens on now."""
    with ExitStack() as stack:
        # All are held until the last one is known, or the same one would be found again.
        first, second, third = (stack.enter_context(socket.socket()) for _ in range(3))
        for one in (first, second, third):
            one.bind(("", 0))
        return first.getsockname()[1], second.getsockname()[1], third.getsockname()[1]


def _filter_ambient(ambient: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without Airflow's, with the running interpreter's folder first on PATH."""
    kept = {name: value for name, value in ambient.items() if not name.lstrip("_").startswith("AIRFLOW")}
    excepted = [kept.get("no_proxy") or kept.get("NO_PROXY") or "", "127.0.0.1"]
    kept["no_proxy"] = kept["NO_PROXY"] = ",".join(filter(None, excepted))
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)])
    return kept
