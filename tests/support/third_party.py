"""A codec and a store as another package would bring them."""

from __future__ import annotations

import io
from array import array
from collections import deque
from contextlib import contextmanager
from datetime import UTC, datetime

from airflow_linepipe.handoff import Encoding, StoredObject


class DequeCodec:
    """A deque of integers, as the machine has them."""

    name = "deque"
    unpickles = False

    def encode(self, value):
        if type(value) is not deque or not all(type(item) is int and abs(item) < 2**63 for item in value):
            return None
        return Encoding(
            type="collections.deque",
            extension=".int64",
            write=lambda file: self.write(value, file),
            summary={"length": len(value), "room": value.maxlen},
        )

    def write(self, value, file):
        file.write(array("q", value))

    def decode(self, payload):
        return deque(payload.view.cast("q"), payload.reference.summary["room"])


class Shelf:
    """Objects in the memory of this process."""

    def __init__(self):
        self.objects = {}

    @contextmanager
    def write(self, uri):
        file = io.BytesIO()
        yield file
        self.put(uri, file.getvalue())

    def put(self, uri, content):
        self.objects[uri] = content, datetime.now(UTC)

    def read(self, uri, *, mapped=False, nbytes=0):
        if uri not in self.objects:
            raise FileNotFoundError(uri)
        return memoryview(bytearray(self.objects[uri][0]))

    def find(self, uri):
        if uri not in self.objects:
            raise FileNotFoundError(uri)
        content, modified = self.objects[uri]
        return StoredObject(uri=uri, nbytes=len(content), modified=modified)

    def walk(self, url):
        for uri, (content, modified) in list(self.objects.items()):
            if uri.startswith(f"{url}/"):
                yield StoredObject(uri=uri, nbytes=len(content), modified=modified)

    def remove(self, uri):
        self.objects.pop(uri, None)

    def prune(self, url):
        pass
