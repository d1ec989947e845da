"""The reference on the wire (design 4.1)."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest

from airflow_linepipe.errors import HandoffError, InvalidReferenceError, UnsupportedVersionError
from airflow_linepipe.handoff import ABSENT, ArtifactRef, is_reference
from airflow_linepipe.handoff.reference import MAX_REFERENCE_BYTES, printable

WIRE = {
    "linepipe_artifact": 1,
    "name": "features",
    "uri": "s3://conn@bucket/root/flights/run/clean/1/features.arrow",
    "codec": "arrow",
    "type": "pandas.DataFrame",
    "nbytes": 5120311,
    "digest": "blake3:00ff",
    "summary": {"rows": 28104, "columns": {"carrier": "str", "late": "bool"}},
    "value": 0.93,
}


def reference(**changes):
    return dataclasses.replace(ArtifactRef.from_wire(WIRE), **changes)


def test_the_wire_form_is_the_one_of_the_design_in_its_order():
    made = ArtifactRef(**{key: value for key, value in WIRE.items() if key != "linepipe_artifact"})
    assert made.to_wire() == WIRE
    assert list(made.to_wire()) == list(WIRE)


def test_a_reference_comes_back_from_the_wire():
    assert ArtifactRef.from_wire(json.loads(json.dumps(WIRE))).to_wire() == WIRE
    assert ArtifactRef.from_wire(WIRE) == reference()


def test_without_an_inline_value_the_wire_has_no_key_for_it():
    wire = reference(value=ABSENT).to_wire()
    assert "value" not in wire
    assert ArtifactRef.from_wire(wire).value is ABSENT
    assert repr(ABSENT) == "ABSENT"


def test_the_inline_value_none_is_not_the_same_as_none_at_all():
    wire = reference(value=None).to_wire()
    assert wire["value"] is None
    assert ArtifactRef.from_wire(wire).value is None


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "text", [], [1, [None]], {"a": {"b": [1.5, "x"]}}], ids=repr)
def test_any_small_json_value_can_be_inline(value):
    assert ArtifactRef.from_wire(json.loads(json.dumps(reference(value=value).to_wire()))).value == value


def without(key):
    return {name: value for name, value in WIRE.items() if name != key}


MALFORMED = {
    "text": ("features", "Expected an artifact reference"),
    "nothing": (None, "not None"),
    "a list": ([WIRE], "Expected an artifact reference"),
    "another dict": ({"name": "features"}, "a dict with the key 'linepipe_artifact'"),
    "newer version": (WIRE | {"linepipe_artifact": 2}, "version 2 .* reads version 1: upgrade airflow-linepipe"),
    "older version": (WIRE | {"linepipe_artifact": 0}, "version 0"),
    "version as text": (WIRE | {"linepipe_artifact": "1"}, "version '1'"),
    "version as boolean": (WIRE | {"linepipe_artifact": True}, "version True"),
    "version missing its value": (WIRE | {"linepipe_artifact": None}, "version None"),
    **{f"no {key}": (without(key), f"'{key}' is missing") for key in WIRE if key not in ("linepipe_artifact", "value")},
    "unknown field": (WIRE | {"schema": 1}, "'schema' is no field of it"),
    "unknown field that is no text": (WIRE | {5: 1}, "'5' is no field of it"),
    "name is a number": (WIRE | {"name": 5}, "'name' is 5, not str"),
    "uri is nothing": (WIRE | {"uri": None}, "'uri' is None, not str"),
    "codec is a list": (WIRE | {"codec": ["arrow"]}, "'codec' is .*, not str"),
    "type is a number": (WIRE | {"type": 1}, "'type' is 1, not str"),
    "digest is bytes": (WIRE | {"digest": b"x"}, "'digest' is b'x', not str"),
    "nbytes is text": (WIRE | {"nbytes": "5"}, "'nbytes' is '5', not int"),
    "nbytes is a float": (WIRE | {"nbytes": 5.0}, "'nbytes' is 5.0, not int"),
    "nbytes is a boolean": (WIRE | {"nbytes": True}, "'nbytes' is True, not int"),
    "nbytes is negative": (WIRE | {"nbytes": -1}, "'nbytes' is -1"),
    "summary is a list": (WIRE | {"summary": []}, r"'summary' is \[\], not dict"),
    "value is NaN": (WIRE | {"value": math.nan}, "not plain JSON"),
    "value holds an infinity": (WIRE | {"value": {"a": [math.inf]}}, "not plain JSON"),
    "value is an object": (WIRE | {"value": object()}, "not plain JSON"),
    "value is a tuple": (WIRE | {"value": (1, 2)}, "JSON does not give it back unchanged"),
    "summary has other keys than text": (WIRE | {"summary": {1: 2}}, "JSON does not give it back unchanged"),
    "too large": (WIRE | {"value": "x" * MAX_REFERENCE_BYTES}, f"and {MAX_REFERENCE_BYTES} are allowed"),
}


@pytest.mark.parametrize(("wire", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_dict_is_refused_with_what_is_wrong(wire, message):
    with pytest.raises(InvalidReferenceError, match=message) as caught:
        ArtifactRef.from_wire(wire)
    assert isinstance(caught.value, HandoffError)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"value": math.nan}, "not plain JSON"),
        ({"value": [-math.inf]}, "not plain JSON"),
        ({"value": {1, 2}}, "not plain JSON"),
        ({"summary": {"rows": math.nan}}, "not plain JSON"),
        ({"summary": {"shape": (1, 2)}}, "JSON does not give it back unchanged"),
        ({"value": {1: 2}}, "JSON does not give it back unchanged"),
        ({"name": None}, "'name' is None, not str"),
        ({"nbytes": -1}, "'nbytes' is -1"),
        ({"nbytes": 1.5}, "'nbytes' is 1.5, not int"),
        ({"uri": "s3://" + "x" * MAX_REFERENCE_BYTES}, "shorten the storage URL, the ids or the output's name"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_could_not_be_read_back_is_not_written_either(changes, message):
    with pytest.raises(InvalidReferenceError, match=message):
        reference(**changes).to_wire()


def test_the_message_names_the_artifact():
    with pytest.raises(InvalidReferenceError, match="reference of 'features' is not valid: 'uri' is missing"):
        ArtifactRef.from_wire(without("uri"))


def test_the_bound_is_the_last_size_that_is_allowed():
    room = MAX_REFERENCE_BYTES - len(json.dumps(reference(value="").to_wire(), separators=(",", ":")))
    wire = reference(value="x" * room).to_wire()
    assert len(json.dumps(wire, separators=(",", ":"))) == MAX_REFERENCE_BYTES
    with pytest.raises(InvalidReferenceError, match=f"has {MAX_REFERENCE_BYTES + 1} bytes"):
        reference(value="x" * (room + 1)).to_wire()


def test_a_reference_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        reference().uri = "file:///elsewhere"
    with pytest.raises((AttributeError, TypeError)):
        reference().note = "slots"


def test_its_fields_are_given_by_name():
    with pytest.raises(TypeError):
        ArtifactRef("features", "uri", "codec", "type", 1, "digest")


def test_airflow_cannot_take_it_for_a_template_or_an_xcom_argument():
    assert not hasattr(reference(), "resolve")
    assert not hasattr(ArtifactRef, "resolve")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (WIRE, True),
        ({"linepipe_artifact": "anything"}, True),
        ({}, False),
        ({"name": "x"}, False),
        (["linepipe_artifact"], False),
        ("linepipe_artifact", False),
        (None, False),
    ],
    ids=repr,
)
def test_a_dict_with_the_mark_claims_to_be_a_reference(value, expected):
    assert is_reference(value) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ""), ("é😀\n", "é😀\n"), ("a\0b", r"a\x00b"), ("\ud800x", r"\ud800x"), ("\\x00", "\\x00")],
    ids=ascii,
)
def test_a_text_that_no_json_database_takes_is_shown_escaped(text, expected):
    assert printable(text) == expected


def test_a_newer_reference_is_an_error_of_its_own_and_names_the_task_by_its_path():
    wire = WIRE | {"linepipe_artifact": 2, "uri": f"s3://lp@bucket/{'root/' * 40}flights/run_1/clean/1/features.arrow"}
    with pytest.raises(UnsupportedVersionError, match="flights/run_1/clean/1/features.arrow has version 2"):
        ArtifactRef.from_wire(wire)
