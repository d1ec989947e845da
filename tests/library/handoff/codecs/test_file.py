"""A file on the producer's disk: its content and its name travel."""

from __future__ import annotations

import os
import pathlib

import pytest

from airflow_linepipe.errors import UnsupportedValueError
from airflow_linepipe.handoff import Exchange


@pytest.fixture
def made(tmp_path_factory):
    """Make a file as a node would, with any name."""
    folder = tmp_path_factory.mktemp("node")

    def make(name, content=b"content"):
        path = folder / name
        path.write_bytes(content)
        return path

    return make


NAMES = [
    "report.pdf",
    "model.tar.gz",
    "README",
    ".hidden",
    "with space.csv",
    "résumé 字.txt",
    "a#b?c%41.x",
    "odd.s u#f?f%",
    "chained.a::s3",
    "emoji.😀😀😀",
    "endless." + "x" * 200,
    "wide." + "字" * 60,
    "x" * 255,
    "~tilde~",
    "two\nlines.txt",
    "-",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_the_consumer_gets_a_file_of_the_same_name_and_content(name, made, travel):
    trip = travel(made(name, b"\x00content\xff\r\n"))
    assert (trip.reference.codec, trip.reference.type) == ("file", "pathlib.Path")
    assert isinstance(trip.value, pathlib.Path)
    assert trip.value.name == name
    assert trip.value.read_bytes() == b"\x00content\xff\r\n"


def test_an_empty_file_travels_too(made, travel):
    assert travel(made("empty", b"")).value.read_bytes() == b""


def test_the_stored_artifact_keeps_the_suffix(made, exchange, producer):
    reference = exchange.put(made("report.pdf"), name="report", producer=producer)
    assert reference.uri.endswith("/report.pdf")
    assert reference.summary == {"file": "report.pdf"}
    assert pathlib.Path(reference.uri.removeprefix("file://")).read_bytes() == b"content"


def test_a_name_that_is_no_unicode_is_shown_escaped(made, travel):
    trip = travel(made(os.fsdecode(b"caf\xe9.txt")))
    assert trip.value.name == r"caf\udce9.txt"
    assert trip.value.read_bytes() == b"content"


def test_what_the_producer_does_to_the_file_afterwards_changes_nothing(made, exchange, producer):
    path = made("a.txt", b"before")
    with exchange:
        reference = exchange.put(path, name="x", producer=producer)
        path.write_bytes(b"after")
        assert exchange.get(reference).read_bytes() == b"before"
        path.unlink()
        assert exchange.get(reference).read_bytes() == b"before"


def test_every_consumer_has_a_copy_of_its_own(made, exchange, producer):
    with exchange:
        reference = exchange.put(made("a.txt", b"before"), name="x", producer=producer)
        first, second = exchange.get(reference), exchange.get(reference)
        assert first != second
        first.write_bytes(b"changed")
        assert second.read_bytes() == b"before"
        assert exchange.get(reference).read_bytes() == b"before"


def test_the_copies_are_gone_when_the_exchange_is_closed(made, exchange, producer):
    with exchange:
        copy = exchange.get(exchange.put(made("a.txt"), name="x", producer=producer))
        assert copy.is_file()
    assert not copy.parent.exists()


def test_the_copy_lies_outside_of_the_storage(made, exchange, producer, tmp_path):
    with exchange:
        copy = exchange.get(exchange.put(made("a.txt"), name="x", producer=producer))
        assert not copy.is_relative_to(tmp_path)


def test_a_link_to_a_file_travels_as_the_file(made, travel, tmp_path):
    link = tmp_path / "link.txt"
    link.symlink_to(made("target.bin"))
    value = travel(link).value
    assert value.name == "link.txt"
    assert not value.is_symlink()
    assert value.read_bytes() == b"content"


@pytest.mark.parametrize("kind", ["missing", "folder", "dangling link"])
@pytest.mark.parametrize("allow_pickle", [True, False], ids=["pickle", "no pickle"])
def test_a_path_that_is_no_file_cannot_travel(kind, allow_pickle, tmp_path, tmp_path_factory, producer, stored):
    path = tmp_path_factory.mktemp("node") / "it"
    if kind == "folder":
        path.mkdir()
    if kind == "dangling link":
        path.symlink_to("nowhere")
    exchange = Exchange(f"file://{tmp_path}", allow_pickle=allow_pickle)
    with pytest.raises(
        UnsupportedValueError, match="Output 'report' of task 'features.clean'.*no regular file is there"
    ) as caught:
        exchange.put(path, name="report", producer=producer)
    assert caught.value.artifact == "report"
    assert caught.value.type_name == "pathlib.PosixPath"
    assert stored() == []


def test_a_path_without_a_disk_is_a_plain_value_to_pickle(travel):
    value = pathlib.PurePosixPath("a/b")
    assert travel(value).value == value


def test_a_file_without_a_suffix_cannot_take_the_place_of_another_output(exchange, producer, tmp_path):
    path = tmp_path / "notes"
    path.write_text("a file")
    text = exchange.put("a text", name="report", producer=producer)
    file = exchange.put(path, name="report.txt", producer=producer)
    assert text.uri != file.uri
    with exchange:
        assert (exchange.get(text), exchange.get(file).read_text()) == ("a text", "a file")


def test_a_name_that_its_escapes_make_too_long_is_given_up(exchange, producer, tmp_path):
    path = tmp_path / os.fsdecode(b"\xff" * 80 + b".csv")
    path.write_text("content")
    with exchange:
        copy = exchange.get(exchange.put(path, name="x", producer=producer))
        assert (copy.name, copy.read_text()) == ("file.csv", "content")
