"""One suite for every kind of storage, and what is true of one kind only."""

from __future__ import annotations

import contextlib
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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from airflow_linepipe.errors import ArtifactAlteredError, ArtifactNotFoundError, LinepipeError
from airflow_linepipe.handoff import ArtifactRef, Exchange, Producer, Store, open_file_system, open_store
from airflow_linepipe.handoff.layout import artifact_uri
from airflow_linepipe.handoff.stores.local import LocalStore
from airflow_linepipe.handoff.stores.remote import FsspecStore


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


class TestEveryStore:
    @pytest.mark.parametrize("size", [0, 1, 4096, 1_048_579], ids="{} bytes".format)
    def test_what_was_written_lies_there_and_is_read(self, place, size):
        content = os.urandom(size)
        write(place.store, f"{place.root}/a/b.bin", content)
        assert place.files() == ["a/b.bin"]
        assert place.content("a/b.bin") == content
        view = place.store.read(f"{place.root}/a/b.bin")
        assert isinstance(view, memoryview)
        assert view == content
        assert (view.nbytes, view.format) == (size, "B")

    def test_pieces_add_up(self, place):
        write(place.store, f"{place.root}/x", b"a" * 70_000, bytearray(b"b"), memoryview(b"c" * 70_000))
        assert place.content("x") == b"a" * 70_000 + b"b" + b"c" * 70_000

    def test_what_somebody_else_put_there_is_read(self, place):
        place.place("deep/er/x", b"content")
        assert place.store.read(f"{place.root}/deep/er/x") == b"content"

    def test_nothing_is_there_until_the_write_has_ended(self, place):
        with place.store.write(f"{place.root}/x") as file:
            file.write(b"content")
            file.flush()
            with pytest.raises(FileNotFoundError):
                place.store.read(f"{place.root}/x")
            assert "x" not in place.files()
        assert place.store.read(f"{place.root}/x") == b"content"

    @pytest.mark.parametrize("error", [ValueError("x"), OSError("x"), Stop()], ids=lambda error: type(error).__name__)
    def test_an_interrupted_write_leaves_nothing(self, place, error):
        with pytest.raises(type(error)) as caught, place.store.write(f"{place.root}/a/x") as file:
            file.write(b"half")
            raise error
        assert caught.value is error
        assert place.files() == []
        with pytest.raises(FileNotFoundError):
            place.store.read(f"{place.root}/a/x")

    def test_an_interrupted_write_keeps_what_was_there(self, place):
        write(place.store, f"{place.root}/x", b"before")
        with pytest.raises(Stop), place.store.write(f"{place.root}/x") as file:
            file.write(b"half")
            raise Stop
        assert place.files() == ["x"]
        assert place.store.read(f"{place.root}/x") == b"before"

    def test_a_second_write_replaces_the_whole(self, place):
        write(place.store, f"{place.root}/x", b"a long first content")
        write(place.store, f"{place.root}/x", b"second")
        assert place.store.read(f"{place.root}/x") == b"second"
        assert place.files() == ["x"]

    def test_what_was_read_outlives_what_lies_there(self, place):
        write(place.store, f"{place.root}/x", b"first" * 2000)
        view = place.store.read(f"{place.root}/x")
        write(place.store, f"{place.root}/x", b"second" * 2000)
        assert view == b"first" * 2000
        place.file_system.rm_file(f"{place.path}/x")
        assert view == b"first" * 2000

    def test_writing_to_what_was_read_changes_nothing_in_the_store(self, place):
        write(place.store, f"{place.root}/x", b"content")
        view = place.store.read(f"{place.root}/x")
        view[:] = b"changed"
        assert view == b"changed"
        assert place.content("x") == b"content"
        assert place.store.read(f"{place.root}/x") == b"content"

    @pytest.mark.parametrize("name", ["x", "a/b/c", "a"], ids=["object", "folders", "folder"])
    def test_reading_what_is_not_there_says_so(self, place, name):
        place.place("a/b/d", b"")
        with pytest.raises(OSError) as caught:  # noqa: PT011  (a folder is another OSError than nothing at all)
            place.store.read(f"{place.root}/{name}")
        assert isinstance(caught.value, FileNotFoundError | IsADirectoryError)

    def test_objects_lie_side_by_side(self, place):
        names = ["a/x", "a/y", "b/x", "a/x.json", "c/d/e/f/g"]
        for name in names:
            write(place.store, f"{place.root}/{name}", name.encode())
        assert place.files() == sorted(names)
        assert [bytes(place.store.read(f"{place.root}/{name}")).decode() for name in names] == names

    @pytest.mark.parametrize(
        "text", ["a b", "a+b", "~", "%2e%2e", "..", "é😀", "a#b?c", "[*]", "a::b", "x" * 300], ids=ascii
    )
    def test_any_id_can_be_stored_and_found(self, place, text):
        producer = Producer(dag_id=text, run_id=text, task_id=text)
        uri = artifact_uri(place.root, producer, text, ".json")
        write(place.store, uri, b"content")
        assert place.store.read(uri) == b"content"
        assert place.files() == [uri.removeprefix(f"{place.root}/")]

    def test_eight_writers_at_once_do_not_disturb_each_other(self, place):
        exchange = Exchange(place.root, open_store=lambda _: place.store)
        start = threading.Barrier(8)

        def work(number):
            producer = Producer(dag_id="d", run_id="r", task_id="t", map_index=number)
            start.wait()
            return [exchange.put({"n": [number, item]}, name=f"v{item}", producer=producer) for item in range(50)]

        with ThreadPoolExecutor(8) as pool:
            written = list(pool.map(work, range(8)))
            references = [reference for references in written for reference in references]
            values = list(pool.map(exchange.get, references))
        assert values == [{"n": [number, item]} for number in range(8) for item in range(50)]
        assert len(place.files()) == 400

    def test_of_many_writers_of_one_object_one_wins_wholly(self, place):
        contents = [bytes([number]) * 50_000 for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda content: write(place.store, f"{place.root}/x", content), contents))
        assert bytes(place.store.read(f"{place.root}/x")) in contents
        assert place.files() == ["x"]

    def test_a_reader_sees_the_old_or_the_new_and_never_a_part(self, place):
        contents = [bytes([number]) * 200_000 for number in range(2)]
        write(place.store, f"{place.root}/x", contents[0])
        done = threading.Event()

        def rewrite():
            try:
                for number in range(20):
                    write(place.store, f"{place.root}/x", contents[number % 2])
            finally:
                done.set()

        with ThreadPoolExecutor(1) as pool:
            writer = pool.submit(rewrite)
            while not done.is_set():
                assert bytes(place.store.read(f"{place.root}/x")) in contents
            writer.result()

    def test_the_exchange_reports_missing_and_altered_artifacts(self, place, producer):
        exchange = Exchange(place.root, open_store=lambda _: place.store)
        reference = exchange.put(range(3), name="x", producer=producer)
        (name,) = place.files()
        place.place(name, b"x" * reference.nbytes)
        with pytest.raises(ArtifactAlteredError, match=r"features\.clean"):
            exchange.get(reference)
        place.file_system.rm_file(f"{place.path}/{name}")
        with pytest.raises(ArtifactNotFoundError, match=r"features\.clean"):
            exchange.get(reference)

    def test_a_walk_finds_everything_below_and_nothing_beside(self, place):
        names = ["a/b/c/d/x.json", "a/.hidden/x", "a/.x.tmp", "a/x"]
        for name in names:
            place.place(name, name.encode())
        place.place("ab/x", b"")
        found = {stored.uri: stored for stored in place.store.walk(f"{place.root}/a")}
        assert sorted(found) == sorted(f"{place.root}/{name}" for name in names)
        assert {stored.nbytes for stored in found.values()} == {len(name) for name in names}
        assert all(abs((datetime.now(UTC) - stored.modified).total_seconds()) < 600 for stored in found.values())
        assert bytes(place.store.read(f"{place.root}/a/b/c/d/x.json")) == b"a/b/c/d/x.json"

    def test_a_walk_sees_what_others_have_written_and_removed_since(self, place):
        place.place("a/x", b"")
        assert len(list(place.store.walk(place.root))) == 1
        place.place("a/y", b"")
        place.file_system.rm_file(f"{place.path}/a/x")
        assert [stored.uri for stored in place.store.walk(place.root)] == [f"{place.root}/a/y"]

    @pytest.mark.parametrize("name", ["nothing", "a/x"], ids=["nothing", "object"])
    def test_a_walk_where_there_is_no_folder_finds_nothing(self, place, name):
        place.place("a/x", b"")
        assert list(place.store.walk(f"{place.root}/{name}")) == []

    def test_removing_is_the_same_once_and_twice(self, place):
        place.place("a/x", b"")
        place.place("a/y", b"")
        for _ in range(2):
            place.store.remove(f"{place.root}/a/x")
            assert place.files() == ["a/y"]
        place.store.remove(f"{place.root}/nothing/at/all")

    def test_pruning_removes_no_object(self, place):
        place.place("a/b/x", b"")
        place.store.prune(f"{place.root}/a")
        assert place.files() == ["a/b/x"]
        place.store.remove(f"{place.root}/a/b/x")
        place.store.prune(f"{place.root}/a")
        assert list(place.store.walk(place.root)) == []
        place.store.prune(f"{place.root}/nothing")


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
        pruned = 0
        while not done.is_set():
            store.prune(f"file://{tmp_path}/dag")
            pruned += not (tmp_path / "dag").exists()
        return pruned

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


def test_a_killed_process_leaves_nothing_under_the_artifacts_name(tmp_path):
    code = (
        "import os, sys\n"
        "from airflow_linepipe.handoff import open_store\n"
        "with open_store(sys.argv[1]).write(sys.argv[1]) as file:\n"
        "    file.write(b'half'); file.flush(); os._exit(9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run([sys.executable, "-c", code, f"file://{tmp_path}/a/x"], env=environment, check=False)
    assert done.returncode == 9
    assert not (tmp_path / "a/x").exists()
    assert all(path.name.startswith(".") for path in (tmp_path / "a").iterdir())


def test_a_folder_that_cannot_be_written_to_is_a_permission_error_and_not_ours(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError) as caught, LocalStore().write(f"file://{tmp_path}/file/x"):  # noqa: PT011
        pass
    assert not isinstance(caught.value, LinepipeError)


@pytest.mark.parametrize("step", ["put_file", "mv"])
def test_an_upload_that_fails_leaves_nothing_and_keeps_what_was_there(step, monkeypatch):
    file_system = MemoryFileSystem()
    root = f"memory://{uuid.uuid4().hex}"
    store = FsspecStore(open_file_system)
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
