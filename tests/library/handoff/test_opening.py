"""Which URLs are storages, and which store an artifact's URI belongs to."""

from __future__ import annotations

import dataclasses
import importlib
import sys

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_linepipe.errors import HandoffError, SettingError, StorageUnavailableError
from airflow_linepipe.handoff import Exchange, check_storage, open_store
from airflow_linepipe.handoff.stores.local import LocalStore
from airflow_linepipe.handoff.stores.remote import FsspecStore

registry = importlib.import_module("fsspec.registry")  # fsspec has a mapping of the same name


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("file:///data/linepipe", "file:///data/linepipe"),
        ("file:///data/linepipe/", "file:///data/linepipe"),
        ("/data/linepipe", "file:///data/linepipe"),
        ("memory://linepipe//", "memory://linepipe"),
        ("s3://conn@bucket/prefix", "s3://conn@bucket/prefix"),
        ("local:///data", "local:///data"),
    ],
)
def test_a_storage_url_is_taken_and_ends_without_a_slash(url, checked):
    assert check_storage(url) == checked
    assert Exchange(url).storage == checked


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "The storage '' is no URL: write /absolute/path, s3://bucket/prefix or the like"),
        ("data", "The storage 'data' is no URL"),
        ("./data", "is no URL"),
        ("~/data", "is no URL"),
        ("s3:/bucket", "is no URL"),
        ("://bucket", "is no URL"),
        ("s3://", "is no URL"),
        ("s3:///", "is no URL"),
        ("file://", "is no URL"),
        ("file:///", "is no URL"),
        ("file://data/linepipe", "is a relative path: write file:///absolute/path"),
        ("file://./data", "is a relative path"),
        ("file://~/data", "is a relative path"),
    ],
)
def test_what_is_no_storage_url_is_refused(url, message):
    with pytest.raises(SettingError) as caught:
        check_storage(url)
    assert message in str(caught.value)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("gs://bucket/x", "apache-airflow-providers-google (or gcsfs)"),
        ("gcs://bucket/x", "apache-airflow-providers-google (or gcsfs)"),
        ("abfs://container/x", "apache-airflow-providers-microsoft-azure (or adlfs)"),
        ("abfss://container/x", "apache-airflow-providers-microsoft-azure (or adlfs)"),
        ("az://container/x", "adlfs"),
        ("s3://bucket/x", "apache-airflow-providers-amazon[s3fs]"),
        ("s3a://bucket/x", "apache-airflow-providers-amazon[s3fs]"),
        ("hf://datasets/x", "huggingface"),
    ],
)
def test_a_file_system_that_is_not_installed_is_named_with_its_package(url, advice, monkeypatch):
    for package in ("gcsfs", "adlfs", "s3fs", "huggingface_hub"):
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(registry._registry, url.partition("://")[0], raising=False)  # what was imported before
    with pytest.raises(StorageUnavailableError) as caught:
        check_storage(url)
    assert f"The file system of the storage '{url}' is not installed: " in str(caught.value)
    assert advice in str(caught.value)
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, HandoffError)


@pytest.mark.parametrize("url", ["nonsense://x/y", "S3X://x", "simplecache::s3://x/y"])
def test_a_scheme_that_nobody_knows_is_named(url):
    scheme = url.partition("://")[0]
    with pytest.raises(
        StorageUnavailableError, match=f"has the scheme '{scheme}', which no installed file system takes"
    ):
        check_storage(url)


def test_a_reference_to_a_storage_that_is_not_installed_here_is_reported_when_it_is_read(
    exchange, producer, monkeypatch
):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    reference = dataclasses.replace(exchange.put(1, name="x", producer=producer), uri="gs://bucket/x.json")
    with pytest.raises(StorageUnavailableError, match="install apache-airflow-providers-google"):
        exchange.get(reference)


@pytest.mark.parametrize("use", [check_storage, lambda url: open_store(url).read(url)], ids=["checked", "opened"])
def test_a_file_system_of_fsspecs_own_that_lacks_its_package_is_reported(use, monkeypatch):
    monkeypatch.setitem(sys.modules, "paramiko", None)
    monkeypatch.delitem(sys.modules, "fsspec.implementations.sftp", raising=False)
    monkeypatch.delitem(registry._registry, "sftp", raising=False)
    with pytest.raises(StorageUnavailableError, match="storage 'sftp://host/x' is not installed: .*paramiko"):
        use("sftp://host/x")


def test_the_scheme_chooses_the_store():
    assert isinstance(open_store("file:///data/x"), LocalStore)
    assert isinstance(open_store("memory://data/x"), FsspecStore)


def test_the_airflow_half_can_say_how_a_file_system_is_opened(producer):
    opened = []

    def open_with_connection(uri):
        opened.append(uri)
        return MemoryFileSystem(), uri.replace("memory://conn@", "/")

    exchange = Exchange("memory://conn@bucket", open_store=lambda uri: open_store(uri, open_with_connection))
    reference = exchange.put(5, name="x", producer=producer)
    assert exchange.get(reference) == 5
    assert opened == [reference.uri, reference.uri]
    assert reference.uri.startswith("memory://conn@bucket/flights/")


@pytest.mark.parametrize("url", ["s3://key:secret@bucket/prefix", "sftp://me:secret@host/folder", "ftp://:secret@host"])
def test_a_password_in_the_storage_is_refused_and_not_repeated(url):
    with pytest.raises(SettingError, match=r"holds a password: put it into an Airflow connection") as caught:
        check_storage(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/data//runs/", "file:///data/runs"),
        ("file:///data/./runs", "file:///data/runs"),
        ("memory://a//b/", "memory://a/b"),
    ],
)
def test_a_storage_has_one_spelling(url, expected):
    assert check_storage(url) == expected


def test_a_storage_does_not_lead_upwards():
    with pytest.raises(SettingError, match=r"has '\.\.' in it: write the path that it leads to"):
        check_storage("file:///data/../runs")
