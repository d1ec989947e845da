"""Every kind of storage keeps the contract of stores, and what is true of one kind only."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from airflow_linepipe.errors import LinepipeError
from airflow_linepipe.handoff import ArtifactRef, Exchange, Store, open_file_system, open_store
from airflow_linepipe.handoff.stores import Patience
from airflow_linepipe.handoff.stores.local import LocalStore
from airflow_linepipe.handoff.stores.remote import FsspecStore
from airflow_linepipe.testing import StoreContract


@dataclass(frozen=True)
class Place:
    """A storage to test, and a way around the store that writes to it and looks at it."""

    root: str
    store: Store
    file_system: Any
    path: str

    def files(self) -> list[str]:
        """Everything below the root, hidden files included."""
        return sorted(path.removeprefix(self.path).lstrip("/") for path in self.file_system.find(self.path))

    def content(self, name: str) -> bytes:
        return self.file_system.cat_file(f"{self.path}/{name}")

    def place(self, name: str, content: bytes) -> None:
        path = f"{self.path}/{name}"
        self.file_system.makedirs(path.rpartition("/")[0], exist_ok=True)
        self.file_system.pipe_file(path, content)


@pytest.fixture(params=["local", "memory", "fsspec-local", pytest.param("s3", marks=pytest.mark.server)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    match request.param:
        case "local":
            yield Place(f"file://{tmp_path}", LocalStore(), LocalFileSystem(), str(tmp_path))
        case "memory":
            path = f"/{uuid.uuid4().hex}"
            file_system = MemoryFileSystem()
            yield Place(f"memory:/{path}", FsspecStore(open_file_system), file_system, path)
            with contextlib.suppress(FileNotFoundError):
                file_system.rm(path, recursive=True)
        case "fsspec-local":
            yield Place(f"local://{tmp_path}", FsspecStore(open_file_system), LocalFileSystem(), str(tmp_path))
        case _:
            import s3fs

            options = request.getfixturevalue("s3_options")

            def open_s3(uri: str) -> tuple[Any, str]:
                return s3fs.S3FileSystem(**options), uri.removeprefix("s3://")

            path = f"artifacts/{uuid.uuid4().hex}"
            yield Place(f"s3://{path}", FsspecStore(open_s3), s3fs.S3FileSystem(**options), path)


def write(store, uri, *pieces):
    with store.write(uri) as file:
        for piece in pieces:
            file.write(piece)


class Stop(BaseException):
    """Not an Exception, as KeyboardInterrupt and Airflow's own timeouts are not."""


@pytest.fixture
def store(place: Place) -> Store:
    return place.store


@pytest.fixture
def root(place: Place) -> str:
    return place.root


class TestEveryStore(StoreContract):
    """And what a look past the store shows: what lies there is for other programs too."""

    @pytest.mark.parametrize("size", [0, 1, 1_048_579], ids="{} bytes".format)
    def test_what_was_written_lies_there_as_it_is(self, place, size):
        content = os.urandom(size)
        write(place.store, f"{place.root}/a/b.bin", content)
        assert place.files() == ["a/b.bin"]
        assert place.content("a/b.bin") == content

    def test_what_somebody_else_put_there_is_read(self, place):
        place.place("deep/er/x", b"content")
        assert place.store.read(f"{place.root}/deep/er/x") == b"content"

    def test_nobody_else_sees_an_object_until_the_write_has_ended(self, place):
        with place.store.write(f"{place.root}/x") as file:
            file.write(b"content")
            file.flush()
            assert "x" not in place.files()
        assert place.files() == ["x"]

    def test_an_interrupted_write_leaves_no_files(self, place):
        with pytest.raises(Stop), place.store.write(f"{place.root}/a/x") as file:
            file.write(b"half")
            raise Stop
        assert place.files() == []

    def test_a_walk_sees_what_others_have_written_and_removed_since(self, place):
        place.place("a/x", b"")
        assert len(list(place.store.walk(place.root))) == 1
        place.place("a/y", b"")
        place.file_system.rm_file(f"{place.path}/a/x")
        assert [stored.uri for stored in place.store.walk(place.root)] == [f"{place.root}/a/y"]


