"""What every store promises, as tests to inherit. Needs pytest."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import pytest

from airflow_linepipe.errors import ArtifactAlteredError, ArtifactNotFoundError
from airflow_linepipe.handoff import Exchange, Producer, Store
from airflow_linepipe.handoff.layout import artifact_uri

__all__ = ["StoreContract"]

# More than `airflow_linepipe.handoff` moves in one piece.
_LARGE: Final = 17 * 2**20 + 3
_WRITERS: Final = 8
_MAX_CLOCK_SECONDS: Final = 600
_IDS: Final = ("a b", "a+b", "~", "%2e%2e", "..", "é😀", "a#b?c", "[*]", "a::b", "x" * 300)
_PRODUCER: Final = Producer(dag_id="flights", run_id="r", task_id="features.clean")


_Piece: TypeAlias = bytes | bytearray | memoryview


class _Stop(BaseException):
    """Not an Exception, as KeyboardInterrupt and Airflow's own timeouts are not."""


class StoreContract:
    """The tests of a store: subclass it, say which one and where, and pytest collects the rest.

    .. code-block:: python

        import pytest
        from airflow_linepipe.testing import StoreContract


        class TestShelf(StoreContract):
            @pytest.fixture
            def store(self):
                return Shelf()

            @pytest.fixture
            def root(self, tmp_path):
                return f"memory://{tmp_path.name}"

    Two fixtures are the subclass's, in the class or beside it:

    * ``store``: the store.
    * ``root``: a URL without a slash at its end, whose scheme fsspec knows, below which nothing lies when a test
      begins. Each test needs one of its own.
    """

    @pytest.mark.parametrize("mapped", [False, True], ids=["loaded", "mapped"])
    @pytest.mark.parametrize("size", [0, 1, 4096, 1_048_579, _LARGE], ids="{} bytes".format)
    def test_what_is_read_is_what_was_written(self, store: Store, root: str, size: int, mapped: bool) -> None:
        content = os.urandom(size)
        _write(store, f"{root}/a/b.bin", content)
        for expected in (0, size):
            view = store.read(f"{root}/a/b.bin", mapped=mapped, nbytes=expected)
            assert isinstance(view, memoryview), "`read` gives a memoryview."
            assert (view.nbytes, view.format, view.ndim) == (size, "B", 1), "`read` gives the bytes, one after another."
            assert view == content, "`read` gives the whole object."
        assert _names(store, root) == ["a/b.bin"], "A write leaves one object and nothing else."

    @pytest.mark.parametrize("size", [0, 1000, _LARGE], ids="{} bytes".format)
    @pytest.mark.parametrize("expected", [1, 999, 1001, _LARGE - 1, 2 * _LARGE], ids="{} expected".format)
    def test_the_expected_size_is_only_a_hint(self, store: Store, root: str, size: int, expected: int) -> None:
        content = os.urandom(size)
        _write(store, f"{root}/x", content)
        assert _content(store, f"{root}/x", nbytes=expected) == content, (
            "`read` gives what is there, whatever `nbytes` says."
        )

    def test_pieces_add_up(self, store: Store, root: str) -> None:
        pieces: list[_Piece] = [b"a" * 70_000, bytearray(b"b"), b"", memoryview(b"c" * 70_000)]
        _write(store, f"{root}/x", *pieces)
        assert _content(store, f"{root}/x") == b"".join(pieces), (
            "A file takes pieces of any buffer, and keeps their order."
        )

    def test_a_piece_can_be_used_again(self, store: Store, root: str) -> None:
        piece = bytearray(b"first")
        with store.write(f"{root}/x") as file:
            file.write(piece)
            piece[:] = b"other"
        assert _content(store, f"{root}/x") == b"first", "A file has taken a piece when write() returns."

    def test_nothing_is_there_until_the_write_has_ended(self, store: Store, root: str) -> None:
        with store.write(f"{root}/x") as file:
            file.write(b"content")
            file.flush()
            _check_missing(store, f"{root}/x", "An object appears when the `with` ends, and not before.")
            assert f"{root}/x" not in _uris(store, root), "`walk` finds an object when the `with` has ended."
        assert _content(store, f"{root}/x") == b"content", "The object is there when the `with` has ended."

    @pytest.mark.parametrize("error", [ValueError("x"), OSError("x"), _Stop()], ids=lambda error: type(error).__name__)
    def test_an_interrupted_write_leaves_nothing(self, store: Store, root: str, error: BaseException) -> None:
        _interrupt(store, f"{root}/a/x", error)
        assert _names(store, root) == [], "Nothing is there after an exception, not even under another name."
        _check_missing(store, f"{root}/a/x", "Nothing is there after an exception.")

    @pytest.mark.parametrize("error", [ValueError("x"), _Stop()], ids=lambda error: type(error).__name__)
    def test_an_interrupted_write_keeps_what_was_there(self, store: Store, root: str, error: BaseException) -> None:
        _write(store, f"{root}/x", b"before")
        _interrupt(store, f"{root}/x", error)
        assert _names(store, root) == ["x"], "What was there stays after an exception, and nothing else."
        assert _content(store, f"{root}/x") == b"before", "What was there stays after an exception, as it was."

    def test_a_second_write_replaces_the_whole(self, store: Store, root: str) -> None:
        _write(store, f"{root}/x", b"a long first content")
        _write(store, f"{root}/x", b"second")
        assert _content(store, f"{root}/x") == b"second", "A write replaces the whole object."
        assert _names(store, root) == ["x"], "A write that replaces an object leaves nothing else."

    def test_a_reader_sees_the_old_or_the_new_and_never_a_part(self, store: Store, root: str) -> None:
        contents = [bytes([number]) * (200_000 + number) for number in range(2)]
        _write(store, f"{root}/x", contents[0])

        def rewrite() -> None:
            for number in range(20):
                _write(store, f"{root}/x", contents[number % 2])

        def read() -> None:
            view = store.read(f"{root}/x", nbytes=200_000)
            assert bytes(view) in contents, "A reader sees a whole object, the old or the new one."

        _do_meanwhile(rewrite, read)

    @pytest.mark.parametrize("mapped", [False, True], ids=["loaded", "mapped"])
    def test_what_was_read_outlives_what_lies_there(self, store: Store, root: str, mapped: bool) -> None:
        _write(store, f"{root}/x", b"first" * 2000)
        view = store.read(f"{root}/x", mapped=mapped)
        _write(store, f"{root}/x", b"second" * 2000)
        assert view == b"first" * 2000, "What was read stays when the object is replaced."
        store.remove(f"{root}/x")
        assert view == b"first" * 2000, "What was read stays when the object is removed."

    @pytest.mark.parametrize("mapped", [False, True], ids=["loaded", "mapped"])
    @pytest.mark.parametrize("size", [7, 100_000, _LARGE], ids="{} bytes".format)
    def test_what_was_read_is_the_readers_own(self, store: Store, root: str, size: int, mapped: bool) -> None:
        _write(store, f"{root}/x", b"a" * size)
        views = [store.read(f"{root}/x", mapped=mapped, nbytes=size) for _ in range(2)]
        assert not views[0].readonly, "The reader may write to what it has read."
        views[0][:3] = views[0][-3:] = b"zzz"
        assert bytes(views[0][:3]) == b"zzz", "The reader may write to what it has read."
        message = "Writing to what was read changes nothing"
        assert views[1] == b"a" * size, f"{message} for another reader."
        assert _content(store, f"{root}/x", mapped=mapped, nbytes=size) == b"a" * size, f"{message} in the store."

    @pytest.mark.parametrize("mapped", [False, True], ids=["loaded", "mapped"])
    @pytest.mark.parametrize("expected", [0, _LARGE], ids="{} expected".format)
    def test_reading_what_is_not_there_says_so(self, store: Store, root: str, expected: int, mapped: bool) -> None:
        _write(store, f"{root}/a/b/d", b"content")
        for name in ("x", "a/b/c", "a/b/d.json", "b/a/d"):
            message = "Reading what is not there is a FileNotFoundError."
            _check_missing(store, f"{root}/{name}", message, mapped=mapped, nbytes=expected)
        try:
            view = store.read(f"{root}/a", mapped=mapped, nbytes=expected)
        except (FileNotFoundError, IsADirectoryError):  # a disk says which
            return
        pytest.fail(f"A folder is no object, and {len(view)} bytes of it were read.")

    def test_objects_lie_side_by_side(self, store: Store, root: str) -> None:
        names = ["a/x", "a/y", "b/x", "a/x.json", "a/.hidden", "c/d/e/f/g", "/".join("deep" * 10)]
        for name in names:
            _write(store, f"{root}/{name}", name.encode())
        assert _names(store, root) == sorted(names), "Each object lies under its own name."
        for name in names:
            assert _content(store, f"{root}/{name}") == name.encode(), "Each object has its own content."

    @pytest.mark.parametrize("text", _IDS, ids=ascii)
    def test_any_id_can_be_stored_and_found(self, store: Store, root: str, text: str) -> None:
        producer = Producer(dag_id=text, run_id=text, task_id=text)
        uri = artifact_uri(root, producer, text, ".json")
        _write(store, uri, b"content")
        assert _content(store, uri) == b"content", "A URI as the package writes it is read as it is."
        assert _uris(store, root) == [uri], "`walk` gives the URI that was written to."
        store.remove(uri)
        assert _uris(store, root) == [], "`remove` takes the URI that was written to."

    def test_many_writers_at_once_do_not_disturb_each_other(self, store: Store, root: str) -> None:
        exchange = Exchange(root, open_store=lambda _: store)
        start = threading.Barrier(_WRITERS)

        def work(number: int) -> list[Any]:
            producer = Producer(dag_id="d", run_id="r", task_id="t", map_index=number)
            start.wait()
            return [exchange.put({"n": [number, item]}, name=f"v{item}", producer=producer) for item in range(50)]

        with ThreadPoolExecutor(_WRITERS) as pool:
            references = [reference for written in pool.map(work, range(_WRITERS)) for reference in written]
            values = list(pool.map(exchange.get, references))
        expected = [{"n": [number, item]} for number in range(_WRITERS) for item in range(50)]
        assert values == expected, "Many write at the same time, and each finds what it has written."
        assert len(_names(store, root)) == len(expected), "Many write at the same time, and leave nothing else."

    def test_of_many_writers_of_one_object_one_wins_wholly(self, store: Store, root: str) -> None:
        contents = [bytes([number]) * 50_000 for number in range(_WRITERS)]
        start = threading.Barrier(_WRITERS)

        def work(content: bytes) -> None:
            start.wait()
            _write(store, f"{root}/x", content[:25_000], content[25_000:])

        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(work, contents))
        assert _content(store, f"{root}/x") in contents, "Of many who write one object, one wins wholly."
        assert _names(store, root) == ["x"], "Of many who write one object, nobody leaves anything else."

    def test_an_exchange_reports_missing_and_altered_artifacts(self, store: Store, root: str) -> None:
        exchange = Exchange(root, open_store=lambda _: store)
        reference = exchange.put(range(3), name="x", producer=_PRODUCER)
        assert exchange.get(reference) == range(3), "An exchange reads what it has stored."
        _write(store, reference.uri, b"x" * reference.nbytes)
        with pytest.raises(ArtifactAlteredError):
            exchange.get(reference)
        store.remove(reference.uri)
        with pytest.raises(ArtifactNotFoundError):
            exchange.get(reference)

    def test_an_object_is_found_with_its_size_and_its_time(self, store: Store, root: str) -> None:
        uri = f"{root}/a/x.bin"
        _write(store, uri, b"x" * 1000)
        found = store.find(uri)
        assert (found.uri, found.nbytes) == (uri, 1000), "`find` gives an object's URI and its size."
        assert found.modified.tzinfo is not None, "`find` gives a time with a time zone."
        age = abs((datetime.now(UTC) - found.modified).total_seconds())
        assert age < _MAX_CLOCK_SECONDS, "`find` gives the time when an object was written last."
        assert store.find(uri) == found, "`find` gives the same for an object that nobody has written since."

    @pytest.mark.parametrize("name", ["nothing", "a"], ids=["nothing", "folder"])
    def test_what_is_no_object_is_not_found(self, store: Store, root: str, name: str) -> None:
        _write(store, f"{root}/a/x", b"")
        store.remove(f"{root}/a/x")
        for uri in (f"{root}/a/x", f"{root}/{name}"):
            with pytest.raises(FileNotFoundError):
                store.find(uri)

    def test_a_walk_finds_everything_below_and_nothing_beside(self, store: Store, root: str) -> None:
        names = ["a/b/c/d/x.json", "a/.hidden/x", "a/.x.tmp", "a/x", "a/empty"]
        for name in names:
            _write(store, f"{root}/{name}", b"" if name == "a/empty" else name.encode())
        _write(store, f"{root}/ab/x", b"beside")
        found = list(store.walk(f"{root}/a"))
        assert sorted(stored.uri for stored in found) == sorted(f"{root}/{name}" for name in names), (
            "`walk` gives what lies below, at any depth, hidden objects too, each once and by its URI."
        )
        for stored in found:
            assert stored.nbytes == store.read(stored.uri).nbytes, "`walk` gives the size of each object."
            assert stored.modified.tzinfo is not None, "`walk` gives times with a time zone."
            age = abs((datetime.now(UTC) - stored.modified).total_seconds())
            assert age < _MAX_CLOCK_SECONDS, "`walk` gives the time when an object was written last."

    def test_a_walk_sees_what_has_come_and_gone_since(self, store: Store, root: str) -> None:
        _write(store, f"{root}/a/x", b"")
        assert _names(store, root) == ["a/x"], "`walk` gives what is there."
        _write(store, f"{root}/a/y", b"")
        store.remove(f"{root}/a/x")
        assert _names(store, root) == ["a/y"], "`walk` looks again each time."

    def test_a_walk_goes_on_while_objects_come_and_go(self, store: Store, root: str) -> None:
        for number in range(20):
            _write(store, f"{root}/{number}/x", b"")
        walk = store.walk(root)
        next(walk)
        for number in range(20):
            _write(store, f"{root}/more/{number}", b"")
            store.remove(f"{root}/{number}/x")
        assert {stored.uri.removeprefix(root).count("/") for stored in walk} <= {2}, "`walk` gives only objects."

    @pytest.mark.parametrize("name", ["nothing", "a/x"], ids=["nothing", "object"])
    def test_a_walk_where_there_is_no_folder_finds_nothing(self, store: Store, root: str, name: str) -> None:
        _write(store, f"{root}/a/x", b"")
        assert list(store.walk(f"{root}/{name}")) == [], "`walk` gives nothing where nothing lies below."

    def test_removing_is_the_same_once_and_twice(self, store: Store, root: str) -> None:
        _write(store, f"{root}/a/x", b"")
        _write(store, f"{root}/a/y", b"")
        for _ in range(2):
            store.remove(f"{root}/a/x")
            assert _names(store, root) == ["a/y"], "`remove` removes this object and no other."
        store.remove(f"{root}/nothing/at/all")
        _check_missing(store, f"{root}/a/x", "What was removed is not there.")

    def test_pruning_removes_no_object(self, store: Store, root: str) -> None:
        _write(store, f"{root}/a/b/x", b"content")
        store.prune(f"{root}/a")
        assert _content(store, f"{root}/a/b/x") == b"content", "`prune` removes no object."
        store.remove(f"{root}/a/b/x")
        store.prune(f"{root}/a")
        assert _names(store, root) == [], "`prune` leaves no objects of its own."
        store.prune(f"{root}/nothing")

    def test_pruning_does_no_harm_beside_a_writer(self, store: Store, root: str) -> None:
        def write() -> None:
            for number in range(30):
                uri = f"{root}/a/{number}/x"
                _write(store, uri, b"content")
                assert _content(store, uri) == b"content", "A write succeeds while somebody prunes."
                store.remove(uri)

        _do_meanwhile(write, lambda: store.prune(f"{root}/a"))


