"""Values in, references out, and back; and every way in which that can fail."""

from __future__ import annotations

import dataclasses
import errno
import pathlib
import pickle
import threading
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_linepipe.errors import (
    ArtifactAlteredError,
    ArtifactNotFoundError,
    ArtifactUnreadableError,
    HandoffError,
    PickleRefusedError,
    SettingError,
    UnknownCodecError,
    UnsupportedValueError,
)
from airflow_linepipe.handoff import CodecRegistry, Encoding, Exchange, Producer
from airflow_linepipe.handoff import exchange as exchange_module
from airflow_linepipe.handoff.reference import MAX_REFERENCE_BYTES

ORIGIN = "task 'features.clean' of DAG 'flights', run 'manual__2013-01-01T00:00:00[+]00:00', try 1"


def file_of(reference):
    return pathlib.Path(reference.uri.removeprefix("file://"))


# --- what works -----------------------------------------------------------------------------------------------------


def test_the_reference_says_what_was_stored_and_where(exchange, producer, tmp_path):
    reference = exchange.put({"auc": 0.9}, name="metrics", producer=producer)
    expected = tmp_path / "flights/manual__2013-01-01T00~3A00~3A00+00~3A00/features.clean/1/metrics.json"
    assert reference.uri == f"file://{expected}"
    assert (reference.name, reference.codec, reference.type) == ("metrics", "json", "dict")
    assert reference.nbytes == expected.stat().st_size
    assert reference.digest == f"blake3:{blake3(expected.read_bytes()).hexdigest()}"
    assert reference.summary == {"length": 1}
    assert reference.value == {"auc": 0.9}


@pytest.mark.parametrize(
    "value",
    [None, 1.5, "text", b"bytes", np.arange(10), pd.DataFrame({"a": [1]}), {1, 2}, range(3)],
    ids=lambda value: type(value).__name__,
)
def test_the_digest_is_of_all_the_stored_bytes(value, exchange, producer):
    reference = exchange.put(value, name="x", producer=producer)
    content = file_of(reference).read_bytes()
    assert reference.digest == f"blake3:{blake3(content).hexdigest()}"
    assert reference.nbytes == len(content)


def test_nothing_but_the_artifact_lies_in_storage(exchange, producer, stored):
    exchange.put(pd.DataFrame({"a": [1]}), name="x", producer=producer)
    assert [path.rpartition("/")[2] for path in stored()] == ["x.arrow"]


def test_a_second_try_leaves_what_the_first_wrote(exchange, producer):
    first = exchange.put("first", name="x", producer=producer)
    second = exchange.put("second", name="x", producer=dataclasses.replace(producer, try_number=2))
    assert exchange.get(first) == "first"
    assert exchange.get(second) == "second"


def test_outputs_mapped_tasks_and_runs_do_not_meet(exchange, producer):
    producers = [
        producer,
        dataclasses.replace(producer, map_index=0),
        dataclasses.replace(producer, map_index=1),
        dataclasses.replace(producer, run_id="other"),
        dataclasses.replace(producer, dag_id="other"),
        dataclasses.replace(producer, task_id="other"),
    ]
    made = [
        (number, name, exchange.put([number, name], name=name, producer=one))
        for number, one in enumerate(producers)
        for name in ("x", "y", "x.json", "X", ".", "..", "")
    ]
    assert [exchange.get(reference) for _, _, reference in made] == [[number, name] for number, name, _ in made]


def test_another_storage_can_be_read_from(exchange, producer, tmp_path_factory):
    reference = exchange.put([1.5], name="x", producer=producer)
    assert Exchange(f"file://{tmp_path_factory.mktemp('other')}").get(reference) == [1.5]


def test_the_storage_is_checked_before_anything_is_written():
    with pytest.raises(SettingError, match="relative path"):
        Exchange("file://data")


identifier = st.text(max_size=60)


@settings(deadline=None, max_examples=40, database=None)
@given(dag_id=identifier, run_id=identifier, task_id=identifier, name=identifier)
def test_with_any_ids_the_value_comes_back_and_the_reference_stays_small(
    travel, tmp_path_factory, dag_id, run_id, task_id, name
):
    exchange = Exchange(f"file://{tmp_path_factory.getbasetemp()}/any")
    reference = exchange.put("v" * 500, name=name, producer=Producer(dag_id=dag_id, run_id=run_id, task_id=task_id))
    assert exchange.get(type(reference).from_wire(reference.to_wire())) == "v" * 500


@pytest.mark.parametrize(
    "value",
    [
        "\x01" * 512,
        {f"column {number} " * 8: [1.5] for number in range(500)},
        np.zeros(1, [("é" * 60, "i4", (1,) * 20)]),
    ],
    ids=["text", "frame", "array"],
)
def test_the_largest_reference_airflow_can_ask_for_is_within_the_bound(value, exchange):
    value = pd.DataFrame(value) if isinstance(value, dict) else value
    longest = Producer(dag_id="d" * 250, run_id="r:" * 125, task_id="t" * 250, map_index=10**6, try_number=10**3)
    wire = exchange.put(value, name="n" * 250, producer=longest).to_wire()
    assert len(str(wire)) < MAX_REFERENCE_BYTES


