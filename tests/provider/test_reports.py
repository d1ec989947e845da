"""The pages that the API server shows: only files of the run that is asked for, whatever an XCom says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fastapi import HTTPException

from airflow_linepipe.errors import HandoffError
from airflow_linepipe.handoff import Producer
from airflow_linepipe.hooks.handoff import open_exchange
from airflow_linepipe.plugin.reports import _read, _show


class Bomb:
    """Runs code when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture
def stored(airflow_db, tmp_path, monkeypatch):
    """Store a value as an output of a run: ``stored(value, run_id)`` gives its reference."""
    monkeypatch.setenv("AIRFLOW__LINEPIPE__STORAGE", (tmp_path / "storage").as_uri())

    def store(value, run_id="r"):
        producer = Producer(dag_id="d", run_id=run_id, task_id="check")
        with open_exchange() as exchange:
            return exchange.put(value, name="report", producer=producer)

    return store


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("<h1>fine</h1>")
    return path


def test_a_report_is_read(stored, page):
    assert _read(stored(page).to_wire(), "d", "r") == "<h1>fine</h1>"


def test_no_pickle_is_opened(stored, tmp_path):
    reference = stored(Bomb(tmp_path / "fired"))
    with pytest.raises(HandoffError, match="is not shown"):
        _read(reference.to_wire(), "d", "r")
    with pytest.raises(HandoffError):
        _read(replace(reference, codec="file", summary={"file": "x.html"}, digest="x:y").to_wire(), "d", "r")
    assert not (tmp_path / "fired").exists()


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "http://127.0.0.1:1/report.html",
        "{storage}/d/r/../../../secret.html",
        "{storage}/d/other/check/1/report.html",
        "{storage}/e/r/check/1/report.html",
    ],
)
def test_nothing_is_read_elsewhere(stored, page, tmp_path, uri):
    reference = replace(stored(page), uri=uri.format(storage=(tmp_path / "storage").as_uri()))
    with pytest.raises(HandoffError, match="is not shown: it is no file of this run"):
        _read(reference.to_wire(), "d", "r")


@pytest.mark.parametrize("name", ["a\x00b.html", "a\udcffb.html"])
def test_an_address_that_is_no_path_is_not_found(stored, page, tmp_path, name):
    reference = replace(stored(page), uri=f"{(tmp_path / 'storage').as_uri()}/d/r/check/1/{name}").to_wire()
    with pytest.raises(HTTPException) as refused:
        _show(reference, "d", "r", "check")
    assert refused.value.status_code == 404


@pytest.mark.parametrize("wire", [{}, 3, {"linepipe_artifact": 1}, [], "text", None])
def test_what_is_no_reference_is_an_error(stored, wire):
    with pytest.raises(HandoffError):
        _read(wire, "d", "r")
