"""An S3 server that errs, hangs up or says nothing."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import re
import threading
import time
import traceback
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import s3fs
from botocore.exceptions import NoCredentialsError
from botocore.parsers import ResponseParserError
from faulty_proxy import FAULTS, FaultyProxy, faults_in, no_fault
from fingerprint import fingerprint
from fsspec.implementations.memory import MemoryFileSystem

from airflow_linepipe.errors import (
    ArtifactNotFoundError,
    ArtifactTruncatedError,
    StorageDeniedError,
    StorageFaultError,
)
from airflow_linepipe.handoff import Exchange, Producer, open_store
from airflow_linepipe.handoff.stores.patience import Patience

pytestmark = pytest.mark.server

SEED = 6
# What fsspec waits longer than it is told, and what a busy machine takes.
SLACK = 3.0
MEBIBYTE = 2**20
SIZES = {"in one request": 0, "in ranges": 17 * MEBIBYTE, "in parts": 33 * MEBIBYTE}


def exchange_at(proxy, patience, storage=None, **options):
    """An exchange whose requests all go through the proxy."""
    options = {**proxy.options, **options}

    def open_s3(uri):
        return s3fs.S3FileSystem(**options), uri.removeprefix("s3://")

    storage = storage or f"s3://artifacts/faulty-{uuid.uuid4().hex}"
    return Exchange(storage, open_store=lambda uri: open_store(uri, open_s3, patience))


def longest(patience, nbytes, requests=1):
    """The seconds that the attempts of so many requests one after the other may take, the last of them of a size."""
    waiting = (requests - 1) * patience.seconds(0) + patience.seconds(nbytes)
    pauses = sum(1.5 * patience.pause * 2**number for number in range(patience.attempts - 1))
    return patience.attempts * (waiting + SLACK) + pauses


def chain(error):
    """An error as it is printed, with all that caused it."""
    return "".join(traceback.format_exception(error)) + repr(error)


class Calls:
    """Puts and gets through a faulty storage: what came of them, and how long each took."""

    def __init__(self, exchange, patience, secret):
        self._exchange = exchange
        self._patience = patience
        self._secret = secret
        self._lock = threading.Lock()
        self.outcomes = Counter()
        self.slowest = 0.0

    def round_trip(self, number, value):
        """Store a value, and read it back if that worked."""
        producer = Producer(dag_id="faulty", run_id="r", task_id=f"t{number}")
        reference = self._call(
            "put", producer, value.nbytes, lambda: self._exchange.put(value, name="x", producer=producer)
        )
        if reference is not None:
            # The size, and then the content.
            read = self._call("get", producer, reference.nbytes, lambda: self._exchange.get(reference), requests=2)
            assert read is None or fingerprint(read) == fingerprint(value)

    def _call(self, name, producer, nbytes, call, *, requests=1):
        started = time.monotonic()
        result, failure = None, None
        try:
            result = call()
        except StorageFaultError as error:
            failure = error
        seconds = time.monotonic() - started
        assert seconds < longest(self._patience, nbytes, requests)
        if failure:
            assert str(producer) in str(failure)
            assert self._secret not in chain(failure)
        with self._lock:
            self.outcomes[name, "StorageFaultError" if failure else "exact"] += 1
            self.slowest = max(self.slowest, seconds)
        return result

    def count(self, outcome):
        return sum(count for (_, kind), count in self.outcomes.items() if kind == outcome)


def values(count, size):
    random = np.random.default_rng(SEED)
    sizes = [size or random.integers(1, 500_000) for _ in range(count)]
    return [random.integers(0, 256, nbytes, dtype="u1") for nbytes in sizes]


@pytest.fixture
def fast_network(request, monkeypatch):
    """What is long in coming is given up sooner than after a second for each MiB."""
    monkeypatch.setattr(
        "airflow_linepipe.handoff.stores.patience._BYTES_A_SECOND", getattr(request, "param", 16) * MEBIBYTE
    )


@pytest.mark.parametrize(("kind", "count"), [("in one request", 500), ("in ranges", 20), ("in parts", 20)])
def test_with_a_fault_in_every_fifth_request_values_are_exact_or_their_error_is_typed_and_in_time(
    kind, count, s3_options, scaled, fast_network, caplog
):
    patience = Patience(timeout=1, attempts=8, pause=0.02)
    made = values(scaled(count), SIZES[kind])
    with FaultyProxy(s3_options, faults_in(0.2, SEED)) as proxy:
        calls = Calls(exchange_at(proxy, patience), patience, s3_options["secret"])
        with ThreadPoolExecutor(2 if SIZES[kind] else 16) as pool:
            list(pool.map(calls.round_trip, itertools.count(), made))
    print(
        f"faulty S3, {kind}: {calls.outcomes['put', 'exact']} of {len(made)} written, "
        f"{calls.outcomes['get', 'exact']} read back equal, {calls.count('StorageFaultError')} StorageFaultError, "
        f"0 wrong; {len(proxy.requests)} requests, {proxy.faults.total()} with a fault (seed {SEED}; "
        f"{dict(proxy.faults)}); the slowest call took {calls.slowest:.1f} s"
    )
    assert calls.outcomes["put", "exact"] >= 0.9 * len(made)
    assert calls.count("exact") >= 0.9 * calls.outcomes.total()
    assert proxy.faults
    assert s3_options["secret"] not in caplog.text


@pytest.mark.parametrize("fast_network", [64], indirect=True, ids=[""])
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("size", [100, 17 * MEBIBYTE], ids=["at once", "after the size"])
def test_a_storage_that_is_out_of_order_is_given_up_in_time_with_a_typed_error(
    kind, size, s3_options, producer, fast_network
):
    patience = Patience(timeout=0.5, attempts=2, pause=0.05)
    value = values(1, size)[0]
    with FaultyProxy(s3_options) as proxy:
        exchange = exchange_at(proxy, Patience())
        written = exchange.put(value, name="x", producer=producer)
        impatient = exchange_at(proxy, patience, storage=exchange.storage)
        faults = faults_in(1, SEED, (kind,))
        proxy.decide = lambda request: "" if size > 100 and request.method == "HEAD" else faults(request)
        calls = {2: lambda: impatient.get(written)}
        if size == 100:
            calls[1] = lambda: impatient.put(value, name="y", producer=producer)
        for requests, call in calls.items():
            started = time.monotonic()
            with pytest.raises(StorageFaultError, match=re.escape(str(producer))) as caught:
                call()
            assert time.monotonic() - started < longest(patience, size, requests)
            assert s3_options["secret"] not in chain(caught.value)
        # What had been written is still there.
        proxy.decide = no_fault
        assert fingerprint(exchange.get(written)) == fingerprint(value)


LASTING = {
    "wrong secret, written": ({"secret": "wr0ng-s3cret"}, "put", StorageDeniedError, ["PUT"]),
    "wrong secret, read": ({"secret": "wr0ng-s3cret"}, "get", StorageDeniedError, ["GET"]),
    "no bucket, written": ({"fault": "no bucket"}, "put", StorageFaultError, ["PUT"]),
    "no bucket, read": ({"fault": "no bucket"}, "get", ArtifactNotFoundError, ["GET"]),
    "no object, read": ({"ending": "-missing"}, "get", ArtifactNotFoundError, ["GET"]),
}


@pytest.mark.parametrize(("trouble", "call", "kind", "methods"), LASTING.values(), ids=LASTING.keys())
def test_what_asking_again_cannot_mend_is_asked_once(trouble, call, kind, methods, s3_options, producer, caplog):
    caplog.set_level(logging.DEBUG)
    secret = trouble.get("secret", s3_options["secret"])
    with FaultyProxy(s3_options) as proxy:
        exchange = exchange_at(proxy, Patience())
        written = exchange.put("content" * 100, name="x", producer=producer)
        proxy.requests.clear()
        proxy.decide = lambda _: trouble.get("fault", "")
        refused = exchange_at(proxy, Patience(attempts=4), storage=exchange.storage, secret=secret)
        with pytest.raises(kind, match=re.escape(str(producer))) as caught:
            if call == "put":
                refused.put("other" * 100, name="x", producer=producer)
            else:
                refused.get(dataclasses.replace(written, uri=written.uri + trouble.get("ending", "")))
    # Neither s3fs nor botocore asks again either: both do after 5xx and broken connections.
    assert [request.method for request in proxy.requests] == methods
    assert secret not in chain(caught.value)
    assert secret not in caplog.text


def test_an_object_that_another_replaces_between_its_parts_is_seen_as_the_other(s3_options, producer):
    with FaultyProxy(s3_options) as proxy:
        exchange = exchange_at(proxy, Patience(pause=0.05))
        reference = exchange.put(values(1, 17 * MEBIBYTE)[0], name="x", producer=producer)
        path = reference.uri.removeprefix("s3://")
        file_system = s3fs.S3FileSystem(**s3_options)

        def replace_first(request):
            if request.method == "GET" and file_system.size(path) == reference.nbytes:
                file_system.pipe_file(path, bytes(16 * MEBIBYTE + 5))
            return ""

        proxy.decide = replace_first
        with pytest.raises(ArtifactTruncatedError, match="it has 16777221 bytes instead of"):
            exchange.get(reference)


def test_an_answer_that_is_not_from_s3_is_a_fault_of_the_storage(s3_options, producer):
    with FaultyProxy(s3_options, lambda _: "no S3") as proxy:
        exchange = exchange_at(proxy, Patience(attempts=2, pause=0.05))
        with pytest.raises(StorageFaultError, match=f"{re.escape(str(producer))} cannot be written to .*: KeyError"):
            exchange.put(values(1, SIZES["in parts"])[0], name="x", producer=producer)


@pytest.mark.parametrize("error", [NoCredentialsError(), ResponseParserError("no XML")], ids=repr)
def test_an_error_that_only_the_storages_library_knows_is_a_fault_of_the_storage(error, producer, monkeypatch):
    exchange = Exchange(f"memory://{uuid.uuid4().hex}")
    reference = exchange.put("content" * 100, name="x", producer=producer)

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(MemoryFileSystem, "put_file", fail)
    monkeypatch.setattr(MemoryFileSystem, "get_file", fail)
    for call in (lambda: exchange.put(1, name="y", producer=producer), lambda: exchange.get(reference)):
        with pytest.raises(StorageFaultError, match=f"{re.escape(str(producer))}.*{re.escape(str(error))}") as caught:
            call()
        assert caught.value.__cause__.__cause__ is error
