"""Stored artifacts that are cut off or altered anywhere."""

from __future__ import annotations

import random
import re
import uuid
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from artifacts import VALUES
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from killed_writer import Model

from airflow_linepipe.errors import ArtifactAlteredError, ArtifactTruncatedError
from airflow_linepipe.handoff import CodecRegistry, Exchange, open_file_system, open_store

SEED = 5
# Where the formats keep their structure: headers, the Arrow footer, the directory of a ZIP, the index of a pickle.
EDGE = 512


def large_values(folder):
    frame = pd.DataFrame({"a": np.arange(20_000), "b": [f"text {number}" for number in range(20_000)]})
    (folder / "file.bin").write_bytes(bytes(range(256)) * 400)
    return {
        "json": [{"n": number, "text": "é"} for number in range(4_000)],
        "text": "text é " * 20_000,
        "bytes": bytes(100_000),
        "npy": np.random.default_rng(1).normal(size=(300, 200)),
        "arrow": frame,
        "bundle": {"frame": frame, "arrays": [np.arange(30_000), np.zeros((100, 100))], "n": 1},
        "pickle": Model(),
        "file": folder / "file.bin",
    }


class Watched:
    """Codecs that say when they decode."""

    def __init__(self):
        self._codecs = CodecRegistry()
        self.decoded = []

    def __getattr__(self, name):
        return getattr(self._codecs, name)

    def named(self, name):
        return WatchedCodec(self._codecs.named(name), self.decoded)


class WatchedCodec:
    def __init__(self, codec, decoded):
        self._codec = codec
        self._decoded = decoded

    def __getattr__(self, name):
        return getattr(self._codec, name)

    def decode(self, payload):
        self._decoded.append(payload.reference.codec)
        return self._codec.decode(payload)


@pytest.fixture
def codecs():
    return Watched()


@pytest.fixture(params=["local", "memory", pytest.param("s3", marks=pytest.mark.server)])
def place(request, tmp_path, codecs):
    """An exchange, a file system to damage what it stores, and how often that is done in full."""
    name = uuid.uuid4().hex
    match request.param:
        case "local":
            return Exchange(f"file://{tmp_path}", codecs=codecs), LocalFileSystem(), 200
        case "memory":
            return Exchange(f"memory://{name}", codecs=codecs), MemoryFileSystem(), 200
        case _:
            import s3fs

            file_system = s3fs.S3FileSystem(**request.getfixturevalue("s3_options"))

            def open_s3(uri):
                return file_system, uri.removeprefix("s3://")

            opened = {"codecs": codecs, "open_store": lambda uri: open_store(uri, open_s3)}
            return Exchange(f"s3://artifacts/{name}", **opened), file_system, 50


def offset_in(content, draw):
    """Any offset; every second one near an end."""
    edge = min(EDGE, len(content))
    return draw.choice([draw.randrange(len(content)), draw.choice([1, -1]) * draw.randrange(edge)]) % len(content)


def truncated(content, draw):
    return content[: offset_in(content, draw)]


def flipped(content, draw):
    offset = offset_in(content, draw)
    return content[:offset] + bytes([content[offset] ^ 1 << draw.randrange(8)]) + content[offset + 1 :]


DAMAGES = {
    "truncated": (truncated, ArtifactTruncatedError, r"it has \d+ bytes instead of \d+"),
    "bit flipped": (flipped, ArtifactAlteredError, "its digest differs"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_artifact_damaged_anywhere_is_an_error_before_anything_is_decoded(
    damage, place, codecs, producer, tmp_path_factory, scaled
):
    exchange, file_system, times = place
    alter, kind, problem = DAMAGES[damage]
    stored = []
    for values in (VALUES, large_values(tmp_path_factory.mktemp("large"))):
        for codec, value in values.items():
            reference = exchange.put(value, name=f"x{len(stored)}", producer=producer)
            assert reference.codec == codec
            path = open_file_system(reference.uri)[1] if exchange.storage[0] != "s" else reference.uri[5:]
            stored.append((reference, path, file_system.cat_file(path)))
    draw = random.Random(SEED)
    draw.shuffle(stored)
    done = Counter()
    for number in range(scaled(times)):
        reference, path, content = stored[number % len(stored)]
        damaged = alter(content, draw)
        file_system.pipe_file(path, damaged)
        origin = re.escape(str(producer))
        with pytest.raises(ArtifactAlteredError, match=f"'{reference.name}' at .*: {problem}.*{origin}") as caught:
            exchange.get(reference)
        assert type(caught.value) is kind
        assert codecs.decoded == []
        file_system.pipe_file(path, content)
        done[reference.codec] += 1
    # Undamaged, each of them is read, and the watch sees it.
    with exchange:
        for reference, _, _ in stored:
            exchange.get(reference)
    assert codecs.decoded == [reference.codec for reference, _, _ in stored]
    if exchange.storage.startswith("s3"):
        file_system.rm(exchange.storage, recursive=True)
    where = exchange.storage.partition("://")[0]
    print(f"{damage} ({where}): {done.total()} of {scaled(times)} reported, 0 decoded (seed {SEED}; {dict(done)})")
    assert done.total() == scaled(times)
