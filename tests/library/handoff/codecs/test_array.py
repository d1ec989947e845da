"""numpy arrays: dtype, shape, order and every byte."""

from __future__ import annotations

import sys
import tracemalloc

import numpy as np
import pytest
from fingerprint import fingerprint
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

some = settings(max_examples=80)
PLAIN_CODES = "?bhilqBHILQefdgFDG"

ARRAYS = {
    **{f"dtype {np.dtype(code)} ({code})": np.array([0, 1], dtype=code) for code in PLAIN_CODES},
    "byte-swapped integers": np.arange(5, dtype=">i4"),
    "byte-swapped floats": np.array([1.5, -0.0, np.nan], dtype=">f8"),
    "NaN, infinities, -0.0": np.array([np.nan, np.inf, -np.inf, -0.0]),
    "text": np.array(["a", "é😀", ""]),
    "bytes": np.array([b"a", b"\xff"]),
    "text of width 0": np.zeros(3, "U0"),
    "void": np.frombuffer(b"abcdefgh", "V4"),
    **{f"datetime64[{unit}]": np.array(["2020-01-01", "NaT"], f"M8[{unit}]") for unit in ("D", "s", "ns", "25us")},
    "datetime64 without a unit": np.array(["NaT"], "M8"),
    "timedelta64": np.array([1, -1, "NaT"], "m8[ms]"),
    "zero-dimensional": np.array(5.5),
    "zero-size": np.zeros((0, 3), "f4"),
    "zero-size, Fortran": np.zeros((3, 0, 2), order="F"),
    "Fortran order": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "every second row, backwards": np.arange(24).reshape(6, 4)[::-2, 1:3],
    "transposed in three dimensions": np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
    "broadcast": np.broadcast_to(np.arange(3), (4, 3)),
    "many dimensions": np.ones((1,) * 32),
    "structured": np.array([(1, 2.5, "x")], dtype=[("a", "i4"), ("b", ">f8"), ("c", "U3")]),
    "structured, with subarrays": np.ones(2, dtype=[("a", "f4", (2, 3)), ("b", [("c", "M8[ns]")])]),
    "structured, with gaps": np.zeros(2, dtype={"names": ["a", "b"], "formats": ["i1", "i4"], "offsets": [0, 8]}),
    "structured, with titles": np.zeros(2, dtype=[(("The title", "a"), "i4")]),
    "structured, latin names": np.zeros(2, dtype=[("é", "i4")]),
    "structured, no fields": np.zeros(2, dtype=[]),
}


@pytest.mark.parametrize("value", ARRAYS.values(), ids=ARRAYS.keys())
def test_an_array_comes_back_as_it_was(value, travel):
    trip = travel(value)
    assert trip.reference.codec == "npy"
    assert trip.reference.type == "numpy.ndarray"
    assert fingerprint(trip.value) == fingerprint(value)
    assert trip.value.flags.writeable


@some
@given(
    value=hnp.arrays(
        hnp.scalar_dtypes() | hnp.array_dtypes(),
        hnp.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=4),
    ),
    fortran=st.booleans(),
)
def test_any_array_comes_back_as_it_was(value, fortran, travel):
    value = np.asfortranarray(value) if fortran and value.ndim else value
    assert fingerprint(travel(value).value) == fingerprint(value)


LEFT_TO_PICKLE = {
    "objects": np.array([1, "x", None, [1]], dtype=object),
    "structured with objects": np.array([(1, "x")], dtype=[("a", "i4"), ("b", object)]),
    "masked": np.ma.array([1, 2], mask=[False, True]),
    "record array": np.rec.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")]),
    "subclass": np.array([[1, 2]]).view(np.matrix),
    "dtype metadata": np.zeros(1, np.dtype("i4", metadata={"unit": "m"})),
    "dtype metadata of a field": np.zeros(1, [("a", np.dtype("i4", metadata={"unit": "m"}))]),
    "dtype metadata of a subarray": np.zeros(1, [("a", np.dtype("i4", metadata={"unit": "m"}), (2,))]),
    "aligned": np.zeros(2, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "fields out of order": np.zeros(2, {"names": ["b", "a"], "formats": ["i4", "i4"], "offsets": [8, 0]}),
    "fields that overlap": np.zeros(2, {"names": ["b", "a"], "formats": ["i4", "i2"], "offsets": [0, 0]}),
    "names beyond latin-1": np.zeros(2, [("字", "i4")]),
    "thousands of fields": np.zeros(2, [(f"field{number}", "i1") for number in range(5_000)]),
    "variable-width text": np.array(["a", "bb"], dtype=np.dtypes.StringDType()),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("value", LEFT_TO_PICKLE.values(), ids=LEFT_TO_PICKLE.keys())
def test_what_npy_would_change_is_pickled_and_equal_all_the_same(value, travel):
    trip = travel(value)
    assert trip.reference.codec == "pickle"
    assert fingerprint(trip.value) == fingerprint(value)


def test_the_summary_shows_shape_and_dtype(travel):
    assert travel(np.zeros((2, 3), "f4")).reference.summary == {"shape": [2, 3], "dtype": "float32"}


def test_the_summary_of_a_long_dtype_is_short(travel):
    value = np.zeros(1, [(f"field{number}", "i1") for number in range(300)])
    trip = travel(value)
    assert trip.reference.codec == "npy"
    assert len(trip.reference.summary["dtype"]) == 200


def test_an_array_is_never_in_memory_twice(exchange, producer):
    value = np.ones(40_000_000, "i1")
    tracemalloc.start()
    try:
        reference = exchange.put(value, name="x", producer=producer)
        back = exchange.get(reference)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.array_equal(back, value)
    assert peak < value.nbytes // 2


def test_numpy_need_not_be_imported_to_hand_over_other_values(exchange, producer, monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert exchange.get(exchange.put([1.5], name="x", producer=producer)) == [1.5]
