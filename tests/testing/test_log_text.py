from __future__ import annotations

from airflow_linepipe.testing.log_text import render_log

STAMP = "2026-11-21T03:55:15.247578Z"


def entry(event, **fields):
    return {"timestamp": STAMP, "event": event, "level": "info", "logger": "task", **fields}


def error(kind, value, **fields):
    return {"exc_type": kind, "exc_value": value, "frames": [], "is_cause": False, "exceptions": [], **fields}


def test_an_entry_is_a_line_with_its_extra_fields():
    log = render_log([entry("wrote it", level="warning", rows=3, uri="s3://x", task_id="t", lineno=5)])
    assert log == "03:55:15.247 WARNING  wrote it rows=3 uri='s3://x'"


def test_folding_and_the_places_it_was_read_from_are_left_out():
    assert render_log([{"event": "::group::Log"}, {"event": "/a/file.log"}, entry("::endgroup::"), "raw"]) == "raw"


def test_a_traceback_reads_as_python_prints_it():
    frame = {"filename": __file__, "lineno": 1, "name": "f"}
    chain = [error("ValueError", "bad", frames=[frame]), error("KeyError", "'k'", is_cause=True)]
    assert render_log([entry("failed", error_detail=chain)]).splitlines()[1:] == [
        "Traceback (most recent call last):",
        "KeyError: 'k'",
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        "Traceback (most recent call last):",
        f'  File "{__file__}", line 1, in f',
        "    from __future__ import annotations",
        "ValueError: bad",
    ]


def test_an_exception_during_the_handling_of_another_is_told_apart_from_a_cause():
    log = render_log([entry("failed", error_detail=[error("ValueError", "bad"), error("KeyError", "'k'")])])
    assert "During handling of the above exception, another exception occurred:" in log


def test_notes_and_the_members_of_a_group_are_shown():
    group = error("ExceptionGroup", "two", exc_notes=["a note"], exceptions=[[error("OSError", "disk")]])
    assert render_log([entry("failed", error_detail=[group])]).splitlines()[2:] == [
        "ExceptionGroup: two",
        "a note",
        "  exception 1 of the group:",
        "  Traceback (most recent call last):",
        "  OSError: disk",
    ]
