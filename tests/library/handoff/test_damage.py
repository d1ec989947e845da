"""Artifacts that are not what was written, and storage that fails."""

from __future__ import annotations

import dataclasses
import errno
import io
import pickle
import re
from contextlib import contextmanager

import pytest
from artifacts import VALUES, file_of

from airflow_linepipe.errors import (
    ArtifactAlteredError,
    ArtifactNotFoundError,
    ArtifactTruncatedError,
    ArtifactUnreadableError,
    StorageDeniedError,
    StorageFaultError,
    UnknownCodecError,
)
from airflow_linepipe.handoff import Exchange

ORIGIN = "task 'features.clean' of DAG 'flights', run 'manual__2013-01-01T00:00:00[+]00:00', try 1"


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
    assert isinstance(e.value, ArtifactTruncatedError) == (path.stat().st_size < reference.nbytes)


@pytest.mark.parametrize(
    "digest", ["md5:00", "", "blake3", "blake3:", "blake3:00", "BLAKE3:"], ids=lambda digest: digest or "empty"
)
def test_a_digest_that_proves_nothing_is_no_digest(digest, reference, exchange):
    with pytest.raises(ArtifactAlteredError, match="digest"):
        exchange.get(dataclasses.replace(reference, digest=digest))


def test_the_error_of_another_storages_artifact_names_its_task_too(reference, tmp_path_factory):
    file_of(reference).unlink()
    with pytest.raises(ArtifactNotFoundError, match=f"written by {ORIGIN}; clear that task"):
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


def test_an_unknown_codec_is_named_before_anything_is_read(exchange, producer):
    reference = exchange.put(b"", name="x", producer=producer)
    file_of(reference).unlink()
    with pytest.raises(UnknownCodecError, match=f"'x' .bytes. needs the codec 'parquet', which is not .*{ORIGIN}"):
        exchange.get(dataclasses.replace(reference, codec="parquet"))


TROUBLE = {
    "denied": (PermissionError("no"), StorageDeniedError, "the storage does not allow it .no.. Check the rights"),
    "dropped": (ConnectionError("later"), StorageFaultError, "ConnectionError: later"),
    "silent": (TimeoutError("too long"), StorageFaultError, "TimeoutError: too long"),
    "full": (OSError(errno.ENOSPC, "No space left"), StorageFaultError, r"OSError: \[Errno 28\] No space left"),
}


@pytest.mark.parametrize(("error", "kind", "reason"), TROUBLE.values(), ids=TROUBLE.keys())
def test_trouble_of_the_storage_names_the_artifact_and_its_task(error, kind, reason, producer, tmp_path):
    class Store:
        def read(self, uri, **options):
            raise error

        @contextmanager
        def write(self, uri):
            yield io.BytesIO()
            raise error

    reference = Exchange(f"file://{tmp_path}").put(1, name="x", producer=producer)
    broken = Exchange(f"file://{tmp_path}", open_store=lambda _: Store())
    origin = re.escape(str(producer))
    with pytest.raises(kind, match=f"'x' at .*x.json, written by {origin}, cannot be read: {reason}") as raised:
        broken.get(reference)
    assert raised.value.__cause__ is error
    with pytest.raises(kind, match=f"'y' of {origin} cannot be written to .*: {reason}"):
        broken.put(1, name="y", producer=producer)


def test_a_storage_that_is_not_there_is_named_when_something_is_written(producer):
    missing = FileNotFoundError("The specified bucket does not exist")

    def open_store(uri):
        raise missing

    with pytest.raises(StorageFaultError, match="'x' of .* cannot be written to .*The specified bucket does not exist"):
        Exchange("file:///somewhere", open_store=open_store).put(1, name="x", producer=producer)
