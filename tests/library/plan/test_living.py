"""Values that cannot travel: declared, or known by their annotation; made anew in every task that reads them."""

from __future__ import annotations

import io
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest
from linepipe.node import Node
from nodes import clean, fit, load, made, save
from sqlalchemy import Engine, create_engine

from airflow_linepipe.errors import PlanError, SettingError
from airflow_linepipe.plan import build_plan, check_live, plan_parts
from airflow_linepipe.plan.grouping import upstream_of_parts

if TYPE_CHECKING:
    from nowhere import Unknown


def engine(url: str) -> Engine:
    return create_engine(url)


def connection_and_rows() -> tuple[sqlite3.Connection, int]:
    return sqlite3.connect(":memory:"), 3


def perhaps() -> Engine | None:
    return None


class Special(sqlite3.Connection):
    pass


def special() -> Special:
    return Special(":memory:")


def unknown() -> Unknown:
    return None


def anything() -> Any:
    return None


def several() -> list[Engine]:
    return []


def parts_of(nodes, granularity="node", **arguments):
    plan = build_plan(nodes, **arguments)
    return {part.id: part for part in plan_parts(plan, granularity=granularity)}


def steps_of(parts):
    return {part_id: [step.id for step in part.plan.steps] for part_id, part in parts.items()}


@pytest.mark.parametrize(
    ("function", "outputs", "live"),
    [
        (engine, ["e"], {"e"}),
        (connection_and_rows, ["c", "n"], {"c"}),
        (connection_and_rows, ["both"], set()),
        (perhaps, ["e"], {"e"}),
        (special, ["c"], {"c"}),
        (threading.Lock, ["lock"], set()),
        (unknown, ["u"], set()),
        (anything, ["a"], set()),
        (several, ["s"], set()),
        (len, ["n"], set()),
    ],
)
def test_an_annotation_tells_what_is_live(function, outputs, live):
    plan = build_plan([Node(function, ["url"] if function in (engine, len) else [], outputs)], constants={"url": ""})
    assert {artifact.name for artifact in plan.ephemeral} == live
    assert set(plan.outputs) == set(outputs) - live


README = [
    Node(load, ["url"], ["conn"]),
    Node(clean, ["conn"], ["table"]),
    Node(fit, ["table"], ["stats"]),
    Node(save, ["stats", "conn"], []),
]


def test_its_maker_runs_in_each_task_that_reads_it_and_in_none_of_its_own():
    """R16."""
    parts = parts_of(README, constants={"url": "sqlite://"}, ephemeral=["conn"])
    assert steps_of(parts) == {"clean": ["load", "clean"], "fit": ["fit"], "save": ["load", "save"]}
    assert {part_id: dict(part.sources) for part_id, part in parts.items()} == {
        "clean": {},
        "fit": {"table": made("clean", "table")},
        "save": {"stats": made("fit", "stats")},
    }
    assert {part_id: list(part.outputs) for part_id, part in parts.items()} == {
        "clean": ["table"],
        "fit": ["stats"],
        "save": [],
    }


@pytest.mark.parametrize(
    ("granularity", "expected"),
    [
        ("chain", {"clean": ["load", "clean", "fit", "save"]}),
        ("pipeline", {"pipeline": ["load", "clean", "fit", "save"]}),
        ({"both": ["fit", "save"]}, {"clean": ["load", "clean"], "both": ["load", "fit", "save"]}),
    ],
)
def test_inside_one_task_it_is_made_once(granularity, expected):
    parts = parts_of(README, granularity, constants={"url": "sqlite://"}, ephemeral=["conn"])
    assert steps_of(parts) == expected


def test_what_its_maker_reads_reaches_every_task_that_makes_it():
    nodes = [
        Node(load, [], ["url"]),
        Node(clean, ["url"], ["conn"]),
        Node(fit, ["conn"], ["session"]),
        Node(save, ["session"], ["rows"]),
    ]
    parts = parts_of(nodes, ephemeral=["conn", "session"])
    assert steps_of(parts) == {"load": ["load"], "save": ["clean", "fit", "save"]}
    assert parts["load"].outputs == {"url": made("load", "url")}
    assert parts["save"].sources == {"url": made("load", "url")}


