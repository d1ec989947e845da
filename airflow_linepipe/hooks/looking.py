"""One look at what somebody waits for, wherever Airflow's connections and variables can be read."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow_linepipe import settings
from airflow_linepipe.errors import SettingError
from airflow_linepipe.handoff import (
    Json,
    Publications,
    PublishedArtifact,
    StoredObject,
    check_storage,
    find_files,
    storage_error,
)
from airflow_linepipe.hooks.secret import known_secret
from airflow_linepipe.hooks.storage import open_file_system, open_store
from airflow_linepipe.hooks.wanted import Wanted, plain_value

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

__all__ = ["CLOCKS", "MARK_TIME", "Look", "Sighting", "look_for", "search"]

logger = logging.getLogger(__name__)

# How far the clocks of two workers may be apart before something published is overlooked.
CLOCKS: Final = timedelta(hours=1)
# What the mark of something published begins with.
MARK_TIME: Final = "%Y%m%dT%H%M%S.%f"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """One thing that a look has found.

    Attributes:
        mark: What tells it from everything else, and from itself after a change.
        thing: The artifact, the file or the value.
    """

    mark: str
    thing: Any

    def admitted(self, wanted: Wanted) -> bool:
        """Whether this is what is waited for."""
        match self.thing:
            case PublishedArtifact(time=time, reference=reference):
                return (wanted.after is None or time > wanted.after) and wanted.fulfilled_by(reference)
            case StoredObject(modified=modified):
                return wanted.after is None or modified > wanted.after
            case value:
                return wanted.admits_value(value)

    def to_dict(self) -> dict[str, Json]:
        """What an event tells of it."""
        match self.thing:
            case PublishedArtifact() as published:
                told = {name: value for name, value in asdict(published.producer).items() if name.endswith("_id")}
                when = published.time.isoformat()
                return {"name": published.name, "time": when, "producer": told, "reference": published.reference}
            case StoredObject() as file:
                return {"uri": file.uri, "nbytes": file.nbytes, "modified": file.modified.isoformat()}
            case value:
                return {"value": plain_value(value)}


class Look(ABC):
    """Looks for one thing, again and again; several threads may ask for it.

    Attributes:
        place: Where it looks; what is new enough is another matter.
        settles: Whether what is found may still grow, so that only what two looks find alike is whole.
        is_history: Whether marks sort by time, so that old ones need not be remembered.
        is_single: Whether a mark takes the place of the one before.
    """

    settles: ClassVar[bool] = False
    is_history: ClassVar[bool] = False
    is_single: ClassVar[bool] = False

    def __init__(self, *place: str) -> None:
        self.place = (type(self).__name__, *place)
        self._lock = threading.Lock()

    def look(self) -> tuple[Sighting, ...]:
        """What is there now, in a fixed order.

        Raises:
            Exception: Whatever the storage, the database or Airflow raises.
        """
        with self._lock:
            return tuple(self._find())

    def begin(self, after: datetime) -> None:  # noqa: B027  (most find everything anyway)
        """Say that nobody is interested in what is older than this; the oldest that anybody says holds."""

    @abstractmethod
    def _find(self) -> Iterator[Sighting]: ...


class ArtifactLook(Look):
    """Looks for what was published under a name: the records are listed each time, and each new one is read once."""

    is_history = True

    def __init__(self, storage: str, name: str) -> None:
        super().__init__(storage, name)
        self.publications = Publications(
            storage, name, secret=known_secret, open_store=open_store, on_untrusted=_warn_of_forgery
        )
        self._after: datetime | None = None
        self._listed: frozenset[str] | None = None
        self._wanted: set[str] = set()

    def begin(self, after: datetime) -> None:
        """See `Look.begin`."""
        # Without the lock: a look may take long, and this is called where nothing may wait.
        if self._after is None or after < self._after:
            self._after = after

    def _find(self) -> Iterator[Sighting]:
        records = self.publications.records()
        floor = "" if self._after is None else f"{self._after.astimezone(UTC):{MARK_TIME}}"
        # By the name of its record one may be old and yet have come just now: a clock is slow.
        self._wanted |= {record for record in records if record > floor} | (
            set() if self._listed is None else {record for record in records if record not in self._listed}
        )
        self._listed = frozenset(records)
        self._wanted &= self._listed
        for published in self.publications.read(sorted(self._wanted)):
            yield Sighting(mark=published.record.removesuffix(".json"), thing=published)


class FileLook(Look):
    """Looks for the files that a pattern matches; a change of size or time makes a file a new one."""

    settles = True

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._url = url

    def _find(self) -> Iterator[Sighting]:
        for file in matching_files(self._url):
            text = f"{file.uri} {file.nbytes} {file.modified.isoformat()}"
            yield Sighting(mark=urlsafe_b64encode(sha256(text.encode()).digest()[:9]).decode(), thing=file)


class QueryLook(Look):
    """Looks for the first value of a query's first row; NULL is nothing."""

    is_single = True

    def __init__(self, conn_id: str, sql: str) -> None:
        super().__init__(conn_id, sql)
        self._conn_id = conn_id
        self._sql = sql

    def _find(self) -> Iterator[Sighting]:
        value = first_value(self._conn_id, self._sql)
        if value is not None:
            yield Sighting(mark=f"{plain_value(value)!s:.1000}", thing=value)


