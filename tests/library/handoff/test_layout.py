"""Where artifacts lie (design 4.2)."""

from __future__ import annotations

import dataclasses
import posixpath
import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from airflow_linepipe.handoff import Producer
from airflow_linepipe.handoff.layout import NOT_MAPPED, artifact_uri, escape, producer_in, producer_of

ROOT = "s3://bucket/linepipe"
CLEAN = Producer(dag_id="flights", run_id="manual", task_id="features.clean")

some = settings(max_examples=50)
# Any str at all, and the ones that a database and a URL can hold.
anything = st.text(st.characters())
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=25)
hostile = [
    "",
    ".",
    "..",
    "../..",
    "/",
    "//",
    "~",
    "~~",
    "%2e%2e",
    "%",
    "#",
    "?",
    "a/b",
    "\\",
    "\0",
    "::",
    "*",
    "é",
    "😀",
]


def test_the_path_is_dag_run_task_try_and_name():
    assert artifact_uri(ROOT, CLEAN, "features", ".arrow") == f"{ROOT}/flights/manual/features.clean/1/features.arrow"


def test_a_mapped_task_has_a_folder_for_each_index():
    mapped = dataclasses.replace(CLEAN, map_index=0, try_number=2)
    assert artifact_uri(ROOT, mapped, "f", ".npy") == f"{ROOT}/flights/manual/features.clean/0/2/f.npy"


def test_a_slash_at_the_end_of_the_root_changes_nothing():
    assert artifact_uri(ROOT + "/", CLEAN, "f", "") == artifact_uri(ROOT, CLEAN, "f", "")


ESCAPED = {
    "letters and digits": ("Features_2-x.y+1", "Features_2-x.y+1"),
    "time zone": ("manual__2013-01-01T00:00:00+00:00", "manual__2013-01-01T00~3A00~3A00+00~3A00"),
    "folder up": ("../", "~2E.~2F"),
    "here": (".", "~2E"),
    "up": ("..", "~2E."),
    "hidden": (".bashrc", "~2Ebashrc"),
    "dot inside": ("a.b", "a.b"),
    "fragment": ("a#b", "a~23b"),
    "query": ("a?b", "a~3Fb"),
    "slash": ("a/b", "a~2Fb"),
    "backslash": ("a\\b", "a~5Cb"),
    "space": ("a b", "a~20b"),
    "unicode": ("é", "~C3~A9"),
    "emoji": ("😀", "~F0~9F~98~80"),
    "lone surrogate": ("\ud800", "~ED~A0~80"),
    "nul": ("\0", "~00"),
    "newline": ("\n", "~0A"),
    "tilde": ("~", "~7E"),
    "percent": ("%41", "~2541"),
    "glob": ("*[a]", "~2A~5Ba~5D"),
    "chained protocol": ("a::s3", "a~3A~3As3"),
    "empty": ("", "~"),
}


@pytest.mark.parametrize(("segment", "expected"), ESCAPED.values(), ids=ESCAPED.keys())
def test_a_segment_is_escaped_so_that_nothing_reads_it_as_anything_else(segment, expected):
    assert escape(segment) == expected


def test_a_run_id_too_long_for_a_file_name_ends_in_a_digest_of_the_whole():
    long, other = "r" * 300, "r" * 299 + "s"
    assert re.fullmatch(r"r{214}--[0-9a-f]{24}", escape(long))
    assert escape(long) != escape(other)
    assert escape("r" * 240) == "r" * 240


@pytest.mark.parametrize("length", range(60, 66))
def test_no_escape_is_cut_in_two(length):
    escaped = escape("a" * length + "字" * 100)
    assert re.fullmatch(r"a+(~[0-9A-F]{2})*--[0-9a-f]{24}", escaped)
    assert len(escaped) <= 240


@pytest.mark.parametrize("extension", ["", ".arrow", ".a/../b", ".#?", ".::s3", ".字", ".~", "."], ids=repr)
def test_an_extension_is_escaped_too(extension):
    uri = artifact_uri(ROOT, CLEAN, "x" * 300, extension)
    assert re.fullmatch(r"[\w.+~-]+", uri.removeprefix(f"{ROOT}/flights/manual/features.clean/1/"), re.ASCII)
    assert len(uri.rpartition("/")[2]) <= 240


