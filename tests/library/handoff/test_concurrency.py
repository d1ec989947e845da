"""Tasks, tries and readers that are at work at the same time."""

from __future__ import annotations

import os
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import many_writers as many
import numpy as np
import pytest
from fingerprint import fingerprint

from airflow_linepipe.errors import ArtifactAlteredError
from airflow_linepipe.handoff import ArtifactRef, Exchange, open_store

TASKS = 50
PROCESSES = 8


@pytest.fixture(scope="module")
def pool():
    with many.processes(PROCESSES) as pool:
        yield pool


def equal(read, task, output, try_number=1):
    return fingerprint(read) == fingerprint(many.value_of(task, output, try_number))


def visible(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_fifty_tasks_of_twenty_outputs_written_by_eight_processes_at_once_are_all_read_back(exchange, tmp_path, pool):
    """R15."""
    written = list(pool.map(many.write_task, [exchange.storage] * TASKS, range(TASKS)))
    readable = sum(
        equal(exchange.get(ArtifactRef.from_wire(wire)), task, output)
        for task, wires in enumerate(written)
        for output, wire in enumerate(wires)
    )
    print(f"R15: {readable} of {TASKS * many.OUTPUTS} outputs of {PROCESSES} processes readable and equal")
    assert readable == TASKS * many.OUTPUTS == 1000
    assert len(visible(tmp_path)) == 1000


def test_eight_tries_of_one_task_at_the_same_time_do_not_meet(exchange, tmp_path, pool):
    tries = range(1, PROCESSES + 1)
    writing = [pool.submit(many.write_and_read_again_and_again, exchange.storage, 0, number, 3) for number in tries]
    for number, wires in zip(tries, [future.result() for future in writing], strict=True):
        values = [exchange.get(ArtifactRef.from_wire(wire)) for wire in wires]
        assert all(equal(value, 0, output, number) for output, value in enumerate(values))
    assert len(visible(tmp_path)) == PROCESSES * many.OUTPUTS


def test_of_writers_that_take_themselves_for_one_try_each_output_is_that_of_one_of_them(exchange, tmp_path, pool):
    tries = range(1, PROCESSES + 1)
    writing = [pool.submit(many.write_task, exchange.storage, 0, number, 1) for number in tries]
    written = [[ArtifactRef.from_wire(wire) for wire in future.result()] for future in writing]
    for output in range(many.OUTPUTS):
        whole = []
        for number, references in zip(tries, written, strict=True):
            try:
                value = exchange.get(references[output])
            except ArtifactAlteredError:
                continue
            assert equal(value, 0, output, number)
            whole.append(number)
        assert len(whole) == 1
    assert len(visible(tmp_path)) == many.OUTPUTS


@pytest.fixture(params=["local", "memory", pytest.param("s3", marks=pytest.mark.server)])
def shared(request, tmp_path):
    """A storage that several threads use, and how its stores are opened."""
    match request.param:
        case "local":
            return f"file://{tmp_path}", open_store
        case "memory":
            return f"memory://{uuid.uuid4().hex}", open_store
        case _:
            import s3fs

            options = request.getfixturevalue("s3_options")

            def open_s3(uri):
                return s3fs.S3FileSystem(**options), uri.removeprefix("s3://")

            return f"s3://artifacts/{uuid.uuid4().hex}", lambda uri: open_store(uri, open_s3)


def while_written(write, read, *, writers, times):
    """Read until every writer is done, each with its own content; how often that was."""
    left = [writers]
    lock = threading.Lock()
    start = threading.Barrier(writers + 1)

    def work(number):
        start.wait()
        try:
            for _ in range(times):
                write(number)
        finally:
            with lock:
                left[0] -= 1

    with ThreadPoolExecutor(writers) as pool:
        working = [pool.submit(work, number) for number in range(writers)]
        start.wait()
        reads = 0
        while left[0] or not reads:
            read()
            reads += 1
        for future in working:
            future.result()
    return reads


@pytest.mark.parametrize("mapped", [False, True], ids=["copied", "mapped"])
def test_a_reader_of_a_name_sees_one_of_its_writers_contents_and_never_a_mixture(shared, mapped, scaled):
    storage, opened = shared
    uri = f"{storage}/a/x"
    store = opened(uri)
    pieces = [[os.urandom(16_384)] * (20 + number) for number in range(3)]
    contents = [b"".join(content) for content in pieces]
    held, seen = [], Counter()

    def write(number):
        with store.write(uri) as file:
            for piece in pieces[number]:
                file.write(piece)
                file.flush()

    def read():
        view = store.read(uri, mapped=mapped)
        seen[contents.index(view)] += 1
        held[:] = [*held[-7:], (view, bytes(view))]

    write(0)
    reads = while_written(write, read, writers=3, times=scaled(300))
    # What was read stays what it was, whatever has been written since.
    assert all(view == content for view, content in held)
    print(f"whole contents ({storage.partition('://')[0]}): {seen.total()} of {reads} reads, {len(seen)} contents seen")
    assert seen.total() == reads


@pytest.mark.parametrize(
    ("size", "times"), [(300_000, 300), (17 * 2**20, 30)], ids=["in one request", "in several requests"]
)
def test_a_value_that_is_written_over_while_it_is_read_is_read_whole_or_not_at_all(
    shared, producer, size, times, scaled
):
    storage, opened = shared
    exchange = Exchange(storage, open_store=opened)
    values = [np.full(size // 8, number, dtype="f8") for number in range(2)]
    references = [exchange.put(value, name="x", producer=producer) for value in values]
    seen = Counter()

    def read():
        for number, reference in enumerate(references):
            try:
                read = exchange.get(reference)
            except ArtifactAlteredError:
                seen["another"] += 1
            else:
                assert np.array_equal(read, values[number])
                seen["whole"] += 1

    def write(number):
        assert exchange.put(values[number], name="x", producer=producer) == references[number]

    reads = while_written(write, read, writers=2, times=scaled(times)) + 1
    # Now one of them lies there.
    read()
    where = storage.partition("://")[0]
    print(f"values of {size} bytes written over ({where}): {reads * 2} reads, {dict(seen)}, 0 wrong")
    assert seen.total() == reads * 2
    assert seen["whole"]
