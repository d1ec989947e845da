"""What every codec promises, as tests to inherit. Needs pytest."""

from __future__ import annotations

import copy
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, Final, cast

import pytest

from airflow_linepipe.errors import ArtifactAlteredError, InvalidReferenceError, PickleRefusedError, UnknownColumnError
from airflow_linepipe.handoff import ArtifactRef, Codec, CodecRegistry, Encoding, Exchange, Payload, Producer
from airflow_linepipe.handoff.codecs import TABLE_TYPES
from airflow_linepipe.handoff.layout import artifact_uri
from airflow_linepipe.handoff.stores import open_store
from airflow_linepipe.testing.comparison import is_same
from airflow_linepipe.testing.watching import ForwardFile, LateFile, watch_pickles

__all__ = ["CodecContract"]

_MAX_NAME: Final = 60
_MAX_EXTENSION_BYTES: Final = 20
_PRODUCER: Final = Producer(
    dag_id="a_dag_with_a_rather_long_name",
    run_id="scheduled__2013-01-01T00:00:00.000000+00:00",
    task_id="a_group.of_a_group.a_task_with_a_rather_long_name",
    map_index=1000,
)


class _Stranger:
    """Nothing may be asked of it but its type."""

    def _refuse(self, *_: object) -> Any:
        message = "a codec looks at the type before it asks anything else of a value"
        raise RuntimeError(message)

    __eq__ = __hash__ = __len__ = __iter__ = __getitem__ = __bool__ = __repr__ = _refuse
    __getattr__ = __reduce_ex__ = _refuse


def _ring() -> list[Any]:
    ring: list[Any] = []
    ring.append(ring)
    return ring


_STRANGERS: Final[Mapping[str, Callable[[], Any]]] = MappingProxyType(
    {
        "object": object,
        "None": lambda: None,
        "class": lambda: int,
        "function": lambda: _ring,
        "iterator": lambda: map(len, [""]),
        "lone surrogate": lambda: "\ud800",
        "list in itself": _ring,
        "hostile object": _Stranger,
    }
)


