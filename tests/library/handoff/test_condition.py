"""Conditions on a published artifact: what they compare, and what is refused when they are written."""

from __future__ import annotations

import pytest

from airflow_linepipe.errors import SettingError
from airflow_linepipe.handoff import ArtifactRef, parse_condition

SUMMARY = {"rows": 1000, "columns": {"late": "bool", "a.b": "int64"}, "shape": [10, 3], "share": 0.5, "sorted": True}


def wire(value="absent", **summary):
    given = {} if value == "absent" else {"value": value}
    return ArtifactRef(
        name="x", uri="file:///x", codec="json", type="dict", nbytes=1, digest="blake3:0",
        summary={**SUMMARY, **summary}, **given,
    ).to_wire()  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (None, True),
        ({}, True),
        ({"rows": ">= 1000"}, True),
        ({"rows": ">1000"}, False),
        ({"rows": "< 1000.5"}, True),
        ({"rows": "<= 999"}, False),
        ({"rows": "== 1000"}, True),
        ({"rows": 1000}, True),
        ({"rows": "!= 1000"}, False),
        ({"rows": ">= 1e3", "share": "== 0.5"}, True),
        ({"rows": ">= 1e3", "share": "> 0.5"}, False),
        ({"columns.late": "== bool"}, True),
        ({"columns.late": "== 'bool'"}, True),
        ({"columns.late": "!= bool"}, False),
        ({"columns.late": ">= 'bool'"}, True),
        ({"columns.a.b": "== int64"}, True),
        ({"shape.1": "== 3"}, True),
        ({"sorted": "== True"}, True),
        ({"sorted": True}, True),
        ({"value.auc": "> 0.9"}, True),
        ({"value.auc": "> 0.95"}, False),
        # A path that leads nowhere, and values of different kinds.
        ({"row": "!= 5"}, False),
        ({"rows.x": "!= 5"}, False),
        ({"shape.2": "!= 5"}, False),
        ({"shape.-1": "== 3"}, False),
        ({"value.auc.x": "!= 5"}, False),
        ({"value": "!= 5"}, False),
        ({"columns": "!= 5"}, False),
        ({"rows": "!= many"}, False),
        ({"sorted": "== 1"}, False),
        ({"rows": "!= true"}, False),
    ],
)
def test_a_condition_holds_of_what_fulfils_each_comparison(condition, holds):
    assert parse_condition(condition).holds(wire({"auc": 0.93})) is holds


@pytest.mark.parametrize("sign", ["==", "!=", "<", "<=", ">", ">="])
def test_a_value_that_is_not_there_fulfils_nothing_and_so_does_nan(sign):
    condition = parse_condition({"value": f"{sign} 5"})
    assert not condition.holds(wire())
    (comparison,) = condition.comparisons
    reference = ArtifactRef(
        name="x", uri="file:///x", codec="json", type="float", nbytes=1, digest="blake3:0", value=float("nan")
    )
    assert not comparison.holds(reference)


def test_of_several_artifacts_each_must_fulfil_it_and_of_none_none_does():
    condition = parse_condition({"rows": ">= 10"})
    assert condition.holds([wire(), wire(rows=10)])
    assert condition.holds({"a": [wire()], "b": wire()})
    assert not condition.holds([wire(), wire(rows=9)])
    assert not condition.holds([])
    assert parse_condition({}).holds([])


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("rows >= 5", "condition='rows >= 5': give a dict of comparisons, such as {'rows': '>= 1000'}."),
        ({"": "== 5"}, "give a dict of comparisons"),
        ({5: "== 5"}, "give a dict of comparisons"),
        ({"rows": "1000"}, "condition['rows'] is '1000': write an operator (==, !=, <, <=, >, >=) and a value"),
        ({"rows": ">="}, "condition['rows'] is '>=': write an operator"),
        ({"rows": "=> 5"}, "condition['rows'] is '=> 5': write an operator"),
        ({"rows": None}, "condition['rows'] is None: write an operator"),
        ({"rows": float("nan")}, "condition['rows'] is nan: write an operator"),
        ({"rows": ">= 1OO"}, "condition['rows'] is '>= 1OO': >= compares numbers, or a text in quotes such as"),
        ({"rows": "< true"}, "condition['rows'] is '< true': < compares numbers, or a text in quotes"),
        ({"auc": "!= NaN"}, "condition['auc'] is '!= NaN': nothing compares with NaN."),
    ],
)
def test_what_is_no_condition_is_refused_in_one_sentence_that_names_the_path(condition, sentence):
    with pytest.raises(SettingError) as caught:
        parse_condition(condition)
    assert sentence in str(caught.value)
