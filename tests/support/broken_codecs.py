"""Codecs that each break one promise, and the tests of the contract that say so.

`tests/testing/test_contracts.py` runs these classes: their tests have to fail.
"""

from __future__ import annotations

import io
import mmap
import pickle
from array import array
from collections import deque
from dataclasses import replace
from itertools import count

import numpy as np
import pandas as pd
from third_party import DequeCodec

from airflow_linepipe.handoff import Encoding
from airflow_linepipe.testing import CodecContract


class Broken(CodecContract):
    """`breaks` maps the tests that must fail to a phrase of what they say then."""

    codec = DequeCodec()
    values = {"numbers": deque([1, 2, 3])}
    breaks: dict[str, str] = {}

    def change(self, value):
        value.append(99)


class Described(DequeCodec):
    """Says something else of its values."""

    def __init__(self, **fields):
        self.fields = fields

    def encode(self, value):
        encoding = super().encode(value)
        return encoding and replace(encoding, **self.fields)


class ListReader(DequeCodec):
    def decode(self, payload):
        return list(super().decode(payload))


class TestLosesTheType(Broken):
    codec = ListReader()
    breaks = {
        "test_what_is_read_is_what_was_written": "A <class 'collections.deque'> came back as a <class 'list'>.",
        "test_it_reads_with_allow_pickle_off_unless_it_unpickles": "came back as a <class 'list'>",
    }


class Reusing(Described):
    """Has one buffer for all of its pieces, and says that they last."""

    def __init__(self):
        super().__init__(lasting=True)

    def write(self, value, file):
        buffer = array("q", [0])
        for item in value:
            buffer[0] = item
            file.write(buffer)


class Resizing(Reusing):
    def write(self, value, file):
        buffer = array("q")
        for item in value:
            buffer.append(item)
            file.write(buffer)
            buffer.pop()


class TestReusesABufferThatLasts(Broken):
    codec = Reusing()
    breaks = {"test_what_it_says_lasts_stays_as_it_is": "they are digested later"}


class TestResizesABufferThatLasts(Broken):
    codec = Resizing()
    breaks = {"test_what_it_says_lasts_stays_as_it_is": "leaves `Encoding.lasting` False"}