# --- what is true of one kind of storage ----------------------------------------------------------------------------

WRITER = """
import json, sys
from airflow_linepipe.handoff import Exchange, Producer

storage, number = sys.argv[1], int(sys.argv[2])
exchange = Exchange(storage)
producer = Producer(dag_id="d", run_id="r", task_id="t", map_index=number)
sys.stdin.readline()  # all at once
for item in range(50):
    print(json.dumps(exchange.put([number, item], name=f"v{item}", producer=producer).to_wire()))
"""


def test_eight_processes_at_once_do_not_disturb_each_other(exchange):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, exchange.storage, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for number in range(8)
    ]
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    for number, writer in enumerate(writers):
        lines = writer.communicate(timeout=60)[0].splitlines()
        assert writer.returncode == 0
        values = [exchange.get(ArtifactRef.from_wire(json.loads(line))) for line in lines]
        assert values == [[number, item] for item in range(50)]


def test_empty_folders_are_pruned_from_a_disk_under_the_hands_of_eight_writers(tmp_path):
    store = LocalStore()
    done = threading.Event()

    def prune():
        rounds = 0
        while not done.is_set():
            store.prune(f"file://{tmp_path}/dag")
            rounds += 1
        return rounds

    def work(number):
        for item in range(200):
            uri = f"file://{tmp_path}/dag/run/{number}/{item}/x"
            write(store, uri, b"content")
            assert store.read(uri) == b"content"
            store.remove(uri)

    with ThreadPoolExecutor(9) as pool:
        pruner = pool.submit(prune)
        try:
            list(pool.map(work, range(8)))
        finally:
            done.set()
        assert pruner.result() > 0
    store.prune(f"file://{tmp_path}/dag")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_pruned_before_its_file_is_there_is_made_again(tmp_path, monkeypatch):
    mkdir, pruned = Path.mkdir, []

    def prune_at_once(self, *args, **options):
        mkdir(self, *args, **options)
        if len(pruned) < 10:
            pruned.append(self)
            LocalStore().prune(f"file://{tmp_path}/dag")

    monkeypatch.setattr(Path, "mkdir", prune_at_once)
    write(LocalStore(), f"file://{tmp_path}/dag/run/x", b"content")
    assert LocalStore().read(f"file://{tmp_path}/dag/run/x") == b"content"
    assert len(pruned) == 10


