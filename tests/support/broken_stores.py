"""Stores that each break one promise, and the tests of the contract that say so.

`tests/testing/test_contracts.py` runs these classes: their tests have to fail.
"""

from __future__ import annotations

import io
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from urllib.parse import unquote_plus

import pytest
from third_party import Shelf

from airflow_linepipe.handoff import StoredObject
from airflow_linepipe.testing import StoreContract


class Broken(StoreContract):
    """`breaks` maps the tests that must fail to a phrase of what they say then."""

    kind = Shelf
    breaks: dict[str, str] = {}

    @pytest.fixture
    def store(self):
        return self.kind()

    @pytest.fixture
    def root(self):
        return "memory://shelf"


class Straight(Shelf):
    class File(io.RawIOBase):
        def __init__(self, shelf, uri):
            self.shelf, self.uri = shelf, uri
            shelf.put(uri, b"")

        def write(self, data):
            self.shelf.put(self.uri, self.shelf.objects[self.uri][0] + data)
            return len(data)

    @contextmanager
    def write(self, uri):
        yield self.File(self, uri)


class TestWritesStraightToTheFinalName(Broken):
    kind = Straight
    breaks = {
        "test_nothing_is_there_until_the_write_has_ended": "An object appears when the `with` ends, and not before.",
        "test_an_interrupted_write_leaves_nothing": "Nothing is there after an exception",
        "test_an_interrupted_write_keeps_what_was_there": "What was there stays after an exception, as it was.",
    }


class Polite(Shelf):
    @contextmanager
    def write(self, uri):
        file, failed = io.BytesIO(), False
        try:
            yield file
        except Exception:
            failed = True
            raise
        finally:
            if not failed:
                self.put(uri, file.getvalue())


class TestKeepsWhatABaseExceptionInterrupted(Broken):
    kind = Polite
    breaks = {
        "test_an_interrupted_write_leaves_nothing": "Nothing is there after an exception",
        "test_an_interrupted_write_keeps_what_was_there": "What was there stays after an exception, as it was.",
    }


class Swallowing(Shelf):
    @contextmanager
    def write(self, uri):
        with suppress(ValueError), super().write(uri) as file:
            yield file


class TestSwallowsAnException(Broken):
    kind = Swallowing
    breaks = {"test_an_interrupted_write_leaves_nothing": "DID NOT RAISE"}


class Littering(Shelf):
    @contextmanager
    def write(self, uri):
        self.put(f"{uri}.tmp", b"")
        with super().write(uri) as file:
            yield file


class TestLeavesTemporaryObjects(Broken):
    kind = Littering
    breaks = {
        "test_what_is_read_is_what_was_written": "A write leaves one object and nothing else.",
        "test_an_interrupted_write_leaves_nothing": "not even under another name.",
        "test_a_second_write_replaces_the_whole": "A write that replaces an object leaves nothing else.",
        "test_of_many_writers_of_one_object_one_wins_wholly": "nobody leaves anything else.",
    }


class Stretching(Shelf):
    def put(self, uri, content):
        super().put(uri, self.objects.get(uri, (b"",))[0] + content)


class TestAppends(Broken):
    kind = Stretching
    breaks = {"test_a_second_write_replaces_the_whole": "A write replaces the whole object."}


class Vague(Shelf):
    def read(self, uri, *, mapped=False, nbytes=0):
        return super().read(uri) if uri in self.objects else memoryview(bytearray())


class TestReadsNothingWhereNothingIs(Broken):
    kind = Vague
    breaks = {
        "test_reading_what_is_not_there_says_so": "Reading what is not there is a FileNotFoundError.",
        "test_an_exchange_reports_missing_and_altered_artifacts": "it has 0 bytes instead of",
    }


class Loose(Shelf):
    def read(self, uri, *, mapped=False, nbytes=0):
        try:
            return super().read(uri)
        except FileNotFoundError as error:
            raise KeyError(uri) from error


class TestRaisesAnErrorOfItsOwn(Broken):
    kind = Loose
    breaks = {"test_reading_what_is_not_there_says_so": "KeyError"}


class Sharing(Shelf):
    def put(self, uri, content):
        super().put(uri, bytearray(content))

    def read(self, uri, *, mapped=False, nbytes=0):
        return memoryview(self.objects[uri][0])


class TestSharesItsMemory(Broken):
    kind = Sharing
    breaks = {"test_what_was_read_is_the_readers_own": "changes nothing for another reader."}


class ReadOnly(Shelf):
    def read(self, uri, *, mapped=False, nbytes=0):
        return super().read(uri).toreadonly()


class TestGivesMemoryThatCannotBeChanged(Broken):
    kind = ReadOnly
    breaks = {"test_what_was_read_is_the_readers_own": "The reader may write to what it has read."}


class InPlace(Sharing):
    def put(self, uri, content):
        if uri in self.objects:
            self.objects[uri][0][: len(content)] = content[: len(self.objects[uri][0])]
        else:
            super().put(uri, content)


class TestWritesInPlace(Broken):
    kind = InPlace
    breaks = {"test_what_was_read_outlives_what_lies_there": "What was read stays when the object is replaced."}


class Trusting(Shelf):
    def read(self, uri, *, mapped=False, nbytes=0):
        return super().read(uri)[: nbytes or None]


class TestTrustsTheExpectedSize(Broken):
    kind = Trusting
    breaks = {
        "test_the_expected_size_is_only_a_hint": "`read` gives what is there, whatever `nbytes` says.",
        "test_a_reader_sees_the_old_or_the_new_and_never_a_part": "A reader sees a whole object",
    }


