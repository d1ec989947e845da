"""What was published under a name: signed records, each read once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from airflow_linepipe.errors import InvalidReferenceError, StorageFaultError, UntrustedEntryError
from airflow_linepipe.handoff.layout import Producer
from airflow_linepipe.handoff.reference import Json, references_in
from airflow_linepipe.handoff.retention.claims import RECORD_TIME, publications_url
from airflow_linepipe.handoff.seal import Seal
from airflow_linepipe.handoff.stores import Store

__all__ = ["Publications", "PublishedArtifact"]

_RECORD: Final = re.compile(r"\d{8}T\d{6}\.\d{6}-[0-9a-f]{8}\.json")


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedArtifact:
    """One time that an output was published.

    Attributes:
        record: The name of its record; of two, the later one's is greater.
        name: The asset's name.
        time: When, by the clock of the worker that published it.
        producer: The task that did; of a mapped task without its index.
        reference: The output's reference on the wire, or a list or dict of such.
    """

    record: str
    name: str
    time: datetime
    producer: Producer
    reference: Json


class Publications:
    """What was published under one name, as far as its records are signed.

    The folder is listed each time. A record is read once, and only if its name says that it is new enough. All times
    are those of the publishing workers' clocks: of two workers whose clocks differ by a second, the later publication
    may have the earlier time, and what is newer than a time may appear that much too late or too early.

    Args:
        storage: The storage's URL.
        name: The asset's name.
        secret: Gives what has signed the records that are believed; "" to believe none.
        open_store: Gives the store of a URI.
        on_untrusted: Is told, once for each record that is not believed, where it lies and why.
    """

    def __init__(
        self,
        storage: str,
        name: str,
        *,
        secret: Callable[[], str],
        open_store: Callable[[str], Store],
        on_untrusted: Callable[[str, str], None] = lambda record, problem: None,  # noqa: ARG005
    ) -> None:
        self.name = name
        self._folder = publications_url(storage, name)
        self._secret = secret
        self._open_store = open_store
        self._on_untrusted = on_untrusted
        self._believed: dict[str, PublishedArtifact] = {}
        self._untrusted: dict[str, str] = {}

    def newer_than(self, moment: datetime | None = None) -> list[PublishedArtifact]:
        """The publications after a moment, newest last; all of them without one.

        Raises:
            StorageFaultError: The storage failed.
        """
        return list(self.newest_first(moment))[::-1]

    def newest_first(self, moment: datetime | None = None) -> Iterator[PublishedArtifact]:
        """The same, newest first, each read when it is its turn."""
        after = "" if moment is None else f"{moment.astimezone(UTC):{RECORD_TIME}}~"
        yield from self.read([record for record in reversed(self.records()) if record > after])

    def records(self) -> list[str]:
        """The names of all records, oldest first; none is read."""
        try:
            walked = list(self._open_store(self._folder).walk(self._folder))
        except OSError as error:
            raise self._fault(self._folder, error) from error
        records = sorted({name for stored in walked if _RECORD.fullmatch(name := stored.uri.rpartition("/")[2])})
        for memory in (self._believed, self._untrusted):
            for gone in memory.keys() - set(records):
                del memory[gone]
        return records

    def read(self, records: list[str]) -> Iterator[PublishedArtifact]:
        """What these records tell, in their order, without those that are not believed or not there any more.

        Raises:
            StorageFaultError: The storage failed.
        """
        secret = ""
        for record in records:
            if record not in self._believed:
                secret = secret or self._secret()
                # The same secret finds the same; a record that another one has signed is looked at again.
                if self._untrusted.get(record) == (secret or "none") or not self._learn(record, secret):
                    continue
            yield self._believed[record]

    def _learn(self, record: str, secret: str) -> bool:
        uri = f"{self._folder}/{record}"
        try:
            content = bytes(self._open_store(uri).read(uri))
            if not secret:
                _distrust("there is no secret yet with which it could be signed")
            self._believed[record] = self._opened(record, Seal(secret).open(content))
        except FileNotFoundError:
            return False
        except UntrustedEntryError as error:
            self._untrusted[record] = secret or "none"
            self._on_untrusted(uri, str(error))
            return False
        except OSError as error:
            raise self._fault(uri, error) from error
        return True

    def _opened(self, record: str, content: dict[str, Any]) -> PublishedArtifact:
        if content.get("record") != record:
            _distrust("it is a copy of another record")
        try:
            name, producer, reference = content["asset"]["name"], Producer(**content["producer"]), content["published"]
            list(references_in(reference))
            time = datetime.fromisoformat(content["time"])
        except (KeyError, TypeError, ValueError, AttributeError, InvalidReferenceError) as error:
            message = f"another version of airflow-linepipe has written it ({type(error).__name__}: {error})"
            raise UntrustedEntryError(message) from error
        if name != self.name:
            _distrust(f"it is a copy of a record of '{name}'")
        return PublishedArtifact(record=record, name=name, time=time, producer=producer, reference=reference)

    def _fault(self, uri: str, error: OSError) -> StorageFaultError:
        message = f"What was published as '{self.name}' cannot be read at {uri}: {type(error).__name__}: {error}."
        return StorageFaultError(message)


def _distrust(problem: str) -> None:
    raise UntrustedEntryError(problem)