def test_a_link_on_a_disk_is_an_object_and_not_where_it_leads(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/x").write_text("content")
    (tmp_path / "storage").mkdir()
    (tmp_path / "storage/link").symlink_to(tmp_path / "other")
    store = LocalStore()
    (stored,) = store.walk(f"file://{tmp_path}/storage")
    store.remove(stored.uri)
    assert (tmp_path / "other/x").read_text() == "content"


def test_a_file_store_reads_without_loading(tmp_path):
    (tmp_path / "x").write_bytes(bytes(50_000_000))
    started = time.monotonic()
    view = LocalStore().read(f"file://{tmp_path}/x")
    assert view.nbytes == 50_000_000
    assert type(view.obj).__name__ == "mmap"
    assert time.monotonic() - started < 1


def run_apart(code, uri):
    """Run code in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", code, uri]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_killed_process_leaves_nothing_under_the_artifacts_name(tmp_path):
    code = (
        "import os, sys\n"
        "from airflow_linepipe.handoff import open_store\n"
        "with open_store(sys.argv[1]).write(sys.argv[1]) as file:\n"
        "    file.write(b'half'); file.flush(); os._exit(9)\n"
    )
    assert run_apart(code, f"file://{tmp_path}/a/x").returncode == 9
    assert not (tmp_path / "a/x").exists()
    assert all(path.name.startswith(".") for path in (tmp_path / "a").iterdir())


def test_a_disk_without_room_leaves_nothing(tmp_path):
    code = (
        "import resource, sys\n"
        "from airflow_linepipe.handoff import open_store\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))\n"
        "with open_store(sys.argv[1]).write(sys.argv[1]) as file:\n"
        "    file.write(bytes(2_000_000))\n"
        "    file.write(bytes(2_000_000))\n"
    )
    done = run_apart(code, f"file://{tmp_path}/a/x")
    assert done.stderr.splitlines()[-1] == "OSError: [Errno 27] File too large"
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.parametrize("refusal", [errno.ENOSPC, errno.EOPNOTSUPP, errno.EINVAL])
def test_a_disk_that_reserves_no_room_is_written_to(refusal, tmp_path, monkeypatch):
    asked = []

    def refuse(*arguments):
        asked.append(arguments[1:])
        raise OSError(refusal, "refused")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    write(LocalStore(), f"file://{tmp_path}/x", bytes(3_000_000))
    assert LocalStore().read(f"file://{tmp_path}/x") == bytes(3_000_000)
    on_a_disk = os.major(tmp_path.stat().st_dev) != 0
    assert asked == ([(0, 3_000_000)] if on_a_disk else [])


def test_a_file_system_of_the_network_is_not_asked_for_room(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "major", lambda device: 0)
    monkeypatch.setattr(os, "posix_fallocate", lambda *arguments: pytest.fail("it was asked"))
    write(LocalStore(), f"file://{tmp_path}/x", bytes(3_000_000))
    assert LocalStore().find(f"file://{tmp_path}/x").nbytes == 3_000_000


def test_a_folder_that_cannot_be_written_to_is_a_permission_error_and_not_ours(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError) as caught, LocalStore().write(f"file://{tmp_path}/file/x"):  # noqa: PT011
        pass
    assert not isinstance(caught.value, LinepipeError)


@pytest.mark.parametrize("step", ["put_file", "mv"])
def test_an_upload_that_fails_leaves_nothing_and_keeps_what_was_there(step, monkeypatch):
    file_system = MemoryFileSystem()
    root = f"memory://{uuid.uuid4().hex}"
    store = FsspecStore(open_file_system, Patience(pause=0))
    write(store, f"{root}/x", b"before")
    working = getattr(MemoryFileSystem, step)

    def fail(self, *args, **options):
        if step == "put_file":
            working(self, *args, **options)
        raise ConnectionError(step)

    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, step, fail)
        with pytest.raises(ConnectionError, match=step):
            write(store, f"{root}/x", b"after")
    assert file_system.find(root) == [f"/{root.removeprefix('memory://')}/x"]
    assert store.read(f"{root}/x") == b"before"


@pytest.mark.parametrize("protocol", ["s3", ("s3", "s3a"), ("gcs", "gs"), "abfs"], ids=str)
def test_an_object_store_gets_the_object_with_one_upload(protocol):
    calls = []

    class Recorder:
        async_impl = False

        def __init__(self):
            self.protocol = protocol

        def __getattr__(self, name):
            return lambda *args, **_: calls.append((name, args[-1]))

    write(FsspecStore(lambda uri: (Recorder(), uri.partition("://")[2])), "s3://bucket/a/x", b"content")
    assert calls == [("put_file", "bucket/a/x")]


def test_local_copies_are_gone_after_a_write_and_a_read(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = FsspecStore(open_file_system)
    uri = f"memory://{uuid.uuid4().hex}/x"
    write(store, uri, b"content")
    assert store.read(uri) == b"content"
    with pytest.raises(Stop), store.write(uri):
        raise Stop
    with pytest.raises(FileNotFoundError):
        store.read(f"{uri}-missing")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.server
def test_a_large_object_travels_in_parts(s3_options, producer):
    import numpy as np
    import s3fs

    def open_s3(uri):
        return s3fs.S3FileSystem(**s3_options, default_block_size=5 * 2**20), uri.removeprefix("s3://")

    exchange = Exchange("s3://artifacts/large", open_store=lambda uri: open_store(uri, open_s3))
    value = np.random.default_rng(0).integers(0, 256, 24 * 2**20, dtype="u1")
    assert np.array_equal(exchange.get(exchange.put(value, name="x", producer=producer)), value)