def _write(store: Store, uri: str, *pieces: _Piece) -> None:
    with store.write(uri) as file:
        for piece in pieces:
            file.write(piece)


def _content(store: Store, uri: str, *, mapped: bool = False, nbytes: int = 0) -> bytes:
    return bytes(store.read(uri, mapped=mapped, nbytes=nbytes))


def _interrupt(store: Store, uri: str, error: BaseException) -> None:
    """Write a half, and check that the exception comes out of the block as it is."""
    with pytest.raises(type(error)) as caught, store.write(uri) as file:  # noqa: PT012  (as a producer fails)
        file.write(b"half")
        file.flush()
        raise error
    assert caught.value is error, "`write` lets an exception through as it is."


def _check_missing(store: Store, uri: str, message: str, *, mapped: bool = False, nbytes: int = 0) -> None:
    try:
        view = store.read(uri, mapped=mapped, nbytes=nbytes)
    except FileNotFoundError:
        return
    pytest.fail(f"{message} But {uri} was read, with {len(view)} bytes.")


def _uris(store: Store, root: str) -> list[str]:
    return sorted(stored.uri for stored in store.walk(root))


def _names(store: Store, root: str) -> list[str]:
    """Everything below the root, hidden objects included."""
    return [uri.removeprefix(f"{root}/") for uri in _uris(store, root)]


def _do_meanwhile(work: Callable[[], None], other: Callable[[], object]) -> None:
    """Do something again and again while a thread works; both must succeed."""
    with ThreadPoolExecutor(1) as pool:
        worker = pool.submit(work)
        while not worker.done():
            other()
        other()
        worker.result()