# --- values that cannot travel --------------------------------------------------------------------------------------


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
    [OSError(errno.ENOSPC, "disk full"), MemoryError(), KeyboardInterrupt()],
    ids=lambda error: type(error).__name__,
)
def test_trouble_of_the_machine_reaches_the_caller_as_itself(error, producer, tmp_path, stored):
    exchange = Exchange(f"file://{tmp_path}", codecs=CodecRegistry(extra=[FailingCodec(error)]))
    with pytest.raises(type(error)) as caught:
        exchange.put(1, name="x", producer=producer)
    assert caught.value is error
    assert stored() == []


# --- artifacts that are not what was written ------------------------------------------------------------------------

VALUES = {
    "json": {"auc": 0.9},
    "text": "text " * 100,
    "bytes": b"bytes" * 100,
    "npy": np.arange(100),
    "arrow": pd.DataFrame({"a": range(100), "b": ["x"] * 100}),
    "pickle": range(100),
    "file": pathlib.Path(__file__),
}


@pytest.fixture(params=VALUES, ids=list(VALUES))
def reference(request, exchange, producer):
    made = exchange.put(VALUES[request.param], name="features", producer=producer)
    assert made.codec == request.param
    return made


def test_a_missing_artifact_is_reported_with_who_made_it(reference, exchange):
    file_of(reference).unlink()
    with pytest.raises(ArtifactNotFoundError, match=f"'features' is gone.*{ORIGIN}; clear that task") as caught:
        exchange.get(reference)
    assert isinstance(caught.value, FileNotFoundError)
    assert reference.uri in str(caught.value)


def test_a_missing_storage_is_reported_the_same_way(reference, exchange, tmp_path):
    tmp_path.rename(tmp_path.with_name(f"{tmp_path.name}-moved"))
    with pytest.raises(ArtifactNotFoundError, match=ORIGIN):
        exchange.get(reference)
    tmp_path.with_name(f"{tmp_path.name}-moved").rename(tmp_path)


