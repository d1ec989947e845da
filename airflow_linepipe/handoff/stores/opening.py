"""Which store a URI belongs to; whether a storage URL can be used at all."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from airflow_linepipe.errors import SettingError, StorageUnavailableError
from airflow_linepipe.handoff.stores.local import LocalStore
from airflow_linepipe.handoff.stores.remote import FsspecStore, OpenFileSystem

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from airflow_linepipe.handoff.stores.patience import Patience
    from airflow_linepipe.handoff.stores.store import Store

__all__ = ["check_storage", "open_file_system", "open_store"]

_PROVIDERS: Final = {
    "s3": "apache-airflow-providers-amazon[s3fs]",
    "s3a": "apache-airflow-providers-amazon[s3fs]",
    "gs": "apache-airflow-providers-google (or gcsfs)",
    "gcs": "apache-airflow-providers-google (or gcsfs)",
    "abfs": "apache-airflow-providers-microsoft-azure (or adlfs)",
    "abfss": "apache-airflow-providers-microsoft-azure (or adlfs)",
    "az": "adlfs",
}


def check_storage(url: str) -> str:
    """Check a storage URL without touching the storage.

    Args:
        url: ``file:///absolute/path`` or ``scheme://…`` of any file system fsspec knows.

    Returns:
        The URL without a trailing slash, a double one or "/./"; an absolute path becomes a ``file://`` URL.

    Raises:
        SettingError: It is no URL, a relative path, or holds a password.
        StorageUnavailableError: Its file system is not known or not installed.
    """
    # What authors write is not always what the annotation asks for.
    written: object = url
    if not isinstance(written, str):
        message = f"The storage {written!r} is no URL: write /absolute/path, s3://bucket/prefix or the like."
        raise SettingError(message)
    if url.startswith("/"):
        url = f"file://{url}"
    scheme, separator, rest = url.partition("://")
    if not separator or not scheme or not rest.strip("/"):
        message = f"The storage '{url}' is no URL: write /absolute/path, s3://bucket/prefix or the like."
        raise SettingError(message)
    if scheme == "file" and not rest.startswith("/"):
        message = f"The storage '{url}' is a relative path: write file:///absolute/path."
        raise SettingError(message)
    login, _, host = rest.partition("/")[0].rpartition("@")
    if ":" in login:
        # The URL stands in every reference, in logs and in errors.
        message = (
            f"The storage '{scheme}://…@{host}' holds a password: put it into an Airflow connection and write "
            f"{scheme}://connection_id@{host}."
        )
        raise SettingError(message)
    if scheme != "file":
        _check_scheme(scheme, url)
    # One spelling: what is in use or published is known by its URI.
    head, *folders = rest.split("/")
    if ".." in folders:
        message = f"The storage '{url}' has '..' in it: write the path that it leads to."
        raise SettingError(message)
    return f"{scheme}://" + "/".join([head, *(folder for folder in folders if folder not in ("", "."))])


def open_file_system(uri: str) -> tuple[AbstractFileSystem, str]:
    """The way of fsspec itself: the file system of a URI, by its scheme and the environment's credentials.

    Raises:
        StorageUnavailableError: It is not installed.
    """
    import fsspec

    _check_scheme(uri.partition("://")[0], uri)
    try:
        file_system, path = fsspec.url_to_fs(uri)
    except ImportError as error:  # fsspec has the file system itself, and not what it stands on
        raise _not_installed(uri, str(error)) from error
    return file_system, path


def open_store(
    uri: str, open_file_system: OpenFileSystem = open_file_system, patience: Patience | None = None
) -> Store:
    """The store that a URI belongs to.

    Args:
        uri: An artifact's URI or a storage URL.
        open_file_system: How a file system is opened; the Airflow half passes one that knows connections.
        patience: How long to wait for an answer of the storage, and how often to ask again.
    """
    return LocalStore() if uri.startswith("file://") else FsspecStore(open_file_system, patience)


def _check_scheme(scheme: str, url: str) -> None:
    """Look the scheme up, without importing another package's file system: that may take a second."""
    from fsspec.registry import get_filesystem_class, known_implementations, registry

    implementation = known_implementations.get(scheme, {"class": ""})
    module = implementation["class"].partition(".")[0]
    if module == "fsspec" and "err" in implementation:
        # fsspec brings the file system itself, and only its import shows whether what it stands on is there.
        try:
            get_filesystem_class(scheme)
        except ImportError as error:
            raise _not_installed(url, str(error)) from error
    if scheme in registry or (module and find_spec(module)):
        return
    if not module and scheme not in _PROVIDERS:
        message = f"The storage '{url}' has the scheme '{scheme}', which no installed file system takes."
        raise StorageUnavailableError(message)
    hint = _PROVIDERS.get(scheme)
    raise _not_installed(url, f"install {hint}" if hint else implementation.get("err", ""))


def _not_installed(url: str, advice: str) -> StorageUnavailableError:
    message = f"The file system of the storage '{url}' is not installed: {advice.rstrip('.')}."
    return StorageUnavailableError(message)
