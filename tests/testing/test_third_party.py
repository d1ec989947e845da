"""What another package writes to test its codec and its store: these few lines."""

from __future__ import annotations

from collections import deque
from fractions import Fraction

import pytest
from third_party import DequeCodec, Shelf

from airflow_linepipe.handoff import Encoding
from airflow_linepipe.testing import CodecContract, StoreContract


class FractionCodec:
    name = "fraction"
    unpickles = False

    def encode(self, value):
        if type(value) is not Fraction:
            return None
        return Encoding(
            type="fractions.Fraction", extension=".fraction", write=lambda file: file.write(str(value).encode())
        )

    def decode(self, payload):
        return Fraction(str(payload.view, "ascii"))


class TestFractionCodec(CodecContract):
    codec = FractionCodec()
    values = {"zero": Fraction(), "a third": Fraction(1, 3), "negative": Fraction(-2), "large": Fraction(10**999, 7)}
    refused = {"float": 0.5, "integer": 1, "text": "1/3"}


class TestDequeCodec(CodecContract):
    """Its values can be changed, and ``==`` overlooks a part of them."""

    codec = DequeCodec()
    values = {"empty": deque(), "numbers": deque([1, -2, 3]), "with an end": deque([1, 2], 5)}
    refused = {"texts": deque(["a"]), "list": [1, 2], "too large": deque([2**63])}

    def equal(self, one, other):
        return (one, one.maxlen) == (other, other.maxlen)

    def change(self, value):
        value.append(99)


class TestShelf(StoreContract):
    @pytest.fixture
    def store(self):
        return Shelf()

    @pytest.fixture
    def root(self):
        return "memory://shelf"
