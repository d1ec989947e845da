"""The same handoff on a local disk, in memory and on a real S3 server: values, what happens to them, who is told."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re
import uuid
from typing import Any, NamedTuple

import pytest
from artifacts import VALUES
from fingerprint import fingerprint

from airflow_linepipe.errors import ArtifactAlteredError, ArtifactNotFoundError, ArtifactTruncatedError
from airflow_linepipe.handoff import ArtifactRef, Exchange, Store, open_file_system, open_store


class Storage(NamedTuple):
    """A storage, as the exchange and as a test that goes around it reach it."""

    exchange: Exchange
    store: Store

    def replace(self, uri: str, content: bytes) -> None:
        with self.store.write(uri) as file:
            file.write(content)


@pytest.fixture(params=["local", "memory", pytest.param("s3", marks=pytest.mark.server)])
def storage(request, tmp_path) -> Storage:
    if request.param == "s3":
        import s3fs

        options = request.getfixturevalue("s3_options")

        def open_s3(uri: str) -> tuple[Any, str]:
            return s3fs.S3FileSystem(**options), uri.removeprefix("s3://")

        root, opening = f"s3://artifacts/{uuid.uuid4().hex}", open_s3
    else:
        root = f"file://{tmp_path}" if request.param == "local" else f"memory://{uuid.uuid4().hex}"
        opening = open_file_system
    return Storage(Exchange(root, open_store=lambda uri: open_store(uri, opening)), open_store(root, opening))


@pytest.fixture(params=VALUES.values(), ids=VALUES.keys())
def value(request):
    return request.param


def content(value):
    return value.read_bytes() if isinstance(value, pathlib.Path) else fingerprint(value)


def test_a_value_comes_back_as_it_was_through_the_wire(value, storage, producer):
    with storage.exchange as exchange:
        wire = json.loads(json.dumps(exchange.put(value, name="features", producer=producer).to_wire()))
        assert content(exchange.get(ArtifactRef.from_wire(wire))) == content(value)


def test_what_happens_to_an_artifact_is_told_apart_and_its_task_named(value, storage, producer):
    exchange = storage.exchange
    reference = exchange.put(value, name="features", producer=producer)
    stored = bytes(storage.store.read(reference.uri))
    who = re.escape(str(producer))
    storage.replace(reference.uri, stored[:-1])
    with pytest.raises(ArtifactTruncatedError, match=f"'features' at .*bytes instead of.*{who}"):
        exchange.get(reference)
    storage.replace(reference.uri, stored[:-1] + bytes([stored[-1] ^ 1]))
    with pytest.raises(ArtifactAlteredError, match=f"'features' at .*its digest differs.*{who}"):
        exchange.get(reference)
    storage.replace(reference.uri, stored + b"x")
    with pytest.raises(ArtifactAlteredError, match=f"'features' at .*bytes instead of.*{who}"):
        exchange.get(reference)
    storage.store.remove(reference.uri)
    with pytest.raises(ArtifactNotFoundError, match=f"'features' is gone.*{who}"):
        exchange.get(reference)


def test_two_tries_of_a_task_keep_apart(value, storage, producer):
    exchange = storage.exchange
    first = exchange.put(value, name="features", producer=producer)
    second = exchange.put("another", name="features", producer=dataclasses.replace(producer, try_number=2))
    assert first.uri != second.uri
    with exchange:
        assert content(exchange.get(first)) == content(value)
        assert exchange.get(second) == "another"


@pytest.mark.parametrize("name", ["../../up", "a#b?c=d", "naïve 😀", "x" * 300, ".", "con:1", "%2F", "~"], ids=ascii)
def test_no_name_leads_out_of_the_storage_or_into_another_artifact(name, storage, producer):
    exchange = storage.exchange
    odd = dataclasses.replace(producer, run_id=name, task_id=name, dag_id=name)
    reference = exchange.put([name], name=name, producer=odd)
    neighbour = exchange.put("neighbour", name=f"{name}.", producer=odd)
    assert exchange.get(reference) == [name]
    assert exchange.get(neighbour) == "neighbour"
    assert [stored.uri for stored in storage.store.walk(exchange.storage)].count(reference.uri) == 1
