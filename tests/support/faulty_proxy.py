"""A proxy before a real S3 server that answers some requests wrongly, late or not at all."""

from __future__ import annotations

import http.client
import random
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple, Self

# What may happen to a request, each as often as the others.
FAULTS: Final = {
    "an error": ("500", "503"),
    "a drop": ("dropped before it is done", "dropped when it is done", "dropped half-way through the answer"),
    "a stall": ("never done", "done and never answered", "stalled half-way through the answer"),
}
_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}


class Request(NamedTuple):
    """What the proxy was asked."""

    method: str
    path: str


class Answer(NamedTuple):
    """What the server answered."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes


def _answer(status: int, reason: str, body: str, kind: str = "application/xml") -> Answer:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    return Answer(status, reason, headers, body.encode())


def _error(status: int, code: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{code}.</Message></Error>'
    return _answer(status, code, body)


# What the proxy answers in the server's place, by the name of the fault.
_ANSWERS: Final = {
    "500": _error(500, "InternalError"),
    "503": _error(503, "SlowDown"),
    "no bucket": _error(404, "NoSuchBucket"),
    "no S3": _answer(200, "OK", "<html>Please log in.</html>", "text/html"),
}

Decide = Callable[["Request"], str]


def no_fault(_: Request) -> str:
    """Every request is answered."""
    return ""


def faults_in(share: float, seed: int, kinds: tuple[str, ...] = tuple(FAULTS)) -> Decide:
    """A share of the requests has a fault, drawn with this seed."""
    draw = random.Random(seed)
    lock = threading.Lock()

    def decide(_: Request) -> str:
        with lock:
            return draw.choice(FAULTS[draw.choice(kinds)]) if draw.random() < share else ""

    return decide


class FaultyProxy(ThreadingHTTPServer):
    """A context manager: the proxy answers as long as it is open.

    Args:
        options: How s3fs reaches the server.
        decide: Which fault a request has; "" for none.
    """

    daemon_threads = True
    # Who is stalled waits for `_ended`, which comes before.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, options: dict[str, Any], decide: Decide = no_fault) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        client = options["client_kwargs"]
        self.address = client["endpoint_url"].removeprefix("http://")
        self.options = {
            **options,
            "client_kwargs": {**client, "endpoint_url": f"http://127.0.0.1:{self.server_port}"},
        }
        self.decide = decide
        self.requests: list[Request] = []
        self.faults: Counter[str] = Counter()
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def fault_of(self, request: Request) -> str:
        self.requests.append(request)
        fault = self.decide(request)
        if fault:
            self.faults[fault] += 1
        return fault

    def handle_error(self, *_: object) -> None:
        """A client that has hung up is what this is about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def _handle(self) -> None:
        body = self._body()
        fault = self.server.fault_of(Request(self.command, self.path))
        if fault in _ANSWERS:
            self._send(_ANSWERS[fault])
            return
        if fault == "never done":
            self.server.ended.wait()
        if fault in {"never done", "dropped before it is done"}:
            self.close_connection = True
            return
        answer = self._ask(body)
        if fault == "done and never answered":
            self.server.ended.wait()
        elif fault.endswith("half-way through the answer"):
            self._send(answer, half=True)
            if fault.startswith("stalled"):
                self.server.ended.wait()
        elif not fault:
            self._send(answer)
        self.close_connection = self.close_connection or bool(fault)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle  # noqa: N815  (the names that it looks for)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _ask(self, body: bytes) -> Answer:
        """The server's answer to the same request, whose signature is for the same host."""
        connection = http.client.HTTPConnection(self.server.address, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP:
                    connection.putheader(name, value)
            if body or self.command in {"PUT", "POST"}:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            content = response.read()
            headers = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP]
            size = response.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(content))
            return Answer(response.status, response.reason, [*headers, ("Content-Length", size)], content)
        finally:
            connection.close()

    def _send(self, answer: Answer, *, half: bool = False) -> None:
        head = f"HTTP/1.1 {answer.status} {answer.reason}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
        content = f"{head}\r\n".encode("latin-1") + (b"" if self.command == "HEAD" else answer.body)
        # Of an answer without a body, half of the headers.
        start = len(head) if half and len(answer.body) > 1 else 0
        self.wfile.write(content[: (start + len(content)) // 2] if half else content)