def look_for(wanted: Wanted) -> Look:
    """How to look for what is waited for.

    Raises:
        SettingError: Its path is no URL.
    """
    if wanted.name is not None:
        return ArtifactLook(_storage(wanted), wanted.name)
    return FileLook(wanted.url) if wanted.path is not None else QueryLook(wanted.conn_id, wanted.sql)


def search(wanted: Wanted) -> tuple[bool, Json]:
    """Look once.

    Returns:
        Whether it is there, and if so the newest artifact's reference, the files' URLs, or the query's value.

    Raises:
        SettingError: The time, the path or the connection cannot be used.
        StorageFaultError: The storage failed.
        StorageDeniedError: The storage does not allow it.
        Exception: Whatever the database raises.
    """
    if wanted.name is not None:
        look = ArtifactLook(_storage(wanted), wanted.name)
        for published in look.publications.newest_first(wanted.after):
            if wanted.fulfilled_by(published.reference):
                logger.info("Found what %s published at %s.", published.producer, published.time.isoformat())
                return True, published.reference
        return False, None
    found = [sighting.thing for sighting in look_for(wanted).look() if sighting.admitted(wanted)]
    if wanted.path is not None:
        return bool(found), [file.uri for file in found]
    return bool(found), plain_value(found[0]) if found else None


def matching_files(url: str) -> list[StoredObject]:
    """The files that a pattern matches, through the connection it names.

    Raises:
        StorageUnavailableError: Nothing opens it with a connection, or there is no such connection.
        StorageDeniedError: The file system does not allow it.
        StorageFaultError: It failed in another way.
    """
    try:
        return find_files(url, open_file_system, settings.patience())
    except OSError as error:
        raise storage_error(error, f"The files at {url} cannot be listed") from error


def first_value(conn_id: str, sql: str) -> Any:
    """The first value of the first row that a query gives through a connection; None if it gives no row.

    Raises:
        SettingError: The connection's hook asks no queries.
        AirflowNotFoundException: Airflow has no such connection.
        Exception: Whatever the database raises.
    """
    from airflow.sdk import BaseHook

    hook: DbApiHook = BaseHook.get_connection(conn_id).get_hook()  # type: ignore[no-untyped-call]
    if not hasattr(hook, "get_first"):
        message = f"The connection '{conn_id}' opens a {type(hook).__name__}, which asks no SQL queries."
        raise SettingError(message)
    row = hook.get_first(sql)
    return row[0] if row else None


def _storage(wanted: Wanted) -> str:
    return check_storage(wanted.storage or settings.storage())


def _warn_of_forgery(record: str, problem: str) -> None:
    logger.warning("Passed over %s, which says that something was published: %s.", record, problem)