def test_a_maker_of_other_things_too_has_a_task_for_them():
    nodes = [Node(connection_and_rows, [], ["c", "n"]), Node(clean, ["c"], ["t"]), Node(fit, ["n"], ["u"])]
    parts = parts_of(nodes)
    assert steps_of(parts) == {
        "connection_and_rows": ["connection_and_rows"],
        "clean": ["connection_and_rows", "clean"],
        "fit": ["fit"],
    }
    assert list(parts["connection_and_rows"].outputs) == ["n"]
    assert list(parts["clean"].outputs) == ["t"]


def test_one_that_nobody_reads_still_runs():
    assert steps_of(parts_of([Node(load, [], ["conn"])], ephemeral=["conn"])) == {"load": ["load"]}


def test_nodes_that_share_it_keep_their_order_around_a_writer():
    """Design 4.4: as with a resource."""
    nodes = [
        Node(load, [], ["conn"]),
        Node(save, ["conn"], []),
        Node(clean, ["conn"], ["rows"]),
        Node(save, ["conn", "rows"], []),
    ]
    plan = build_plan(nodes, ephemeral=["conn"])
    assert [step.after for step in plan.steps] == [(), (), ("save",), ("save", "clean")]
    assert list(parts_of(nodes, ephemeral=["conn"])) == ["save", "clean", "save__2"]


def test_list_order_holds_through_a_maker_without_a_task():
    nodes = [Node(load, [], ["a"]), Node(engine, ["url"], ["e"]), Node(clean, ["a"], ["b"]), Node(fit, ["e"], ["c"])]
    parts = parts_of(nodes, "chain", constants={"url": ""}, order="list")
    assert steps_of(parts) == {"load": ["load", "engine", "clean", "fit"]}


def test_a_name_that_no_node_makes_is_a_problem():
    with pytest.raises(PlanError, match="ephemeral: no node outputs 'con': did you mean 'conn'"):
        build_plan(README, constants={"url": ""}, ephemeral=["con"])
    with pytest.raises(PlanError, match="ephemeral: no node outputs 'zz': name an output of the pipeline"):
        build_plan(README, constants={"url": ""}, ephemeral="zz")


def test_a_task_of_makers_only_is_refused():
    with pytest.raises(SettingError, match="granularity\\['g'\\]: what its steps make is ephemeral"):
        parts_of(README, {"g": ["load"]}, constants={"url": ""}, ephemeral=["conn"])


def test_what_else_a_maker_makes_is_what_it_made_the_first_time():
    """An attacker's: a reader of both got another id than a reader of one."""
    nodes = [Node(connection_and_rows, [], ["c", "n"]), Node(clean, ["c", "n"], ["t"]), Node(fit, ["n"], ["u"])]
    parts = parts_of(nodes)
    assert parts["clean"].sources == {"n": made("connection_and_rows", "n")}
    assert list(parts) == ["connection_and_rows", "clean", "fit"]


def test_files_in_memory_are_values_like_any_other():
    def plot() -> io.BytesIO:
        return io.BytesIO(b"png")

    plan = build_plan([Node(plot, [], ["png"]), Node(len, ["png"], ["n"])])
    assert plan.ephemeral == frozenset()
    check_live(build_plan([Node(len, ["text"], ["n"])], constants={"text": io.StringIO()}), {})


@pytest.mark.parametrize("where", ["constant", "given", "config"])
def test_what_is_live_is_refused_wherever_it_comes_from(where):
    lock = threading.Lock()
    name = "config.lock" if where == "config" else "lock"
    config, constants = {"config": ({"lock": lock}, {}), "constant": (None, {"lock": lock})}.get(where, (None, {}))
    given = {"lock": lock} if where == "given" else {}
    plan = build_plan([Node(len, [name], ["n"])], config=config, constants=constants, given=given)
    with pytest.raises(PlanError, match=f"'{name}' is a live _thread.lock"):
        check_live(plan, given)


def test_a_writer_comes_after_all_who_make_the_ephemeral_anew():
    """An attacker's: the writer did not wait, and the reader read what it wrote."""
    nodes = [
        Node(load, ["path"], ["c"]),
        Node(fit, [], ["n"]),
        Node(clean, ["c", "n"], ["a"]),
        Node(save, ["path"], []),
    ]
    upstream = upstream_of_parts(build_plan(nodes, constants={"path": "/there"}, ephemeral=["c"]))
    assert upstream == {"fit": [], "clean": ["fit"], "save": ["clean"]}
