from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_linepipe.errors import StandaloneError
from airflow_linepipe.testing.rest import RestClient


class Server(HTTPServer):
    """Gives the answers it was told to give, in order, and remembers what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = []
        self.asked = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, json.loads(body) if body else None))
        status, text = self.server.answers.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_PATCH = answer  # noqa: N815 - the names that http.server calls

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_the_segments_of_a_path_are_escaped(server):
    server.answers = [(200, '{"state": "success"}')]
    answer = RestClient(server.url).get("dags", "~", "dagRuns", "manual__2013-01-01T00:00:00+00:00/x", query={"a": "ü"})
    assert answer == {"state": "success"}
    assert server.asked[0][1] == "/api/v2/dags/~/dagRuns/manual__2013-01-01T00%3A00%3A00%2B00%3A00%2Fx?a=%C3%BC"


def test_a_collection_is_read_to_its_end(server):
    server.answers = [
        (200, json.dumps({"dags": [{"n": 1}, {"n": 2}], "total_entries": 101})),
        (200, json.dumps({"dags": [{"n": 3}], "total_entries": 101})),
    ]
    assert [entry["n"] for entry in RestClient(server.url).pages("dags", field="dags")] == [1, 2, 3]
    assert [parse_qs(urlsplit(path).query)["offset"] for _, path, _ in server.asked] == [["0"], ["100"]]


def test_a_busy_server_is_asked_again(server):
    server.answers = [(500, "database is locked"), (503, ""), (200, "1")]
    assert RestClient(server.url).get("x") == 1
    assert len(server.asked) == 3


def test_a_refusal_is_final_and_told_in_the_servers_words(server):
    server.answers = [(404, '{"detail": "no such DAG"}')]
    with pytest.raises(StandaloneError, match=r"answered http://.*/api/v2/x with 404 Not Found: no such DAG"):
        RestClient(server.url).get("x")
    assert len(server.asked) == 1


def test_patience_ends(server):
    server.answers = [(500, "<html>oops</html>")]
    with pytest.raises(StandaloneError, match="500 Internal Server Error: <html>oops"):
        RestClient(server.url, patience=0).get("x")


def test_a_server_that_is_not_there_is_an_error_that_says_where(unused_url):
    with pytest.raises(StandaloneError, match=rf"did not answer at {unused_url}/api/v2/x: .*refused"):
        RestClient(unused_url).get("x", patience=0.3)


def test_waiting_ends_when_the_check_says_that_it_is_in_vain(unused_url):
    def check():
        message = "it is dead"
        raise StandaloneError(message)

    with pytest.raises(StandaloneError, match="it is dead"):
        RestClient(unused_url, check=check).get("x")


def test_a_write_is_sent_once(server):
    server.answers = [(500, '{"detail": "oops"}'), (200, "{}")]
    with pytest.raises(StandaloneError, match="oops"):
        RestClient(server.url).write("POST", "dags", "a", body={"n": 1})
    assert server.asked == [("POST", "/api/v2/dags/a", {"n": 1})]


def test_a_proxy_of_the_callers_is_not_used(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    server.answers = [(200, "1")]
    assert RestClient(server.url).get("x", patience=0) == 1


@pytest.fixture
def unused_url():
    with Server() as unused:
        return unused.url
