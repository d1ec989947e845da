"""Codecs of third parties: through the entry-point group, or given by name."""

from __future__ import annotations

import io
import json
import zipfile
from fractions import Fraction
from importlib.metadata import EntryPoint

import pytest

from airflow_linepipe.errors import BrokenCodecError, HandoffError, UnknownCodecError
from airflow_linepipe.handoff import CodecRegistry, Encoding, Exchange
from airflow_linepipe.handoff.codecs import ENTRY_POINT_GROUP, registry


class FractionCodec:
    """What another package might register."""

    name = "fraction"
    unpickles = False

    def encode(self, value):
        if type(value) is not Fraction:
            return None
        return Encoding(
            type="fractions.Fraction",
            extension=".fraction",
            write=lambda file: file.write(f"{value}".encode()),
            summary={"denominator": value.denominator},
            value=float(value),
        )

    def decode(self, payload):
        return Fraction(bytes(payload.view).decode())


class ShoutCodec:
    """Takes text before the built-in codec does."""

    name = "shout"
    unpickles = False

    def encode(self, value):
        if not isinstance(value, str):
            return None
        return Encoding(type="str", extension=".shout", write=lambda file: file.write(value.upper().encode()))

    def decode(self, payload):
        return str(payload.view, "utf-8")


@pytest.fixture
def installed(monkeypatch):
    """Pretend that packages register codecs; gives the groups that were asked for."""
    asked = []

    def install(*codecs):
        def entry_points(*, group):
            asked.append(group)
            points = [EntryPoint(name=codec.name, value="x:y", group=group) for codec in codecs]
            for point, codec in zip(points, codecs, strict=True):
                object.__setattr__(point, "load", lambda codec=codec: codec)
            return points

        monkeypatch.setattr(registry, "entry_points", entry_points)
        return asked

    return install


def test_an_installed_codec_takes_its_values(installed, exchange, producer, tmp_path):
    installed(FractionCodec)
    reference = exchange.put(Fraction(1, 3), name="third", producer=producer)
    assert reference.codec == "fraction"
    assert reference.type == "fractions.Fraction"
    assert reference.summary == {"denominator": 3}
    assert reference.value == pytest.approx(1 / 3)
    assert [path.read_text() for path in tmp_path.rglob("third.fraction")] == ["1/3"]
    assert exchange.get(reference) == Fraction(1, 3)


def test_the_entry_point_group_is_the_documented_one(installed):
    asked = installed()
    list(CodecRegistry())
    assert asked == [ENTRY_POINT_GROUP] == ["airflow_linepipe.codecs"]


def test_the_installed_packages_are_looked_through_once_and_only_for_unusual_values(installed, exchange, producer):
    asked = installed(FractionCodec)
    exchange.get(exchange.put({"a": 1}, name="x", producer=producer))
    assert asked == []
    for _ in range(3):
        exchange.get(exchange.put(Fraction(1, 3), name="x", producer=producer))
    assert len(asked) == 1


def test_installed_codecs_stand_between_the_open_formats_and_pickle(installed):
    installed(FractionCodec, ShoutCodec)
    names = [codec.name for codec in CodecRegistry()]
    assert names == ["json", "text", "bytes", "file", "npy", "arrow", "bundle", "fraction", "shout", "pickle"]


def test_a_codec_given_by_name_is_asked_before_all_others(producer, tmp_path):
    exchange = Exchange(f"file://{tmp_path}", codecs=CodecRegistry(extra=[ShoutCodec()]))
    reference = exchange.put("quiet", name="x", producer=producer)
    assert reference.codec == "shout"
    assert exchange.get(reference) == "QUIET"
    assert exchange.put(1, name="y", producer=producer).codec == "json"


def test_pickles_may_be_forbidden_and_third_parties_still_serve(installed, producer, tmp_path):
    installed(FractionCodec)
    exchange = Exchange(f"file://{tmp_path}", allow_pickle=False)
    assert exchange.get(exchange.put(Fraction(2, 3), name="x", producer=producer)) == Fraction(2, 3)


def test_a_codec_that_is_not_installed_where_the_artifact_is_read_is_named(installed, exchange, producer, tmp_path):
    installed(FractionCodec)
    reference = exchange.put(Fraction(1, 3), name="x", producer=producer)
    installed()
    with pytest.raises(
        UnknownCodecError, match=r"'x' .* needs the codec 'fraction', .*entry-point group 'airflow_linepipe.codecs'"
    ) as e:
        Exchange(f"file://{tmp_path}").get(reference)
    assert isinstance(e.value, LookupError)
    assert isinstance(e.value, HandoffError)


class BrokenCodec:
    """The codec of a package that lacks something."""

    name = "broken"
    unpickles = False

    def __init__(self):
        message = "No module named 'lacking'"
        raise ModuleNotFoundError(message)


def test_a_registered_codec_that_cannot_be_loaded_is_named_and_stands_in_no_readers_way(installed, exchange, producer):
    reference = exchange.put(Fraction(1, 3), name="x", producer=producer)
    installed(BrokenCodec)
    other = Exchange(exchange.storage)
    assert other.get(reference) == Fraction(1, 3)
    with pytest.raises(BrokenCodecError, match="codec 'broken' that 'x:y' registers .*'lacking'.: mend") as caught:
        other.put(Fraction(1, 3), name="x", producer=producer)
    assert isinstance(caught.value, ImportError)


def as_text(file):
    with io.TextIOWrapper(file, encoding="utf-8") as text:
        json.dump({"é": 1}, text, ensure_ascii=False)


def in_pieces(file):
    file.writelines([b"a", bytearray(b"b"), memoryview(b"c")])
    file.flush()


def with_a_buffer(file):
    with io.BufferedWriter(file) as buffered:
        buffered.write(b"x" * 100_000)


def with_numbers(file):
    import numpy as np

    file.write(np.arange(6, dtype="i2").reshape(2, 3))


def as_archive(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "x" * 1000)


def written_by(write):
    class Codec(FractionCodec):
        def encode(self, value):
            return Encoding(type="x", extension=".x", write=write)

        def decode(self, payload):
            return bytes(payload.view)

    return CodecRegistry(extra=[Codec()])


@pytest.mark.parametrize("write", [as_text, in_pieces, with_a_buffer, with_numbers])
def test_a_codec_may_use_the_file_as_any_library_does(write, producer, tmp_path):
    with (tmp_path / "expected").open("wb", buffering=0) as file:
        write(file)
    expected = (tmp_path / "expected").read_bytes()
    exchange = Exchange(f"file://{tmp_path}", codecs=written_by(write))
    reference = exchange.put(object(), name="x", producer=producer)
    assert reference.nbytes == len(expected)
    assert exchange.get(reference) == expected


def test_a_codec_may_write_an_archive(producer, tmp_path):
    exchange = Exchange(f"file://{tmp_path}", codecs=written_by(as_archive))
    data = exchange.get(exchange.put(object(), name="x", producer=producer))
    assert zipfile.ZipFile(io.BytesIO(data)).read("a.txt") == b"x" * 1000