class CodecContract:
    """The tests of a codec: subclass it, say what to test, and pytest collects the rest.

    .. code-block:: python

        from fractions import Fraction
        from airflow_linepipe.testing import CodecContract


        class TestFractionCodec(CodecContract):
            codec = FractionCodec()
            values = {"a third": Fraction(1, 3), "negative": Fraction(-2), "large": Fraction(10**50, 7)}
            refused = {"float": 0.5, "int": 1, "text": "1/3"}

    Override `equal` where ``==`` is not the word for "the same", `change` where values can be changed in place, and
    `reader` where the codec's class takes arguments.

    Attributes:
        codec: The codec.
        values: What it takes, by a name for the test report. Each stands for a kind: empty, typical, largest, oddest.
        refused: What it must leave to other codecs, by name, such as values of a subclass that would come back as
            their base.
    """

    codec: Codec
    values: Mapping[str, Any]
    refused: Mapping[str, Any] = MappingProxyType({})

    def reader(self) -> Codec:
        """A codec as another process makes it: for an entry point, by a call without arguments."""
        return type(self.codec)()

    def equal(self, one: Any, other: Any) -> bool:
        """Whether a value that was read is the one that was written; its type is compared already."""
        return is_same(one, other)

    def copy(self, value: Any) -> Any:
        """A value that shares nothing with the given one, to see whether that is changed."""
        return copy.deepcopy(value)

    def change(self, value: Any) -> None:
        """Change a value in place, as its consumer may; values that nobody can change stay as they are."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the contract's tests with an argument ``value`` once for each of `values`, and so on."""
        if metafunc.function.__name__ not in vars(CodecContract):
            return
        for argument, cases in (("value", self.values), ("other", self.refused), ("stranger", _STRANGERS)):
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, [*cases.values()], ids=[*cases])

    def test_the_suite_has_values(self) -> None:
        assert self.values, "`values` names at least one value that the codec takes."

    def test_its_name_is_its_own(self) -> None:
        name = self.codec.name
        assert isinstance(name, str), "A codec's name is text."
        assert 0 < len(name) <= _MAX_NAME, f"A codec's name has 1 to {_MAX_NAME} characters."
        assert name.isprintable(), "A codec's name is printable."
        assert name.strip() == name, "A codec's name neither begins nor ends with a space."
        assert (name, name) == (self.codec.name, self.reader().name), "A codec's name never changes."
        others = [type(codec) for codec in CodecRegistry() if codec.name == name]
        assert set(others) <= {type(self.codec)}, f"The name '{name}' is another codec's: {others}."

    def test_it_says_whether_it_unpickles(self) -> None:
        assert type(self.codec.unpickles) is bool, "`unpickles` is True or False: `allow_pickle` decides by it."

    def test_it_describes_what_it_takes(self, value: Any) -> None:
        encoding = self._encode(value)
        assert encoding.type, "`Encoding.type` names the value's type."
        assert isinstance(encoding.type, str), "`Encoding.type` is text."
        assert callable(encoding.write), "`Encoding.write` is called with the file."
        extension = encoding.extension
        assert isinstance(extension, str), "`Encoding.extension` is text."
        assert not extension or extension.startswith("."), "`Encoding.extension` starts with a dot, or is empty."
        assert "/" not in extension, "`Encoding.extension` is a part of a file name."
        size = len(extension.encode(errors="surrogateescape"))
        assert size <= _MAX_EXTENSION_BYTES, f"`Encoding.extension` has at most {_MAX_EXTENSION_BYTES} bytes."

    def test_its_reference_is_small_json(self, value: Any) -> None:
        encoding = self._encode(value)
        reference = ArtifactRef(
            name="an_output_with_a_rather_long_name",
            uri=artifact_uri("s3://connection@bucket/some/prefix", _PRODUCER, "output", encoding.extension),
            codec=self.codec.name,
            type=encoding.type,
            nbytes=2**40,
            digest=f"blake3:{'0' * 64}",
            summary=encoding.summary,
            value=encoding.value,
        )
        try:
            wire = reference.to_wire()
        except InvalidReferenceError as error:
            pytest.fail(f"`summary` and `value` are plain JSON, and small enough for XCom: {error}")
        assert ArtifactRef.from_wire(json.loads(json.dumps(wire))) == reference, "JSON gives a reference back as it is."

    def test_it_decides_the_same_way_twice(self, value: Any) -> None:
        one, other = self._encode(value), self._encode(value)
        told = [(each.type, each.extension, dict(each.summary), each.value) for each in (one, other)]
        assert told[0] == told[1], "`encode` says the same of the same value: deciding has no side effects."

    def test_neither_deciding_nor_writing_changes_the_value(self, value: Any) -> None:
        before = self.copy(value)
        encoding = self._encode(value)
        assert self.equal(before, value), "`encode` leaves the value as it is."
        encoding.write(_binary(ForwardFile()))
        assert self.equal(before, value), "`Encoding.write` leaves the value as it is: the producer may still use it."

    def test_it_writes_forwards_only(self, value: Any) -> None:
        file = ForwardFile()
        try:
            self._encode(value).write(_binary(file))
        except (io.UnsupportedOperation, AttributeError) as error:
            pytest.fail(f"`Encoding.write` asks nothing of its file but write(), flush() and tell(): {error}.")
        except TypeError as error:
            pytest.fail(f"`Encoding.write` writes bytes, or what has a buffer of bytes: {error}.")
        assert not file.closed, "`Encoding.write` leaves its file open: the store has to finish it."

    def test_what_it_says_lasts_stays_as_it_is(self, value: Any) -> None:
        encoding = self._encode(value)
        if not encoding.lasting:
            return
        file = LateFile()
        try:
            encoding.write(_binary(file))
        except BufferError as error:
            pytest.fail(f"A codec that writes to its buffers again leaves `Encoding.lasting` False: {error}.")
        message = "A codec that writes to its buffers again leaves `Encoding.lasting` False: they are digested later."
        assert file.later == file.content, message

    def test_writing_again_carries_an_equal_value(self, value: Any, tmp_path: Path) -> None:
        with self._exchange(tmp_path) as exchange:
            for _ in range(2):
                back = exchange.get(self._store(value, tmp_path))
                self._check_same(value, back, "A value can be written again, as a second try of its task does.")

    @pytest.mark.parametrize("memory", ["bytes", "mapped file", "file"])
    def test_what_is_read_is_what_was_written(self, value: Any, memory: str, tmp_path: Path) -> None:
        reference = self._store(value, tmp_path)
        view = open_store(reference.uri).read(reference.uri, mapped=memory == "mapped file", nbytes=reference.nbytes)
        if memory == "bytes":
            view = memoryview(bytearray(view))
        payload = Payload(view=view, reference=reference, scratch=lambda: Path(tempfile.mkdtemp(dir=tmp_path)))
        self._check_same(value, self.codec.decode(payload), f"What is read from {memory} is what was written.")

    def test_another_process_reads_it(self, value: Any, tmp_path: Path) -> None:
        reference = self._store(value, tmp_path)
        with self._exchange(tmp_path, codec=self.reader()) as exchange:
            message = "A codec reads with what stands in the bytes and the reference, and not with what it remembers."
            self._check_same(value, exchange.get(reference), message)

    def test_a_reader_changes_nothing_for_others(self, value: Any, tmp_path: Path) -> None:
        reference = self._store(value, tmp_path)
        path = Path(reference.uri.removeprefix("file://"))
        stored = path.read_bytes()
        with self._exchange(tmp_path) as exchange:
            mine, other = exchange.get(reference), exchange.get(reference)
            self.change(mine)
            assert path.read_bytes() == stored, "What a reader does to its value leaves the stored bytes as they are."
            self._check_same(value, other, "What a reader does to its value leaves other readers' values as they are.")
            self._check_same(value, exchange.get(reference), "Each reader gets the value that was written.")

    def test_the_change_changes_something(self, tmp_path: Path) -> None:
        if type(self).change is CodecContract.change:
            return
        with self._exchange(tmp_path) as exchange:
            backs = [(value, exchange.get(self._store(value, tmp_path))) for value in self.values.values()]
            for _, back in backs:
                self.change(back)
            assert not all(self.equal(*pair) for pair in backs), (
                "`change` changes at least one of `values`, so that readers are seen to be independent, "
                "and what is read can be changed."
            )

    def test_a_reader_may_choose_columns_of_a_table(self, value: Any, tmp_path: Path) -> None:
        reference = self._store(value, tmp_path)
        if reference.type not in TABLE_TYPES:
            return
        in_arrow = reference.type == "pyarrow.Table"
        labels = list(value.column_names if in_arrow else value.columns)
        chosen = labels[:-3:-1]
        if not chosen or len(set(labels)) < len(labels):
            return
        with self._exchange(tmp_path) as exchange:
            back = exchange.get(reference, columns=chosen)
            expected = value.select(chosen) if in_arrow else value[chosen]
            self._check_same(expected, back, "A reader gets the columns that it names, in this order, and no other.")
            with pytest.raises(UnknownColumnError):
                exchange.get(reference, columns=["a column that is not there"])

    def test_altered_bytes_are_never_decoded(self, value: Any, tmp_path: Path) -> None:
        reference = self._store(value, tmp_path)
        path = Path(reference.uri.removeprefix("file://"))
        stored = path.read_bytes()
        reader = _NeverDecoding(self.codec)
        for altered in (stored + b"\0", stored[:-1] + bytes([stored[-1] ^ 1]) if stored else b"\1"):
            path.write_bytes(altered)
            with pytest.raises(ArtifactAlteredError), self._exchange(tmp_path, codec=reader) as exchange:
                exchange.get(reference)

    def test_it_reads_with_allow_pickle_off_unless_it_unpickles(self, value: Any, tmp_path: Path) -> None:
        reference = self._store(value, tmp_path)
        with self._exchange(tmp_path, allow_pickle=False) as exchange:
            if not self.codec.unpickles:
                self._check_same(value, exchange.get(reference), "A format without code is read with allow_pickle off.")
                return
            with pytest.raises(PickleRefusedError):
                exchange.get(reference)
            with pytest.raises(PickleRefusedError):
                exchange.put(value, name="value", producer=_PRODUCER)

    def test_it_opens_no_pickle_unless_it_says_so(self, value: Any, tmp_path: Path) -> None:
        reference = self._store(value, tmp_path)
        with self._exchange(tmp_path) as exchange, watch_pickles() as found:
            exchange.get(reference)
        message = f"A codec whose bytes name code to run says `unpickles = True`: they name {', '.join(found)}."
        assert self.codec.unpickles or not found, message

    def test_it_leaves_other_values_alone(self, other: Any) -> None:
        assert self.codec.encode(other) is None, "`encode` gives None for what this format would not give back."

    def test_it_decides_about_anything(self, stranger: Callable[[], Any]) -> None:
        try:
            encoding = self.codec.encode(stranger())
        except Exception as error:  # noqa: BLE001  (whichever a codec lets through)
            pytest.fail(f"`encode` gives None for what it does not take, and raises nothing: {error!r}.")
        assert encoding is None or isinstance(encoding, Encoding), "`encode` gives None or an `Encoding`."

    def test_a_registry_uses_it(self, value: Any) -> None:
        registry = CodecRegistry(extra=[self.codec])
        found = registry.encode(value)
        assert found is not None, "A registry finds the codec by the value."
        assert found[0] is self.codec, "A registry finds the codec by the value."
        assert registry.named(self.codec.name) is self.codec, "A registry finds the codec by its name."

    def _encode(self, value: Any) -> Encoding:
        encoding = self.codec.encode(value)
        assert isinstance(encoding, Encoding), f"`encode` gives an `Encoding` for each of `values`, not {encoding!r}."
        return encoding

    def _exchange(self, folder: Path, *, codec: Codec | None = None, allow_pickle: bool = True) -> Exchange:
        codecs = CodecRegistry(extra=[codec or self.codec])
        return Exchange(f"file://{folder}", codecs=codecs, allow_pickle=allow_pickle)

    def _store(self, value: Any, folder: Path) -> ArtifactRef:
        """Hand a value over as a task does, and the reference as another task gets it."""
        reference = self._exchange(folder).put(value, name="value", producer=_PRODUCER)
        assert reference.codec == self.codec.name, "A codec takes what it is given in `values`."
        # Where the suite keeps its files is not the codec's affair.
        wire = replace(reference, uri="file:///value").to_wire()
        return replace(ArtifactRef.from_wire(json.loads(json.dumps(wire))), uri=reference.uri)

    def _check_same(self, value: Any, back: Any, message: str) -> None:
        assert type(back) is type(value), f"{message} A {type(value)} came back as a {type(back)}."
        assert self.equal(value, back), message


class _NeverDecoding:
    """A codec that must not come to see the bytes.

    Args:
        codec: Whose name and trust it has.
    """

    def __init__(self, codec: Codec) -> None:
        self.name = codec.name
        self.unpickles = codec.unpickles

    def encode(self, value: Any) -> Encoding | None:  # noqa: ARG002  (as in Codec)
        return None

    def decode(self, payload: Payload) -> Any:  # noqa: ARG002  (as in Codec)
        pytest.fail("Bytes that are not what was written are never decoded.")


def _binary(file: ForwardFile) -> BinaryIO:
    """The file as a codec's signature calls it."""
    return cast("BinaryIO", file)
