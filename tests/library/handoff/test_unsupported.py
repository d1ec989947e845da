"""Values that cannot travel, and writing that fails half way."""

from __future__ import annotations

import dataclasses
import errno
import io
import pathlib
import re
import threading
from contextlib import contextmanager

import pytest

from airflow_linepipe.errors import HandoffError, StorageFaultError, UnsupportedValueError
from airflow_linepipe.handoff import CodecRegistry, Encoding, Exchange
from airflow_linepipe.handoff.stores.local import LocalStore


class Engine:
    """Live, as a connection or a lock."""

    def __init__(self):
        self.lock = threading.Lock()


class Rude:
    def __reduce__(self):
        raise SystemError


UNSUPPORTED = {
    "lock": (threading.Lock(), "_thread.lock", "cannot pickle '_thread.lock' object"),
    "object around a lock": (Engine(), "Engine", "cannot pickle '_thread.lock' object"),
    "generator": ((number for number in ()), "generator", "cannot pickle 'generator' object"),
    "lambda": (lambda: None, "function", "lambda"),
    "list around one": ([lambda: None], "list", "lambda"),
    "open file": (pathlib.Path(__file__).open("rb"), "_io.BufferedReader", "cannot pickle"),  # noqa: SIM115
    "memoryview": (memoryview(b""), "memoryview", "cannot pickle"),
    "value with a mind of its own": (Rude(), "Rude", "SystemError"),
}
UNSUPPORTED["open file"][0].close()


@pytest.mark.parametrize(("value", "kind", "reason"), UNSUPPORTED.values(), ids=UNSUPPORTED.keys())
def test_a_live_object_is_refused_with_its_name_its_type_and_what_to_do(
    value, kind, reason, exchange, producer, stored
):
    with pytest.raises(UnsupportedValueError) as caught:
        exchange.put(value, name="engine", producer=producer)
    message = str(caught.value)
    assert "Output 'engine' of task 'features.clean' of DAG 'flights'" in message
    assert kind in message
    assert reason in message
    assert "return the data instead of the live object, or register a codec" in message
    assert (caught.value.artifact, caught.value.type_name.rpartition(".")[2]) == ("engine", kind.rpartition(".")[2])
    assert isinstance(caught.value, HandoffError)
    assert isinstance(caught.value, TypeError)
    assert stored() == []


class Late:
    """Fails when much has been written already."""

    def __reduce__(self):
        return (list, ([bytes(300_000), threading.Lock()],))


def test_a_value_that_fails_half_way_leaves_nothing_and_keeps_what_was_there(exchange, producer, stored):
    reference = exchange.put(range(3), name="x", producer=producer)
    before = stored()
    with pytest.raises(UnsupportedValueError):
        exchange.put(Late(), name="x", producer=producer)
    assert stored() == before
    assert exchange.get(reference) == range(3)


class FailingCodec:
    name = "failing"
    unpickles = False

    def __init__(self, error):
        self.error = error

    def encode(self, value):
        def write(file):
            file.write(b"half")
            raise self.error

        return Encoding(type="x", extension=".x", write=write)

    def decode(self, payload):
        raise self.error


@pytest.mark.parametrize(
    "error",
    [MemoryError(), KeyboardInterrupt()],
    ids=lambda error: type(error).__name__,
)
def test_trouble_of_the_machine_reaches_the_caller_as_itself(error, producer, tmp_path, stored):
    exchange = Exchange(f"file://{tmp_path}", codecs=CodecRegistry(extra=[FailingCodec(error)]))
    with pytest.raises(type(error)) as caught:
        exchange.put(1, name="x", producer=producer)
    assert caught.value is error
    assert stored() == []


def test_a_full_disk_leaves_nothing_and_names_the_output(producer, tmp_path, stored):
    full = OSError(errno.ENOSPC, "disk full")

    class FullFile(io.BytesIO):
        def write(self, data):
            raise full

    class FullDisk(LocalStore):
        @contextmanager
        def write(self, uri):
            with super().write(uri):
                yield FullFile()

    exchange = Exchange(f"file://{tmp_path}", open_store=lambda _: FullDisk())
    with pytest.raises(StorageFaultError, match=f"'x' of {re.escape(str(producer))} cannot be written.*disk full") as e:
        exchange.put(1, name="x", producer=producer)
    assert e.value.__cause__ is full
    assert stored() == []


@pytest.mark.parametrize("error", [PermissionError("my own file"), OSError(errno.EIO, "my device")], ids=repr)
def test_what_the_value_raises_is_not_blamed_on_the_storage(error, producer, tmp_path, stored):
    exchange = Exchange(f"file://{tmp_path}", codecs=CodecRegistry(extra=[FailingCodec(error)]))
    with pytest.raises(UnsupportedValueError, match="my own file|my device") as e:
        exchange.put(1, name="x", producer=producer)
    assert e.value.__cause__ is error
    assert stored() == []


class Strange:
    @property
    def __class__(self):
        message = "ask me nothing"
        raise RuntimeError(message)


def test_a_value_that_cannot_even_be_looked_at_is_named(producer, tmp_path):
    with pytest.raises(UnsupportedValueError, match="'x' of task .*RuntimeError: ask me nothing"):
        Exchange(f"file://{tmp_path}").put(Strange(), name="x", producer=producer)


def test_a_reader_without_memory_says_so(producer, tmp_path):
    codecs = CodecRegistry(extra=[FailingCodec(MemoryError())])
    reference = Exchange(f"file://{tmp_path}").put(b"", name="x", producer=producer)
    with pytest.raises(MemoryError):
        Exchange(f"file://{tmp_path}", codecs=codecs).get(dataclasses.replace(reference, codec="failing"))
