"""What a function writes to and never reads is not what it is made of; all that it reads is."""

from __future__ import annotations

import textwrap

import pytest

from airflow_linepipe.fingerprint import fingerprint_function


class Tally:
    calls = 0

    def add(self, value):
        return value + 1


AUTHORED = """
import types
from collections import defaultdict
CALLS, OTHER, COUNTS, TOTAL, SEEN = [1], [2], {"a": 1}, 0, defaultdict(int)
kept = types.ModuleType("kept")
kept.CALLS, kept.COUNTS, kept.update = [], {}, len
"""
# The bodies of functions, and the variable whose content does not count.
WRITING = {
    "a call is noted": ("CALLS.append(x)", "CALLS"),
    "a call is noted in a loop": ("for item in x:\n    CALLS.extend([item or 2])", "CALLS"),
    "one of two is noted": ("CALLS.append(x if len(x) > 1 else None)", "CALLS"),
    "what is noted is computed": ("CALLS.append([str(item) for item in x])", "CALLS"),
    "it is noted if there is something": ("x and CALLS.append(1)", "CALLS"),
    "it is noted by an inner function": ("def note():\n    CALLS.append(x)\nnote()", "CALLS"),
    "it is noted in a block that handles errors": (
        "try:\n    CALLS.append(int(x))\nexcept ValueError:\n    pass",
        "CALLS",
    ),
    "a place is written": ("CALLS[0] = x", "CALLS"),
    "a count in place": ('COUNTS["a"] += 1', "COUNTS"),
    "a count that may be missing": ('COUNTS["a"] = COUNTS.get("a", 0) + 1', "COUNTS"),
    "a count with a default": ("SEEN[x[0]] += 1", "SEEN"),
    "a number of calls": ("global TOTAL\nTOTAL += 1", "TOTAL"),
    "a list in another module": ("kept.CALLS.append(x)", "kept.CALLS"),
    "a dict in another module": ('kept.COUNTS["a"] = kept.COUNTS.get("a", 0) + 1', "kept.COUNTS"),
}
READING = {
    "it is returned": ("global TOTAL\nTOTAL += 1\nreturn TOTAL", "TOTAL"),
    "a memo": ("if x not in COUNTS:\n    COUNTS[x] = 2\nreturn COUNTS[x]", "COUNTS"),
    "what is taken from it is returned": ("return CALLS.pop()", "CALLS"),
    "what is taken from it is kept": ("y = CALLS.pop()", "CALLS"),
    "it is noted elsewhere": ("CALLS.append(OTHER)\nOTHER.append(1)", "OTHER"),
    "an item of it is noted elsewhere": ("CALLS.append(OTHER[0])\nOTHER.append(1)", "OTHER"),
    "another function gets it": ("len(CALLS)\nCALLS.append(1)", "CALLS"),
    "another function gets its items": ("print(*CALLS)\nCALLS.append(1)", "CALLS"),
    "it is iterated over": ("for item in CALLS:\n    pass\nCALLS.append(1)", "CALLS"),
    "it decides": ("if CALLS:\n    return 1\nCALLS.append(1)", "CALLS"),
    "its failing decides": ("try:\n    COUNTS[x] += 1\nexcept KeyError:\n    return 1", "COUNTS"),
    "its failing is caught": ("import contextlib\nwith contextlib.suppress(IndexError):\n    CALLS.pop()", "CALLS"),
    "it is yielded": ("CALLS.append(1)\nyield CALLS", "CALLS"),
    "an inner function reads it": ("CALLS.append(1)\nreturn lambda: CALLS", "CALLS"),
    "a default is made of it": ("CALLS.append(1)\nreturn lambda y=CALLS: y", "CALLS"),
    "a text is made of it": ("CALLS.append(1)\nreturn f'{CALLS}'", "CALLS"),
    "a local variable has its name inside": (
        "def inner():\n    TOTAL = 1\n    return lambda: TOTAL\nreturn inner()() + TOTAL",
        "TOTAL",
    ),
    "a list in another module is returned": ("kept.CALLS.append(x)\nreturn kept.CALLS", "kept.CALLS"),
    "another variable of its module is made of it": ("kept.CALLS.append(x)\nkept.MORE = kept.CALLS", "kept.CALLS"),
    "a function of its module gets it": ("kept.CALLS.append(x)\nreturn kept.update(kept.CALLS)", "kept.CALLS"),
    "another module is returned": ("kept.CALLS.append(x)\nreturn kept", "kept.CALLS"),
}


def before_and_after(body: str, variable: str):
    """Fingerprints of a function before and after a variable has another content."""
    space = {"__name__": "authored"}
    exec(f"{AUTHORED}\ndef node(x):\n{textwrap.indent(body, '    ')}\n    return x\n", space)
    before = fingerprint_function(space["node"])
    *path, name = variable.split(".")
    home = vars(space[path[0]]) if path else space
    home[name] = home[name] + [3] if isinstance(home[name], list) else 7 if name == "TOTAL" else type(home[name])()
    if name == "COUNTS":
        home[name]["b"] = 1
    if name == "SEEN":
        home[name].update(b=1)
    return before, fingerprint_function(space["node"])


@pytest.mark.parametrize(("body", "variable"), WRITING.values(), ids=WRITING.keys())
def test_what_a_function_only_writes_to_is_not_what_it_is_made_of(body, variable):
    before, after = before_and_after(body, variable)
    assert before.unknown == ()
    assert after == before


@pytest.mark.parametrize(("body", "variable"), READING.values(), ids=READING.keys())
def test_what_a_function_reads_counts_if_it_writes_to_it_as_well(body, variable):
    before, after = before_and_after(body, variable)
    assert after.digest != before.digest


def noting(calls, total):
    def node(value):
        nonlocal total
        total += 1
        calls.append(value)
        return value

    return node


def counting_on(total):
    def node(value):
        nonlocal total
        total += value
        return total

    return node


def test_what_a_function_around_it_keeps_for_it_does_not_count_either():
    assert fingerprint_function(noting([], 0)) == fingerprint_function(noting([1], 2))
    assert fingerprint_function(counting_on(1)).digest != fingerprint_function(counting_on(5)).digest


TALLY = Tally()


def setting_an_attribute(value):
    TALLY.calls += 1
    return value


def calling_a_method(value):
    TALLY.add(value)
    return value


def test_the_state_of_an_object_counts_unless_only_its_attributes_are_written(monkeypatch):
    setting, calling = fingerprint_function(setting_an_attribute), fingerprint_function(calling_a_method)
    monkeypatch.setattr(TALLY, "calls", 7)
    assert fingerprint_function(setting_an_attribute) == setting
    assert fingerprint_function(calling_a_method).digest != calling.digest
    monkeypatch.setattr(Tally, "__setattr__", lambda self, name, value: None, raising=False)
    assert fingerprint_function(setting_an_attribute).digest != setting.digest
