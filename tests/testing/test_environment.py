from __future__ import annotations

import os
import sys
from pathlib import Path

from airflow_linepipe.testing.environment import build_environment, find_free_ports


def build(ambient):
    return build_environment(ambient, home=Path("/h"), dags=Path("/d"), parallelism=3, ports=(1, 2, 3))


def test_the_callers_airflow_variables_are_left_out():
    ambient = {
        "AIRFLOW_HOME": "/other",
        "AIRFLOW_CONN_X": "x",
        "AIRFLOW__CORE__FERNET_KEY": "x",
        "_AIRFLOW_PROCESS_CONTEXT": "server",
        "HOME": "/me",
    }
    built = build(ambient)
    assert built["AIRFLOW_HOME"] == "/h"
    assert built["HOME"] == "/me"
    assert not {"AIRFLOW_CONN_X", "AIRFLOW__CORE__FERNET_KEY", "_AIRFLOW_PROCESS_CONTEXT"} & built.keys()


def test_the_interpreters_folder_is_first_on_the_path():
    assert build({"PATH": "/bin"})["PATH"] == os.pathsep.join([str(Path(sys.executable).parent), "/bin"])


def test_the_loopback_address_is_excepted_from_a_proxy():
    built = build({"http_proxy": "http://proxy", "NO_PROXY": "intranet"})
    assert built["no_proxy"] == built["NO_PROXY"] == "intranet,127.0.0.1"
    assert build({})["no_proxy"] == "127.0.0.1"


def test_the_ports_are_used_where_they_belong():
    built = build({})
    assert built["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:1/execution/"
    assert built["AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT"] == "2"
    assert built["AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT"] == "3"


def test_free_ports_differ():
    assert len(set(find_free_ports())) == 3