def flip(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGE = {
    "truncated by a byte": (lambda content: content[:-1], r"it has \d+ bytes instead of \d+"),
    "half a file": (lambda content: content[: len(content) // 2], r"it has \d+ bytes instead of \d+"),
    "empty": (lambda _: b"", "it has 0 bytes instead of"),
    "longer": (lambda content: content + b"\0", r"it has \d+ bytes instead of \d+"),
    "one bit flipped": (flip, "its digest differs"),
    "the last byte changed": (lambda content: content[:-1] + bytes([content[-1] ^ 255]), "its digest differs"),
    "replaced by another of the same size": (lambda content: b"x" * len(content), "its digest differs"),
}


@pytest.mark.parametrize(("damage", "problem"), DAMAGE.values(), ids=DAMAGE.keys())
def test_an_altered_artifact_is_never_decoded(damage, problem, reference, exchange):
    path = file_of(reference)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        ArtifactAlteredError, match=f"'features' at .* is not what was written: {problem}.*{ORIGIN}"
    ) as e:
        exchange.get(reference)
    assert isinstance(e.value, ValueError)


@pytest.mark.parametrize(
    "digest", ["md5:00", "", "blake3", "blake3:", "blake3:00", "BLAKE3:"], ids=lambda digest: digest or "empty"
)
def test_a_digest_that_proves_nothing_is_no_digest(digest, reference, exchange):
    with pytest.raises(ArtifactAlteredError, match="digest"):
        exchange.get(dataclasses.replace(reference, digest=digest))


def test_the_error_of_another_storages_artifact_names_the_uri(reference, tmp_path_factory):
    file_of(reference).unlink()
    with pytest.raises(ArtifactNotFoundError, match="written by the task that stored file://"):
        Exchange(f"file://{tmp_path_factory.mktemp('other')}").get(reference)


@pytest.mark.parametrize("codec", ["arrow", "npy", "json", "pickle"])
def test_bytes_that_the_codec_cannot_decode_are_reported_with_the_reason(codec, exchange, producer):
    reference = dataclasses.replace(exchange.put(b"no such format", name="features", producer=producer), codec=codec)
    with pytest.raises(
        ArtifactUnreadableError, match=f"'features' .bytes, codec {codec}. cannot be decoded.*{ORIGIN}"
    ) as e:
        exchange.get(reference)
    assert isinstance(e.value, OSError)
    assert e.value.__cause__ is not None


def test_a_class_that_is_not_installed_where_the_model_is_read_is_named(exchange, producer):
    content = pickle.dumps(range(3)).replace(b"builtins", b"bu1ltins")
    reference = exchange.put(content, name="model", producer=producer)
    with pytest.raises(ArtifactUnreadableError, match="No module named 'bu1ltins'"):
        exchange.get(dataclasses.replace(reference, codec="pickle"))


def test_a_reader_without_memory_says_so(producer, tmp_path):
    codecs = CodecRegistry(extra=[FailingCodec(MemoryError())])
    reference = Exchange(f"file://{tmp_path}").put(b"", name="x", producer=producer)
    with pytest.raises(MemoryError):
        Exchange(f"file://{tmp_path}", codecs=codecs).get(dataclasses.replace(reference, codec="failing"))


def test_an_unknown_codec_is_named_before_anything_is_read(exchange, producer):
    reference = exchange.put(b"", name="x", producer=producer)
    file_of(reference).unlink()
    with pytest.raises(UnknownCodecError, match="No codec 'parquet' is installed here"):
        exchange.get(dataclasses.replace(reference, codec="parquet"))


@pytest.mark.parametrize("error", [PermissionError("no"), ConnectionError("later"), TimeoutError()], ids=repr)
def test_trouble_of_the_storage_reaches_the_caller_as_itself(error, producer, tmp_path):
    class Store:
        def read(self, uri):
            raise error

        @contextmanager
        def write(self, uri):
            raise error
            yield

    reference = Exchange(f"file://{tmp_path}").put(1, name="x", producer=producer)
    broken = Exchange(f"file://{tmp_path}", open_store=lambda _: Store())
    with pytest.raises(type(error)):
        broken.get(reference)
    with pytest.raises(type(error)):
        broken.put(1, name="x", producer=producer)


# --- pickles --------------------------------------------------------------------------------------------------------


class Evil:
    """A pickle that leaves a trace when it is opened."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return (pathlib.Path.touch, (self.trace,))


@pytest.fixture
def trace(tmp_path_factory):
    return tmp_path_factory.mktemp("trace") / "opened"


def test_the_trace_is_left_when_a_trusted_pickle_is_opened(exchange, producer, trace):
    exchange.get(exchange.put(Evil(trace), name="model", producer=producer))
    assert trace.exists()


@pytest.mark.parametrize("padding", [b"", b"\0" * 1000], ids=["other size", "long"])
def test_a_pickle_that_someone_put_in_its_place_is_never_opened(padding, exchange, producer, trace):
    reference = exchange.put(range(3), name="model", producer=producer)
    file_of(reference).write_bytes(pickle.dumps(Evil(trace)) + padding)
    with pytest.raises(ArtifactAlteredError):
        exchange.get(reference)
    assert not trace.exists()


def test_a_pickle_of_the_right_size_is_never_opened_either(exchange, producer, trace):
    evil = pickle.dumps(Evil(trace))
    reference = dataclasses.replace(exchange.put(range(3), name="model", producer=producer), nbytes=len(evil))
    file_of(reference).write_bytes(evil)
    with pytest.raises(ArtifactAlteredError, match="its digest differs"):
        exchange.get(reference)
    assert not trace.exists()


def test_what_was_verified_is_what_is_opened_even_if_the_file_is_changed_in_between(
    exchange, producer, trace, monkeypatch
):
    evil = pickle.dumps(Evil(trace))
    reference = exchange.put([..., "x" * len(evil)], name="model", producer=producer)
    verify = exchange_module._difference

    def verify_and_be_too_late(view, reference):
        problem = verify(view, reference)
        with file_of(reference).open("r+b") as file:
            file.write(evil)
        return problem

    monkeypatch.setattr(exchange_module, "_difference", verify_and_be_too_late)
    assert exchange.get(reference) == [..., "x" * len(evil)]
    assert not trace.exists()


def test_without_pickles_none_is_written(producer, tmp_path, stored):
    exchange = Exchange(f"file://{tmp_path}", allow_pickle=False)
    with pytest.raises(PickleRefusedError) as caught:
        exchange.put(range(3), name="model", producer=producer)
    assert isinstance(caught.value, PermissionError)
    message = str(caught.value)
    assert "Output 'model' of task 'features.clean' of DAG 'flights'" in message
    assert "is a range, which only pickle could carry, and [linepipe] allow_pickle is off" in message
    assert "return a table, an array or plain data, or register a codec" in message
    assert stored() == []


def test_without_pickles_none_is_opened_not_even_a_right_one(exchange, producer, tmp_path, trace):
    reference = exchange.put(Evil(trace), name="model", producer=producer)
    with pytest.raises(PickleRefusedError, match=f"'model' .*is a pickle.*stays closed.*{ORIGIN}"):
        Exchange(f"file://{tmp_path}", allow_pickle=False).get(reference)
    assert not trace.exists()


@pytest.mark.parametrize("key", [key for key in VALUES if key not in ("pickle", "file")])
def test_without_pickles_open_formats_travel_all_the_same(key, producer, tmp_path, fingerprint):
    exchange = Exchange(f"file://{tmp_path}", allow_pickle=False)
    reference = exchange.put(VALUES[key], name="x", producer=producer)
    assert fingerprint(exchange.get(reference)) == fingerprint(VALUES[key])