class Wordy(Shelf):
    def read(self, uri, *, mapped=False, nbytes=0):
        view = super().read(uri)
        return view.cast("H") if len(view) % 2 == 0 and len(view) else view


class TestGivesNoBytes(Broken):
    kind = Wordy
    breaks = {"test_what_is_read_is_what_was_written": "`read` gives the bytes, one after another."}


class Forgetful(Shelf):
    class File(io.BytesIO):
        def write(self, data):
            self.truncate(0)
            self.seek(0)
            return super().write(data)

    @contextmanager
    def write(self, uri):
        file = self.File()
        yield file
        self.put(uri, file.getvalue())


class TestKeepsTheLastPiece(Broken):
    kind = Forgetful
    breaks = {"test_pieces_add_up": "A file takes pieces of any buffer, and keeps their order."}


class Lazy(Shelf):
    class File(io.RawIOBase):
        def __init__(self):
            self.pieces = []

        def write(self, data):
            self.pieces.append(data)
            return len(data)

    @contextmanager
    def write(self, uri):
        file = self.File()
        yield file
        self.put(uri, b"".join(file.pieces))


class TestKeepsPiecesForLater(Broken):
    kind = Lazy
    breaks = {"test_a_piece_can_be_used_again": "A file has taken a piece when write() returns."}


class Flat(Shelf):
    @contextmanager
    def write(self, uri):
        with super().write("memory://shelf/" + uri.rpartition("/")[2]) as file:
            yield file

    def read(self, uri, *, mapped=False, nbytes=0):
        return super().read("memory://shelf/" + uri.rpartition("/")[2])


class TestHasNoFolders(Broken):
    kind = Flat
    breaks = {
        "test_objects_lie_side_by_side": "Each object lies under its own name.",
        "test_many_writers_at_once_do_not_disturb_each_other": "",
    }


class Unquoting(Shelf):
    def put(self, uri, content):
        super().put(unquote_plus(uri), content)

    def read(self, uri, *, mapped=False, nbytes=0):
        return super().read(unquote_plus(uri))


class TestReadsItsUrisInAnotherWay(Broken):
    kind = Unquoting
    breaks = {"test_any_id_can_be_stored_and_found": "`walk` gives the URI that was written to."}


class Shallow(Shelf):
    def walk(self, url):
        return (stored for stored in super().walk(url) if "/." not in stored.uri)


class TestHidesHiddenObjects(Broken):
    kind = Shallow
    breaks = {"test_a_walk_finds_everything_below_and_nothing_beside": "hidden objects too"}


class Broad(Shelf):
    def walk(self, url):
        for uri, (content, modified) in list(self.objects.items()):
            if uri.startswith(url):
                yield StoredObject(uri=uri, nbytes=len(content), modified=modified)


class TestWalksBeside(Broken):
    kind = Broad
    breaks = {
        "test_a_walk_finds_everything_below_and_nothing_beside": "`walk` gives what lies below",
        "test_a_walk_where_there_is_no_folder_finds_nothing": "`walk` gives nothing where nothing lies below.",
    }


class Guessing(Shelf):
    def find(self, uri):
        return StoredObject(uri=uri, nbytes=0, modified=datetime.now(UTC))


class TestFindsWithoutLooking(Broken):
    kind = Guessing
    breaks = {
        "test_an_object_is_found_with_its_size_and_its_time": "`find` gives an object's URI and its size.",
        "test_what_is_no_object_is_not_found": "DID NOT RAISE",
    }


class Zoneless(Shelf):
    def put(self, uri, content):
        self.objects[uri] = content, datetime.now()


class TestHasTimesWithoutAZone(Broken):
    kind = Zoneless
    breaks = {"test_a_walk_finds_everything_below_and_nothing_beside": "`walk` gives times with a time zone."}


class Dateless(Shelf):
    def put(self, uri, content):
        self.objects[uri] = content, datetime(1970, 1, 1, tzinfo=UTC)


class TestHasNoTimes(Broken):
    kind = Dateless
    breaks = {"test_a_walk_finds_everything_below_and_nothing_beside": "the time when an object was written last."}


class Listing(Shelf):
    def walk(self, url):
        self.listed = getattr(self, "listed", None) or list(super().walk(url))
        return iter(self.listed)


class TestListsOnce(Broken):
    kind = Listing
    breaks = {"test_a_walk_sees_what_has_come_and_gone_since": "`walk` looks again each time."}


class Live(Shelf):
    def walk(self, url):
        for uri, (content, modified) in self.objects.items():
            if uri.startswith(f"{url}/"):
                yield StoredObject(uri=uri, nbytes=len(content), modified=modified)


class TestWalksOnlyWhereAllIsQuiet(Broken):
    kind = Live
    breaks = {"test_a_walk_goes_on_while_objects_come_and_go": "dictionary"}


class Strict(Shelf):
    def remove(self, uri):
        if uri not in self.objects:
            raise FileNotFoundError(uri)
        super().remove(uri)


class TestRemovesOnlyWhatIsThere(Broken):
    kind = Strict
    breaks = {"test_removing_is_the_same_once_and_twice": "FileNotFoundError"}


class Thorough(Shelf):
    def prune(self, url):
        for stored in self.walk(url):
            self.remove(stored.uri)


class TestPrunesObjects(Broken):
    kind = Thorough
    breaks = {"test_pruning_removes_no_object": "FileNotFoundError"}


class Refusing(Shelf):
    def prune(self, url):
        raise NotADirectoryError(url)


class TestRefusesToPrune(Broken):
    kind = Refusing
    breaks = {"test_pruning_does_no_harm_beside_a_writer": "NotADirectoryError"}
