"""A frame through a real S3 server on loopback and an Airflow connection, beside the bare client and another one."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.handoff import best_of, numbers
from benchmarks.report import Row

__all__ = ["measure"]

ROUNDS = 5
MEBIBYTES = 256


def measure() -> list[Row]:
    """The promise about object stores."""
    from s3_server import running_s3

    with (
        tempfile.TemporaryDirectory(prefix="linepipe-bench-") as folder,
        running_s3(Path(folder, "s3")) as options,
        _connection(options),
    ):
        return _rows(_take_turns(options, Path(folder)))


@contextlib.contextmanager
def _connection(options: dict[str, Any]) -> Iterator[None]:
    os.environ["AIRFLOW_CONN_BENCH_S3"] = json.dumps(
        {
            "conn_type": "aws",
            "login": options["key"],
            "password": options["secret"],
            "extra": {**options["client_kwargs"], "config_kwargs": options["config_kwargs"]},
        }
    )
    try:
        yield
    finally:
        del os.environ["AIRFLOW_CONN_BENCH_S3"]


def _take_turns(options: dict[str, Any], folder: Path) -> dict[str, list[tuple[float, float]]]:
    import obstore
    import s3fs
    from obstore.store import S3Store

    from airflow_linepipe.handoff import Producer
    from airflow_linepipe.hooks.handoff import open_exchange

    frame = numbers(MEBIBYTES * 2**20 // 128)
    exchange = open_exchange("s3://bench_s3@artifacts/bench")
    client = s3fs.S3FileSystem(**options)
    store = S3Store(
        "artifacts",
        endpoint=options["client_kwargs"]["endpoint_url"],
        region="us-east-1",
        virtual_hosted_style_request=False,
        access_key_id=options["key"],
        secret_access_key=options["secret"],
        client_options={"allow_http": True},
    )
    taken: dict[str, list[tuple[float, float]]] = {"ours": [], "s3fs": [], "obstore": []}
    path = folder / "bytes"
    for _ in range(ROUNDS):
        producer = Producer(dag_id="bench", run_id=uuid.uuid4().hex, task_id="t")
        written, reference = _timed(exchange.put, frame, name="frame", producer=producer)
        read, _ = _timed(exchange.get, reference)
        taken["ours"].append((written, read))
        key = reference.uri.removeprefix("s3://bench_s3@")
        client.get_file(key, str(path))
        client.rm_file(key)
        put, _ = _timed(client.put_file, str(path), "artifacts/bare")
        got, _ = _timed(client.get_file, "artifacts/bare", str(folder / "back"))
        client.rm_file("artifacts/bare")
        taken["s3fs"].append((put, got))
        put, _ = _timed(obstore.put, store, "bare", path)
        got, _ = _timed(lambda: obstore.get(store, "bare").bytes())
        client.rm_file("artifacts/bare")
        taken["obstore"].append((put, got))
    return taken


def _timed(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[float, Any]:
    started = perf_counter()
    result = call(*arguments, **options)
    return perf_counter() - started, result


def _rows(taken: dict[str, list[tuple[float, float]]]) -> list[Row]:
    best = best_of(taken)
    ours = best["ours"]
    return [
        Row(
            name=f"a frame of {MEBIBYTES} MiB through S3, against the bare bytes with {name}",
            ours=f"{ours[0]:.1f} + {ours[1]:.1f} s",
            theirs=f"{best[name][0]:.1f} + {best[name][1]:.1f} s",
            ratio=sum(ours) / sum(best[name]),
            bar=bar,
        )
        # The rate shall be at least 0.8 times that of the client it uses.
        for name, bar in (("s3fs", 1 / 0.8), ("obstore", float("inf")))
    ]
