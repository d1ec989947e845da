"""A small client of Airflow's REST API: JSON in, JSON out, patient with reads."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

from airflow_linepipe.errors import StandaloneError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["RestClient"]

_PAGE = 100
_RETRY_SECONDS = 0.25
_REQUEST_TIMEOUT = 30.0
_REFUSE: Final = object()


class RestClient:
    """Airflow's public REST API at one address, without authentication.

    Args:
        url: The server's address, such as "http://127.0.0.1:8080".
        patience: For how many seconds a read is repeated when the server does not answer or answers with an
            error of its own (5xx), as a busy SQLite database makes it do. Writes are never repeated.
        check: Called before a read is repeated; raises when waiting any longer is in vain.

    Attributes:
        url: As given.
        check: As given.
    """

    def __init__(self, url: str, *, patience: float = 15.0, check: Callable[[], None] = lambda: None) -> None:
        self.url = url
        self._patience = patience
        self.check = check
        # A proxy of the caller's has no way to this machine's loopback address.
        self._opener = build_opener(ProxyHandler({}))

    def get(
        self,
        *segments: str | int,
        query: Mapping[str, str | int] | None = None,
        patience: float | None = None,
        absent: Any = _REFUSE,
    ) -> Any:
        """Return what a path holds.

        Args:
            *segments: The path below ``/api/v2``; each segment is escaped.
            query: The query's fields.
            patience: Another patience for this read, in seconds.
            absent: What to return if the server says that there is no such thing (404); left out, that is an error.

        Returns:
            The decoded JSON.

        Raises:
            StandaloneError: If the server refuses, or has not answered within the patience.
        """
        deadline = time.monotonic() + (self._patience if patience is None else patience)
        address = self._address(segments, query or {})
        while True:
            try:
                return self._send(Request(address, headers={"Accept": "application/json"}))  # noqa: S310
            except (OSError, HTTPException) as error:
                refusal = _refusal(error, address)
                if absent is not _REFUSE and isinstance(error, HTTPError) and error.code == HTTPStatus.NOT_FOUND:
                    return absent
                if isinstance(error, HTTPError) and error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise refusal from error
                self.check()
                if time.monotonic() > deadline:
                    raise refusal from error
            time.sleep(_RETRY_SECONDS)

    def write(self, method: str, *segments: str | int, body: Mapping[str, Any]) -> Any:
        """Send a JSON object to a path and return the decoded answer.

        Args:
            method: "POST" or "PATCH".
            *segments: The path below ``/api/v2``; each segment is escaped.
            body: The object.

        Raises:
            StandaloneError: If the server refuses or does not answer.
        """
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        address = self._address(segments, {})
        try:
            return self._send(Request(address, json.dumps(body).encode(), headers, method=method))  # noqa: S310
        except (OSError, HTTPException) as error:
            raise _refusal(error, address) from error

    def pages(
        self, *segments: str | int, field: str, query: Mapping[str, str | int] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the entries of a collection, page by page.

        Args:
            *segments: The collection's path below ``/api/v2``.
            field: The answer's field that holds the entries.
            query: Further fields of the query.
        """
        offset = 0
        while True:
            answer = self.get(*segments, query={**(query or {}), "limit": _PAGE, "offset": offset})
            yield from answer[field]
            offset += _PAGE
            if offset >= answer["total_entries"]:
                return

    def _address(self, segments: tuple[str | int, ...], query: Mapping[str, str | int]) -> str:
        path = "/".join(quote(str(segment), safe="~") for segment in segments)
        return f"{self.url}/api/v2/{path}" + (f"?{urlencode(query)}" if query else "")

    def _send(self, request: Request) -> Any:
        with self._opener.open(request, timeout=_REQUEST_TIMEOUT) as answer:
            return json.load(answer)


def _refusal(error: Exception, address: str) -> StandaloneError:
    """Return the error that says what the server said, or that it said nothing."""
    if not isinstance(error, HTTPError):
        reason = error.reason if isinstance(error, URLError) else error
        return StandaloneError(f"Airflow did not answer at {address}: {reason}")
    with error:
        text = error.read().decode(errors="replace")
    try:
        detail = json.loads(text)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = text
    return StandaloneError(f"Airflow answered {address} with {error.code} {error.reason}: {detail}")