class Rounding(DequeCodec):
    def write(self, value, file):
        super().write([item // 2 * 2 for item in value], file)


class TestLosesContent(Broken):
    codec = Rounding()
    breaks = {"test_what_is_read_is_what_was_written": "What is read from bytes is what was written."}


class Draining(DequeCodec):
    def write(self, value, file):
        while value:
            super().write([value.popleft()], file)


class TestChangesItsValueAsItWrites(Broken):
    codec = Draining()
    values = {"numbers": deque([1, 2, 3])}
    breaks = {"test_neither_deciding_nor_writing_changes_the_value": "`Encoding.write` leaves the value as it is"}


class Sorting(DequeCodec):
    def encode(self, value):
        if type(value) is deque:
            value.rotate()
        return super().encode(value)


class TestChangesItsValueAsItDecides(Broken):
    codec = Sorting()
    values = {"numbers": deque([1, 2, 3])}
    breaks = {"test_neither_deciding_nor_writing_changes_the_value": "`encode` leaves the value as it is."}


class Caching(DequeCodec):
    def __init__(self):
        self.read = {}

    def decode(self, payload):
        return self.read.setdefault(payload.reference.digest, super().decode(payload))


class TestGivesAllReadersOneValue(Broken):
    codec = Caching()
    breaks = {"test_a_reader_changes_nothing_for_others": "leaves other readers' values as they are."}


class Mapping:
    """Reads past what it is given."""

    name = "mapping"
    unpickles = False

    def encode(self, value):
        if type(value) is not np.ndarray:
            return None
        return Encoding(type="numpy.ndarray", extension=".raw", write=lambda file: file.write(value))

    def decode(self, payload):
        with open(payload.reference.uri.removeprefix("file://"), "r+b") as file:  # noqa: PTH123
            return np.frombuffer(mmap.mmap(file.fileno(), 0), "u1")


class TestSharesMemoryWithTheStorage(Broken):
    codec = Mapping()
    values = {"array": np.arange(100, dtype="u1")}
    breaks = {"test_a_reader_changes_nothing_for_others": "leaves the stored bytes as they are."}

    def change(self, value):
        value[:] = 0


class TestHasASummaryThatIsNoJson(Broken):
    codec = Described(summary={"first": {1, 2}})
    breaks = {"test_its_reference_is_small_json": "`summary` and `value` are plain JSON"}


class TestHasASummaryThatJsonChanges(Broken):
    codec = Described(summary={"shape": (1, 2)})
    breaks = {"test_its_reference_is_small_json": "`summary` and `value` are plain JSON"}


class TestHasASummaryThatIsTooLarge(Broken):
    codec = Described(summary={"items": list(range(2000))})
    breaks = {"test_its_reference_is_small_json": "small enough for XCom"}


class TestHasAValueThatIsNoNumber(Broken):
    codec = Described(value=float("nan"))
    breaks = {"test_its_reference_is_small_json": "`summary` and `value` are plain JSON"}


class TestHasAnExtensionWithoutADot(Broken):
    codec = Described(extension="int64")
    breaks = {"test_it_describes_what_it_takes": "`Encoding.extension` starts with a dot, or is empty."}


class TestHasNoType(Broken):
    codec = Described(type="")
    breaks = {"test_it_describes_what_it_takes": "`Encoding.type` names the value's type."}


class TakesAName(DequeCodec):
    name = "json"


class TestHasTheNameOfABuiltIn(Broken):
    codec = TakesAName()
    breaks = {"test_its_name_is_its_own": "The name 'json' is another codec's"}


class Renaming(DequeCodec):
    def __init__(self):
        self.numbers = count()

    @property
    def name(self):
        return f"deque {next(self.numbers)}"


class TestChangesItsName(Broken):
    codec = Renaming()
    breaks = {"test_its_name_is_its_own": "A codec's name never changes."}


class Unsure(DequeCodec):
    unpickles = None


class TestDoesNotSayWhetherItUnpickles(Broken):
    codec = Unsure()
    breaks = {"test_it_says_whether_it_unpickles": "`unpickles` is True or False"}


class Counting(DequeCodec):
    def __init__(self):
        self.encoded = 0

    def encode(self, value):
        self.encoded += 1
        encoding = super().encode(value)
        return encoding and replace(encoding, summary={**encoding.summary, "number": self.encoded})


class TestDecidesDifferentlyTheSecondTime(Broken):
    codec = Counting()
    breaks = {"test_it_decides_the_same_way_twice": "`encode` says the same of the same value"}


class Seeking(DequeCodec):
    def write(self, value, file):
        file.write(bytes(8))
        file.seek(0)
        super().write(value, file)


class TestSeeks(Broken):
    codec = Seeking()
    breaks = {"test_it_writes_forwards_only": "asks nothing of its file but write(), flush() and tell()"}


class Texting(DequeCodec):
    def write(self, value, file):
        file.write(repr(list(value)))


class TestWritesText(Broken):
    codec = Texting()
    breaks = {"test_it_writes_forwards_only": "`Encoding.write` writes bytes"}


class Closing(DequeCodec):
    def write(self, value, file):
        with io.BufferedWriter(file) as buffered:
            super().write(value, buffered)


class TestClosesItsFile(Broken):
    codec = Closing()
    breaks = {"test_it_writes_forwards_only": "`Encoding.write` leaves its file open"}


class Once(DequeCodec):
    def __init__(self):
        self.written = set()

    def write(self, value, file):
        super().write([] if id(value) in self.written else value, file)
        self.written.add(id(value))


class TestWritesAValueOnlyOnce(Broken):
    codec = Once()
    breaks = {"test_writing_again_carries_an_equal_value": "A value can be written again"}


class WholeFrames:
    """Reads no part of a table."""

    name = "csv"
    unpickles = False

    def encode(self, value):
        if type(value) is not pd.DataFrame:
            return None
        return Encoding(type="pandas.DataFrame", extension=".csv", write=lambda file: value.to_csv(file, index=False))

    def decode(self, payload):
        return pd.read_csv(io.BytesIO(payload.view))


class TestGivesAllColumns(Broken):
    codec = WholeFrames()
    values = {"frame": pd.DataFrame({"a": [1], "b": [2], "c": [3]})}
    breaks = {"test_a_reader_may_choose_columns_of_a_table": "A reader gets the columns that it names"}


class Remembering(DequeCodec):
    def __init__(self):
        self.rooms = {}

    def encode(self, value):
        encoding = super().encode(value)
        if encoding:
            self.rooms[len(value)] = value.copy()
        return encoding

    def decode(self, payload):
        return self.rooms[payload.view.nbytes // 8].copy()


class TestRemembersWhatItWrote(Broken):
    codec = Remembering()
    breaks = {"test_another_process_reads_it": "cannot be decoded here"}


class TestSuiteChangesNothing(Broken):
    breaks = {"test_the_change_changes_something": "`change` changes at least one of `values`"}

    def change(self, value):
        list(value)


class TestSuiteHasNoValues(Broken):
    values = {}
    breaks = {"test_the_suite_has_values": "`values` names at least one value"}


class Pickling(DequeCodec):
    def write(self, value, file):
        pickle.dump(value, file)

    def decode(self, payload):
        return pickle.loads(payload.view)


class TestPicklesInSecret(Broken):
    codec = Pickling()
    breaks = {"test_it_opens_no_pickle_unless_it_says_so": "they name collections.deque"}


class Truncating(DequeCodec):
    def encode(self, value):
        return super().encode(deque(map(int, value))) if type(value) is deque else None


class TestTakesWhatItDoesNotGiveBack(Broken):
    codec = Truncating()
    refused = {"floats": deque([1.5])}
    breaks = {"test_it_leaves_other_values_alone": "`encode` gives None for what this format would not give back."}


class Rash(DequeCodec):
    def encode(self, value):
        return super().encode(value) if len(value) else None


class TestRaisesForOtherValues(Broken):
    codec = Rash()
    breaks = {"test_it_decides_about_anything": "`encode` gives None for what it does not take, and raises nothing"}


class TestDoesNotTakeItsValues(Broken):
    values = {"texts": deque(["a"])}
    breaks = {
        "test_it_describes_what_it_takes": "`encode` gives an `Encoding` for each of `values`, not None.",
        "test_a_registry_uses_it": "A registry finds the codec by the value.",
    }
