"""Values in, references out, and back."""

from __future__ import annotations

import dataclasses
import threading

import numpy as np
import pandas as pd
import pytest
from artifacts import file_of
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_linepipe.errors import SettingError
from airflow_linepipe.handoff import CodecRegistry, Encoding, Exchange, Producer
from airflow_linepipe.handoff import exchange as exchange_module
from airflow_linepipe.handoff.reference import MAX_REFERENCE_BYTES


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
    [
        *(None, 1.5, "text", b"bytes", np.arange(10), pd.DataFrame({"a": [1]}), {1, 2}, range(3)),
        # Large pieces and small ones, in turns.
        pd.DataFrame({"number": range(100_000), "flag": True, "text": "some text", "other": 1.5}),
        {"frames": [pd.DataFrame({"number": range(100_000), "flag": True})], "array": np.arange(100_000)},
    ],
    ids=lambda value: f"{type(value).__name__} {len(str(value))}",
)
def test_the_digest_is_of_all_the_stored_bytes(value, exchange, producer):
    reference = exchange.put(value, name="x", producer=producer)
    content = file_of(reference).read_bytes()
    assert reference.digest == f"blake3:{blake3(content).hexdigest()}"
    assert reference.nbytes == len(content)


class LateDigest:
    """Looks at what is large when the writer has gone on, or will not before it has looked."""

    def __init__(self, gone_on):
        self.gone_on = gone_on
        self.digest = blake3()

    def update(self, view):
        if view.nbytes >= 1 << 20:
            self.gone_on.wait(0.2)
        self.digest.update(view)
        return self

    def hexdigest(self):
        return self.digest.hexdigest()


class PiecesCodec:
    """Writes some numbers, each as a piece of its own size, and all of them from one buffer or each from its own."""

    name = "pieces"
    unpickles = False

    def __init__(self, gone_on, *, lasting):
        self.gone_on = gone_on
        self.lasting = lasting

    def encode(self, value):
        return Encoding(type="range", extension="", lasting=self.lasting, write=lambda file: self._write(value, file))

    def _write(self, value, file):
        buffer = bytearray(1 << 20)
        for number in value:
            buffer = bytearray(1 << number) if self.lasting else buffer
            buffer[:] = bytes([number]) * len(buffer)
            file.write(buffer)
            if number != value[0]:
                self.gone_on.set()

    def decode(self, payload):
        return bytes(payload.view)


@pytest.mark.parametrize("lasting", [False, True], ids=["one buffer", "buffers that last"])
def test_a_digest_that_is_late_is_of_what_was_written(lasting, producer, tmp_path, monkeypatch):
    gone_on = threading.Event()
    monkeypatch.setattr(exchange_module, "_new_digest", lambda nbytes: LateDigest(gone_on))
    exchange = Exchange(f"file://{tmp_path}", codecs=CodecRegistry(extra=[PiecesCodec(gone_on, lasting=lasting)]))
    reference = exchange.put(range(22, 8, -7) if lasting else range(3, 5), name="x", producer=producer)
    content = file_of(reference).read_bytes()
    assert reference.digest == f"blake3:{blake3(content).hexdigest()}"
    assert exchange.get(reference) == content


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


@settings(max_examples=40)
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
