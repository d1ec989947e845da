"""Files that a pattern matches."""

from __future__ import annotations

import contextlib
import os
import uuid
from datetime import UTC, datetime

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_linepipe.errors import StorageUnavailableError
from airflow_linepipe.handoff import Patience, find_files


def urls(pattern, **options):
    return [file.uri for file in find_files(pattern, **options)]


def test_a_pattern_finds_its_files_sorted_with_size_and_time_and_no_folders(tmp_path):
    for name in ("b.csv", "a.csv", "c.txt", "sub/d.csv", "folder.csv/e"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    os.utime(tmp_path / "a.csv", (1e9, 1e9))
    first, second = find_files(f"file://{tmp_path}/*.csv")
    assert [first.uri, second.uri] == [f"file://{tmp_path}/a.csv", f"file://{tmp_path}/b.csv"]
    assert (first.nbytes, first.modified) == (5, datetime.fromtimestamp(1e9, UTC))
    assert urls(f"file://{tmp_path}/**/*.csv")[2:] == [f"file://{tmp_path}/sub/d.csv"]
    assert urls(f"file://{tmp_path}/[bc].*") == [f"file://{tmp_path}/b.csv", f"file://{tmp_path}/c.txt"]
    assert urls(f"file://{tmp_path}/?.txt") == [f"file://{tmp_path}/c.txt"]


def test_without_a_pattern_it_is_one_file(tmp_path):
    assert urls(f"file://{tmp_path}/a.csv") == []
    (tmp_path / "a.csv").touch()
    assert urls(f"file://{tmp_path}/a.csv") == [f"file://{tmp_path}/a.csv"]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path):
    assert urls(f"file://{tmp_path}/none/*.csv") == []


def test_other_file_systems_give_urls_that_begin_as_the_pattern():
    folder = uuid.uuid4().hex
    MemoryFileSystem().pipe_file(f"/{folder}/a.csv", b"1")
    try:
        assert urls(f"memory://{folder}/*.csv") == [f"memory://{folder}/a.csv"]
    finally:
        with contextlib.suppress(FileNotFoundError):
            MemoryFileSystem().rm(f"/{folder}", recursive=True)


@pytest.mark.server
def test_in_a_bucket_the_connection_stays_in_the_url(s3_options):
    import s3fs

    bucket = s3fs.S3FileSystem(**s3_options)
    folder = uuid.uuid4().hex
    for name in ("a.csv", "b.csv", "sub/c.csv"):
        bucket.pipe_file(f"artifacts/{folder}/{name}", b"123")

    def open_s3(uri):
        return s3fs.S3FileSystem(**s3_options), uri.replace("s3://conn@", "")

    found = find_files(f"s3://conn@artifacts/{folder}/*.csv", open_s3)
    assert [file.uri for file in found] == [f"s3://conn@artifacts/{folder}/{name}.csv" for name in "ab"]
    assert {file.nbytes for file in found} == {3}
    assert all(file.modified.tzinfo for file in found)


def test_what_a_file_system_raises_of_its_own_is_an_os_error(tmp_path):
    class OddError(Exception):
        pass

    class System:
        def invalidate_cache(self):
            raise OddError

    with pytest.raises(OSError, match="OddError"):
        find_files("odd://x", lambda uri: (System(), uri), Patience(attempts=1))
    with pytest.raises(StorageUnavailableError, match="no installed file system takes"):
        find_files("nothing://x/*")