@some
@given(dag_id=anything, run_id=anything, task_id=anything, name=anything)
@example(dag_id="..", run_id="..", task_id="..", name="..")
@example(dag_id="", run_id="/", task_id=".", name="")
@example(dag_id="~", run_id="é" * 300, task_id="%2e%2e", name="😀" * 300)
def test_every_artifact_stays_below_the_root_in_a_folder_of_its_own(dag_id, run_id, task_id, name):
    uri = artifact_uri(ROOT, Producer(dag_id=dag_id, run_id=run_id, task_id=task_id), name, ".json")
    path = uri.removeprefix("s3://")
    assert path.startswith("bucket/linepipe/")
    assert posixpath.normpath(path) == path
    segments = path.split("/")[2:]
    assert len(segments) == 5
    for segment in segments:
        assert re.fullmatch(r"[A-Za-z0-9_~+-][A-Za-z0-9_~+.-]*", segment)
        assert len(segment.encode()) <= 255


@some
@given(one=st.text(st.characters(), max_size=10), other=st.text(st.characters(), max_size=10))
def test_two_texts_have_two_segments(one, other):
    assume(one != other)
    assert escape(one) != escape(other)


def test_no_two_hostile_texts_share_a_segment():
    escaped = {escape(segment) for segment in hostile}
    assert len(escaped) == len(hostile)


@some
@given(
    dag_id=text,
    run_id=text,
    task_id=text,
    map_index=st.integers(-1, 10**6),
    try_number=st.integers(1, 10**6),
    name=text,
    extension=st.sampled_from(["", ".arrow", ".json"]),
)
@example(dag_id="", run_id="~", task_id="%7E", map_index=-1, try_number=1, name="1", extension="")
@example(dag_id="1", run_id="2", task_id="3", map_index=4, try_number=5, name="6", extension="")
def test_the_producer_can_be_read_off_the_uri(dag_id, run_id, task_id, map_index, try_number, name, extension):
    producer = Producer(dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index, try_number=try_number)
    for root in (ROOT, "file:///tmp/storage/"):
        assert producer_of(root, artifact_uri(root, producer, name, extension)) == producer


def test_of_an_id_too_long_for_a_folder_the_producer_shows_its_head():
    producer = producer_of(ROOT, artifact_uri(ROOT, dataclasses.replace(CLEAN, run_id="字" * 300), "x", ""))
    assert producer.run_id.startswith("字字字字")
    assert producer.task_id == "features.clean"


@pytest.mark.parametrize(
    "uri",
    [
        "s3://other/linepipe/flights/manual/clean/1/x.json",
        "s3://bucket/linepipe2/flights/manual/clean/1/x.json",
        f"{ROOT}/x.json",
        f"{ROOT}/flights/manual/clean/one/x.json",
        f"{ROOT}/flights/manual/clean//1/x.json",
        f"{ROOT}/flights/manual/clean/1//x.json",
        f"{ROOT}/flights/manual/clean/a/1/x.json",
        f"{ROOT}/flights/manual/clean/0/1/2/x.json",
        ROOT,
        "",
    ],
)
def test_a_uri_that_is_no_artifacts_has_no_producer(uri):
    assert producer_of(ROOT, uri) is None


def test_a_producer_says_who_it_is():
    assert str(CLEAN) == "task 'features.clean' of DAG 'flights', run 'manual', try 1"
    assert str(dataclasses.replace(CLEAN, map_index=3, try_number=2)) == (
        "task 'features.clean' [3] of DAG 'flights', run 'manual', try 2"
    )


@pytest.mark.parametrize("map_index", [NOT_MAPPED, 3], ids=["not mapped", "mapped"])
def test_an_artifact_of_another_storage_names_its_producer_too(map_index):
    producer = Producer(dag_id="flights", run_id="manual__1", task_id="clean", map_index=map_index, try_number=2)
    assert producer_in(artifact_uri("s3://lp@bucket/deep/root", producer, "x", ".json")) == producer
    assert producer_in(artifact_uri("file:///", producer, "x", ".json")) == producer


@pytest.mark.parametrize("uri", ["", "x", "file:///a/b", "s3://bucket/dag/run/task/x.json"])
def test_what_is_no_artifact_of_ours_names_nobody(uri):
    assert producer_in(uri) is None
