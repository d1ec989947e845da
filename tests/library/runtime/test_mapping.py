"""Nodes that are called for each item of a list."""

from __future__ import annotations

import pytest
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import run
from airflow_linepipe.errors import OutputTypeError, SettingError


def spread(part, seen):
    seen.append(part)
    return part * 10, list(seen)


def pipeline(parts):
    return Pipeline(
        [
            Node(spread, ["parts", "seen"], ["tenfold", "seen_by"]),
            Node(sum, ["tenfold"], ["total"]),
            Node(len, ["parts"], ["count"]),
        ],
        parts=parts,
        seen=[],
    )


@pytest.mark.parametrize("granularity", ["node", "pipeline"])
def test_each_item_has_a_call_with_inputs_of_its_own_and_outputs_are_lists_in_order(granularity):
    """R37: as mapped tasks have it."""
    result = run(pipeline([3, 1, 2]), map_over={"spread": "parts"}, granularity=granularity, persist="all", quiet=True)
    assert (result["tenfold"], result["seen_by"]) == ([30, 10, 20], [[3], [1], [2]])
    assert (result["total"], result["count"]) == (60, 3)


def test_of_no_items_there_are_no_results():
    result = run(pipeline([]), map_over={"spread": "parts"}, persist="all", quiet=True)
    assert (result["tenfold"], result["total"]) == ([], 0)


def test_a_mapped_node_is_taken_from_the_cache_until_its_function_changes(tmp_path):
    calls = []

    def chain(factor):
        def scaled(part):
            return part * factor

        return Pipeline([Node(scaled, ["parts"], ["out"])], parts=[1, 2])

    for factor, cached in ((2, False), (2, True), (3, False)):
        result = run(chain(factor), map_over={"scaled": "parts"}, storage=tmp_path.as_uri(), cache=True, quiet=True)
        assert result["out"] == [factor, 2 * factor]
        calls.append(result.steps["scaled"].cached)
        assert calls[-1] is cached


@pytest.mark.parametrize(
    ("map_over", "message"),
    [
        ({"spraed": "parts"}, r"map_over\['spraed'\]: there is no such node: did you mean 'spread'"),
        ({"spread": "part"}, r"node 'spread' has no such input: did you mean 'parts'"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(map_over, message):
    with pytest.raises(SettingError, match=message):
        run(pipeline([1]), map_over=map_over, quiet=True)


def test_what_is_no_list_is_refused():
    with pytest.raises(OutputTypeError, match="Node 'spread' is mapped over a int"):
        run(pipeline(3), map_over={"spread": "parts"}, quiet=True)
