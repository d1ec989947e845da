"""The XCom backend: any task's values through the codecs and stores, small plain ones in the database."""

from __future__ import annotations

import collections
import dataclasses
import decimal
import enum
import json
import os
import pathlib
import subprocess
import sys
import uuid
import warnings
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta, timezone
from types import SimpleNamespace
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
import pipelines
import polars as pl
import pydantic
import pytest
from airflow.sdk import DAG, Asset, task
from fingerprint import fingerprint
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import InputTags

from airflow_linepipe import LinepipeTaskGroup, linepipe_task, load_artifact
from airflow_linepipe.errors import (
    ArtifactAlteredError,
    ArtifactNotFoundError,
    InvalidReferenceError,
    PickleRefusedError,
    SettingError,
    StorageFaultError,
    UnsupportedValueError,
)
from airflow_linepipe.testing import StandaloneAirflow
from airflow_linepipe.xcom import LinepipeXComBackend

BACKEND = "airflow_linepipe.xcom.LinepipeXComBackend"
WHO = {"key": "k", "dag_id": "d", "run_id": "r", "task_id": "t"}
START = datetime(2026, 1, 1, tzinfo=UTC)


class Level(enum.IntEnum):
    HIGH = 3


class Colour(enum.Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Box:
    content: object


class Model(pydantic.BaseModel):
    depth: int


class Handle:
    def __reduce__(self):
        message = "it is open"
        raise TypeError(message)


@pytest.fixture
def storage(airflow_db, monkeypatch, tmp_path):
    folder = tmp_path / "storage"
    monkeypatch.setenv("AIRFLOW__LINEPIPE__STORAGE", f"file://{folder}")
    return folder


@pytest.fixture
def backend(storage, monkeypatch):
    """Airflow as it is in a process that starts with this backend configured."""
    from airflow.sdk.execution_time import task_runner, xcom

    monkeypatch.setenv("AIRFLOW__CORE__XCOM_BACKEND", BACKEND)
    resolved = xcom.resolve_xcom_backend()
    assert resolved is LinepipeXComBackend
    monkeypatch.setattr(xcom, "XCom", resolved)
    monkeypatch.setattr(task_runner, "XCom", resolved)


def push(value, **who):
    """What comes to stand in the database, over JSON."""
    return json.loads(json.dumps(LinepipeXComBackend.serialize_value(value, **{**WHO, **who}), allow_nan=False))


def pull(wire):
    return LinepipeXComBackend.deserialize_value(SimpleNamespace(value=wire))


def purge(wire):
    LinepipeXComBackend.purge(SimpleNamespace(key="k", value=wire))


def is_stored(wire):
    return isinstance(wire, dict) and wire.keys() >= {"linepipe_xcom", "artifact"}


def path_of(wire):
    return pathlib.Path(unquote(urlsplit(wire["artifact"]["uri"]).path))


PLAIN = [
    *(True, 0, -1, 2**63, 1.5, 1e-300, "", "text", "ü€😀", [], {}, [1, [None, "x"]], {"a": {"b": [1.0]}}),
    *((1, (2, "x")), {1, 2}, frozenset({"a"}), {"a": (1, {2})}, date(2026, 2, 28), datetime(2026, 1, 2, 3, 4, 5, 6)),
    *(timedelta(days=1, microseconds=3), uuid.UUID(int=7), decimal.Decimal("1.5")),
    *(np.int64(3), np.uint8(255), np.float32(0.1), np.float64(1.5), np.bool_(True)),
]

ODD = [
    *(float("nan"), float("inf"), -0.0, 1e22, 2**64, -(2**63) - 1, 10**400, 1 + 2j, b"", b"x", bytearray(b"y")),
    *("\0", "a\0b", "\ud800", "\\u0000", {"\0": 1}, [float("nan")], {"a": -0.0}, {1: 2}, {(1, 2): 3}, {None: 0}),
    *(datetime(9999, 12, 31, 23, 59, 59, 999999), datetime(2026, 10, 25, 2, 30, fold=1), time(1, 2, 3)),
    *(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=45)))),
    *(datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Prague")), timedelta(days=999_999_999, microseconds=1)),
    *(decimal.Decimal("1.10"), decimal.Decimal("0.1000000000000000000001"), decimal.Decimal("-0")),
    *(np.complex128(1 + 2j), np.datetime64("2026-01-01"), np.timedelta64(3, "s"), np.longdouble(1) / 3, np.str_("a")),
    *(Level.HIGH, Colour.RED, [Level.HIGH], {"a": Level.HIGH}, {Level.HIGH}, Point(1, 2), range(3), slice(1, 2)),
    *(collections.OrderedDict(a=1), collections.defaultdict(int, a=1), collections.Counter("ab"), [Point(1, 2)]),
    *({"__classname__": "airflow.sdk.Asset", "__version__": 1}, {"__type": "dict", "__var": {"a": 1}}, {"__id__": 1}),
    *([{"__type": "datetime", "__var": 1}], {"linepipe_xcom": 1, "artifact": {"linepipe_artifact": 1}}),
    *(int, len, Box(Box(2)), Box(Level.HIGH), InputTags()),
]

DATA = [
    pd.DataFrame({"a": [1, 2], "b": pd.Categorical(["x", "y"])}, index=[5, 7]),
    pd.DataFrame({"odd": [1, "x", None]}),
    pd.DataFrame({"__classname__": [1], "__version__": [2]}),
    pd.DataFrame(),
    pd.Series([1.0, None], name="s"),
    pd.Timestamp("2026-01-01", tz="UTC"),
    pl.DataFrame({"a": [1]}),
    np.arange(6).reshape(2, 3),
    np.array([1, "x"], dtype=object),
]


def named(values):
    return [pytest.param(value, id=f"{number}-{type(value).__name__}") for number, value in enumerate(values)]


@pytest.mark.parametrize("value", named(PLAIN))
def test_what_airflow_keeps_stays_in_the_database_as_airflow_writes_it(storage, value):
    from airflow.sdk.bases.xcom import BaseXCom

    wire = push(value)
    assert wire == json.loads(json.dumps(BaseXCom.serialize_value(value)))
    assert fingerprint(pull(wire)) == fingerprint(value)
    assert not storage.exists()


@pytest.mark.parametrize("value", named(ODD + DATA))
def test_what_airflow_loses_goes_to_storage_and_comes_back(storage, value):
    wire = push(value)
    assert is_stored(wire)
    assert fingerprint(pull(wire)) == fingerprint(value)


@pytest.mark.parametrize("value", named(PLAIN + ODD))
def test_with_a_threshold_of_zero_everything_goes_to_storage(storage, monkeypatch, value):
    monkeypatch.setenv("AIRFLOW__LINEPIPE__XCOM_THRESHOLD", "0")
    wire = push(value)
    assert is_stored(wire)
    assert fingerprint(pull(wire)) == fingerprint(value)


def test_none_and_what_the_scheduler_reads_stay_whatever_the_threshold(storage, monkeypatch):
    monkeypatch.setenv("AIRFLOW__LINEPIPE__XCOM_THRESHOLD", "0")
    assert push(None) is None
    skipped = {"skipped": [f"task_{number}" for number in range(1000)]}
    assert push(skipped, key="skipmixin_key") == skipped


@pytest.mark.parametrize(("nbytes", "stored"), [(100, False), (101, True)])
@pytest.mark.parametrize(
    "value_of",
    [
        lambda nbytes: "x" * (nbytes - 2),
        lambda nbytes: "ü" * ((nbytes - 2) // 2) + "x" * (nbytes % 2),
        lambda nbytes: [1] * ((nbytes - 2) // 2) + [10] if nbytes % 2 else [10] * 2 + [1] * ((nbytes - 6) // 2),
        lambda nbytes: {"k": "x" * (nbytes - 8)},
    ],
    ids=["ascii", "text", "list", "dict"],
)
def test_the_threshold_is_in_bytes_of_json(storage, monkeypatch, value_of, nbytes, stored):
    monkeypatch.setenv("AIRFLOW__LINEPIPE__XCOM_THRESHOLD", "100")
    value = value_of(nbytes)
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    wire = push(value)
    assert is_stored(wire) is (size > 100)
    if not isinstance(value, list):
        assert (size, is_stored(wire)) == (nbytes, stored)
    assert pull(wire) == value


@pytest.mark.parametrize("text", ["-1", "1k", "", "1.5"])
def test_a_threshold_that_is_no_number_of_bytes_is_an_error(storage, monkeypatch, text):
    monkeypatch.setenv("AIRFLOW__LINEPIPE__XCOM_THRESHOLD", text)
    with pytest.raises(SettingError, match=rf"xcom_threshold is '{text}': give it a number of bytes, 0 to store every"):
        push(1)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("x" * 10_000, id="text"),
        pytest.param({"a": [[1] * 10_000]}, id="list"),
        pytest.param([b"x"], id="bytes"),
        pytest.param(pd.DataFrame({"odd": [1, "x"]}), id="odd-frame"),
        pytest.param({"train": pd.DataFrame({"a": [1]})}, id="frames"),
        pytest.param(Box(np.arange(3)), id="dataclass"),
    ],
)
def test_what_is_for_the_codecs_is_not_serialised_by_airflow_first(storage, monkeypatch, value):
    from airflow.sdk.bases.xcom import BaseXCom

    seen = []
    monkeypatch.setattr(BaseXCom, "serialize_value", staticmethod(seen.append))
    assert is_stored(push(value))
    assert seen == []


def test_a_value_that_airflow_loses_is_nothing_to_warn_of(storage):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        push(np.complex128(1 + 2j))
    assert told == []


def test_what_only_airflow_serialises_stays_as_airflow_writes_it(storage):
    asset = Asset("flights", uri="s3://bucket/flights")
    wire = push({"assets": [asset]})
    assert wire["assets"][0]["__classname__"] == "airflow.sdk.definitions.asset.Asset"
    assert pull(wire) == {"assets": [asset]}
    many = [Asset(f"flights_{number}") for number in range(100)]
    assert is_stored(push(many))
    assert pull(push(many)) == many


def test_a_class_that_airflow_may_import_stays_and_one_that_it_may_not_is_carried(storage):
    """Airflow's unit-test mode allows the classes of tests.*; its own backend would fail in the consumer."""
    assert push(Box(1))["__data__"] == {"content": 1}
    assert pull(push(Model(depth=3))) == Model(depth=3)
    assert push(Model(depth=3))["__classname__"].endswith(".Model")
    assert is_stored(push(InputTags()))


def test_a_model_comes_back_as_the_model(storage):
    model = DecisionTreeClassifier(random_state=0).fit([[0], [1]], [0, 1])
    wire = push(model)
    assert wire["artifact"]["codec"] == "pickle"
    assert pull(wire).predict([[0], [1]]).tolist() == [0, 1]


def test_without_pickle_airflows_serialisation_carries_what_it_can(storage, monkeypatch):
    monkeypatch.setenv("AIRFLOW__LINEPIPE__ALLOW_PICKLE", "False")
    assert push(Point(1, 2)) == json.loads(json.dumps(LinepipeXComBackend.serialize_value((1, 2))))
    many = [Asset(f"flights_{number}") for number in range(100)]
    wire = push(many)
    assert (wire["artifact"]["codec"], wire["serialized_by_airflow"]) == ("json", True)
    assert pull(wire) == many
    odd = Point(float("nan"), 2**70)
    assert fingerprint(pull(push(odd))) == fingerprint(tuple(odd))
    lookalike = collections.OrderedDict(linepipe_xcom=1, artifact={"linepipe_artifact": 1})
    assert pull(push(lookalike)) == lookalike
    frame = pd.DataFrame({"a": range(5000)})
    assert push(frame)["artifact"]["codec"] == "arrow"
    with pytest.raises(PickleRefusedError) as caught:
        push(DecisionTreeClassifier())
    assert str(caught.value).startswith(
        "XCom 'k' of task 't' of DAG 'd', run 'r', try 0 is a sklearn.tree.DecisionTreeClassifier, which only pickle "
        "could carry, and [linepipe] allow_pickle is off: return a table"
    )


def test_without_pickle_a_pickle_stays_closed(storage, monkeypatch):
    wire = push(Colour.RED)
    monkeypatch.setenv("AIRFLOW__LINEPIPE__ALLOW_PICKLE", "False")
    with pytest.raises(PickleRefusedError, match=r"written by task 't' of DAG 'd', run 'r', try 0"):
        pull(wire)


def test_what_nobody_carries_is_an_error_that_names_the_task_and_the_key(storage):
    with pytest.raises(UnsupportedValueError) as caught:
        push([Handle()])
    assert str(caught.value) == (
        "XCom 'k' of task 't' of DAG 'd', run 'r', try 0 is a list, which cannot travel between tasks (TypeError: it "
        "is open): return the data instead of the live object, or register a codec for list."
    )
    assert (caught.value.artifact, caught.value.type_name) == ("k", "list")
    assert list(storage.rglob("*.*")) == []


def test_a_storage_that_cannot_be_written_to_is_named(storage):
    storage.write_text("a file, not a folder")
    with pytest.raises(StorageFaultError):
        push(b"x")
    with pytest.raises(StorageFaultError):
        push(Colour.RED)


def test_of_a_path_to_a_file_the_content_travels(storage, tmp_path):
    file = tmp_path / "report.txt"
    file.write_text("all is well")
    wire = push(file)
    file.unlink()
    copy = pull(wire)
    assert (copy.name, copy.read_text()) == ("report.txt", "all is well")
    with pytest.raises(UnsupportedValueError, match=r"leads to no regular file .*: return the path of a file, or str"):
        push(file)


def test_the_wire_is_small_and_airflow_shows_it_as_it_stands(storage):
    from airflow.serialization.stringify import stringify

    wide = pd.DataFrame({f"column {number}": [0] for number in range(2000)})
    for value in (*DATA, wide, {"__classname__": "airflow.sdk.Asset", "__version__": 1}, {"__type": 1, "__var": 2}):
        wire = push(value, key="ü" * 500, dag_id="ü" * 250, run_id="r" * 250, task_id="t" * 250)
        assert len(json.dumps(wire)) < 4096
        assert stringify(wire) == wire
        assert fingerprint(pull(wire)) == fingerprint(value)


def test_a_small_value_in_storage_is_readable_where_its_reference_is_shown(storage):
    assert push({"accuracy": float("nan")})["artifact"]["value"] == {"accuracy": "nan"}


def test_a_missing_altered_or_newer_object_is_a_typed_error(storage):
    wire = push(b"some bytes", map_index=3)
    path_of(wire).write_bytes(b"same bytes")
    with pytest.raises(ArtifactAlteredError, match=r"'k' .*task 't' \[3\] of DAG 'd', run 'r'"):
        pull(wire)
    path_of(wire).unlink()
    with pytest.raises(
        ArtifactNotFoundError, match=r"'k' is gone.*task 't' \[3\] of DAG 'd', run 'r'.*clear that task"
    ):
        pull(wire)
    with pytest.raises(InvalidReferenceError, match="has version 2 and this airflow-linepipe reads version 1"):
        pull({**wire, "linepipe_xcom": 2})
    with pytest.raises(InvalidReferenceError, match="'uri' is missing"):
        pull({"linepipe_xcom": 1, "artifact": {"linepipe_artifact": 1, "name": "k"}})


def test_purge_removes_what_the_backend_wrote_and_nothing_else(storage, tmp_path):
    from airflow_linepipe.handoff import Producer
    from airflow_linepipe.hooks.handoff import open_exchange

    wire = push(b"x")
    kept = push(b"x")
    assert path_of(wire).exists()
    purge(wire)
    purge(wire)
    assert not path_of(wire).exists()
    assert pull(kept) == b"x"

    reference = open_exchange().put(b"ours", name="k", producer=Producer(dag_id="d", run_id="r", task_id="t"))
    for value in (
        reference.to_wire(),
        {"linepipe_xcom": 1},
        {"linepipe_xcom": 2, "artifact": {}},
        "text",
        None,
        [wire],
    ):
        purge(value)
    assert load_artifact(reference.to_wire()) == b"ours"

    elsewhere = tmp_path / "precious"
    elsewhere.write_text("x")
    for uri in (f"file://{elsewhere}", f"file://{storage}/../precious"):
        purge({**kept, "artifact": {**kept["artifact"], "uri": uri}})
    purge({**kept, "artifact": {"linepipe_artifact": 1}})
    assert elsewhere.exists()
    assert pull(kept) == b"x"


def test_a_reference_of_ours_passes_and_what_only_looks_like_one_is_a_value(storage, monkeypatch):
    from airflow_linepipe.handoff import Producer
    from airflow_linepipe.hooks.handoff import open_exchange

    reference = open_exchange().put(b"ours", name="k", producer=Producer(dag_id="d", run_id="r", task_id="t")).to_wire()
    monkeypatch.setenv("AIRFLOW__LINEPIPE__XCOM_THRESHOLD", "0")
    assert push(reference) == reference
    assert pull(reference) == reference
    fake = {"linepipe_artifact": 1, "table": float("inf")}
    assert is_stored(push(fake))
    assert pull(push(fake)) == fake


def test_each_push_has_an_object_of_its_own(storage):
    first, second = push(b"1"), push(b"2")
    assert (pull(first), pull(second)) == (b"1", b"2")
    assert path_of(first).parent == path_of(second).parent == storage / "d" / "r" / "t" / "0"


@pytest.mark.parametrize(("task_id", "folder"), [("t", "2"), ("other", "0")])
def test_the_try_is_the_running_tasks_own(storage, monkeypatch, task_id, folder):
    running = {"DAG_ID": "d", "DAG_RUN_ID": "r", "TASK_ID": "t", "TRY_NUMBER": "2"}
    for name, value in running.items():
        monkeypatch.setenv(f"AIRFLOW_CTX_{name}", value)
    assert path_of(push(b"x", task_id=task_id)).parent.name == folder


def test_the_file_names_of_any_key_and_id_are_escaped(storage):
    wire = push(b"x", key="../a b/ü" * 40, dag_id="..", run_id="manual__2026-01-01T00:00:00+00:00", task_id="g.t")
    assert path_of(wire).is_relative_to(storage)
    assert ".." not in wire["artifact"]["uri"].split("/")
    assert pull(wire) == b"x"


def test_any_task_hands_a_frame_to_any_other(backend, storage, run_dag):
    frame = pd.DataFrame({"a": range(1000)})
    with DAG("plain_frames", schedule=None, start_date=START) as dag:

        @task
        def produce():
            return frame

        @task
        def total(table, ti):
            assert fingerprint(table) == fingerprint(frame)
            ti.xcom_push("twice", b"first")
            ti.xcom_push("twice", b"second")
            return int(table["a"].sum())

        @task
        def check(number, ti):
            assert ti.xcom_pull(task_ids="total", key="twice") == b"second"
            return f"{number}"

        check(total(produce()))
    run = run_dag(dag)
    assert run.state == "success"
    assert (run.xcoms["total", -1, "return_value"], run.xcoms["check", -1, "return_value"]) == (499500, "499500")
    wire = run.xcoms["produce", -1, "return_value"]
    assert (wire["linepipe_xcom"], wire["artifact"]["codec"], wire["artifact"]["name"]) == (1, "arrow", "return_value")
    assert path_of(wire).parent == storage / "plain_frames" / run.run_id.replace(":", "~3A") / "produce" / "1"
    pushed = path_of(run.xcoms["total", -1, "twice"])
    assert [path.read_bytes() for path in sorted(pushed.parent.iterdir()) if path == pushed] == [b"second"]
    assert pushed.parent.name == "1"


def test_expanding_over_values_in_storage(backend, run_dag):
    with DAG("plain_mapping", schedule=None, start_date=START) as dag:

        @task
        def frames():
            return [pd.DataFrame({"a": [number] * 1000}) for number in range(3)]

        @task
        def arguments():
            return {"x": np.arange(3), "y": np.arange(4)}

        @task
        def arrays():
            return [np.arange(3), np.arange(4)]

        @task
        def rows(frame):
            return frame.assign(b=1)

        @task
        def size(item):
            key, array = item
            return [key, len(array)]

        @task
        def pair(items):
            left, right = items
            return [int(left["a"].sum()), right]

        @task
        def collect(tables, sizes, sums):
            assert [int(table["a"].iloc[0]) for table in tables] == [0, 1, 2]
            assert [len(table) for table in tables[1:]] == [1000, 1000]
            return {"tables": len(tables), "sizes": list(sizes), "sums": list(sums)}

        made = frames()
        mapped = rows.expand(frame=made)
        halves = rows.override(task_id="halves").expand(frame=made.map(lambda frame: frame.head(500)))
        both = rows.override(task_id="both").expand(frame=mapped.concat(made))
        sums = pair.expand(items=made.zip(arrays().map(lambda array: 10 * len(array)), fillvalue=None))
        collect(mapped, size.expand(item=arguments()), sums)
        [halves, both] >> task(lambda: None, task_id="end")()
    run = run_dag(dag)
    assert run.state == "success"
    assert run.xcoms["collect", -1, "return_value"] == {
        "tables": 3,
        "sizes": [["x", 3], ["y", 4]],
        "sums": [[0, 30], [1000, 40], [2000, None]],
    }
    for task_id, count, length in (("rows", 3, 1000), ("halves", 3, 500), ("both", 6, 1000)):
        wires = [run.xcoms[task_id, number, "return_value"] for number in range(count)]
        assert [len(pull(wire)) for wire in wires] == [length] * count
        assert len({path_of(wire).parent.parent.name for wire in wires}) == count


def test_multiple_outputs_skipping_and_templates(backend, run_dag):
    from airflow.providers.standard.operators.bash import BashOperator

    with DAG("plain_rest", schedule=None, start_date=START) as dag:

        @task(multiple_outputs=True)
        def split():
            return {"train": pd.DataFrame({"a": range(900)}), "count": 900, "note": "x" * 10_000}

        @task.branch
        def choose(count, train, note):
            assert (len(train), len(note)) == (count, 10_000)
            return ["taken"]

        @task
        def taken():
            return 1

        @task
        def left_out():
            return 1

        parts = split()
        choose(parts["count"], parts["train"], parts["note"]) >> [taken(), left_out()]
        text = (
            "echo {{ ti.xcom_pull('split', key='note') | length }} {{ ti.xcom_pull('split', key='train')['a'].sum() }}"
        )
        BashOperator(task_id="shell", bash_command=text) << parts["train"].operator
    run = run_dag(dag)
    assert run.state == "success"
    assert run.tasks["left_out", -1].state == "skipped"
    assert run.xcoms["choose", -1, "skipmixin_key"] == {"followed": ["taken"]}
    assert run.xcoms["split", -1, "count"] == 900
    assert {is_stored(run.xcoms["split", -1, key]) for key in ("train", "note", "return_value")} == {True}
    assert run.xcoms["shell", -1, "return_value"] == "10000 404550"


def test_our_own_tasks_hand_over_references_as_ever(backend, run_dag):
    with DAG("with_ours", schedule=None, start_date=START) as dag:
        group = LinepipeTaskGroup("g", pipeline=pipelines.tables)

        @task
        def plain():
            return pd.DataFrame({"a": range(1000)})

        @task
        def look(wire):
            return [wire["linepipe_artifact"], len(load_artifact(wire))]

        @linepipe_task
        def join(evens, table):
            return len(evens) + len(table)

        look(group["evens"])
        join(group["evens"], plain())
    run = run_dag(dag)
    assert run.state == "success"
    assert run.xcoms["look", -1, "return_value"] == [1, 3]
    assert run.value("join") == 1003
    own = {key: wire for key, wire in run.xcoms.items() if key[0].startswith("g.")}
    assert {wire["linepipe_artifact"] for wire in own.values() if "evens" not in wire} == {1}
    assert own["g.split", -1, "return_value"] == {name: own["g.split", -1, name] for name in ("evens", "odds")}


def test_a_retry_writes_an_object_of_its_own(backend, storage, run_dag):
    """And starts without what the first try has pushed."""
    with DAG("plain_retry", schedule=None, start_date=START) as dag:

        @task(retries=1, retry_delay=timedelta(0))
        def flaky(ti):
            ti.xcom_push("part", f"part of {ti.try_number}".encode())
            if ti.try_number == 1:
                message = "the first try"
                raise RuntimeError(message)
            return b"done"

        flaky()
    run = run_dag(dag)
    assert run.state == "success"
    assert pull(run.xcoms["flaky", -1, "part"]) == b"part of 2"
    found = {path.parent.name: path.read_bytes() for path in storage.rglob("part-*")}
    assert found == {"2": b"part of 2"}
    assert path_of(run.xcoms["flaky", -1, "return_value"]).parent.name == "2"


def test_a_consumer_of_a_missing_object_fails_with_the_typed_error(backend, run_dag):
    seen = []
    with DAG("plain_missing", schedule=None, start_date=START) as dag:

        @task
        def produce():
            return b"here"

        @task
        def lose(ti):
            from airflow.sdk.execution_time import xcom

            wire = xcom.BaseXCom.get_one(key="return_value", dag_id=ti.dag_id, task_id="produce", run_id=ti.run_id)
            path_of(wire).unlink()

        @task(on_failure_callback=lambda context: seen.append(context["exception"]))
        def consume(value):
            raise AssertionError(value)

        made = produce()
        lost = lose()
        made >> lost
        lost >> consume(made)
    run = run_dag(dag)
    assert run.tasks["consume", -1].state == "failed"
    (error,) = seen
    assert isinstance(error, ArtifactNotFoundError)
    assert f"task 'produce' of DAG 'plain_missing', run '{run.run_id}', try 1" in str(error)


def test_the_backend_is_light_and_airflow_takes_it():
    """In a process of its own: Airflow asks for the backend once, when it is imported."""
    code = (
        "import sys\n"
        "from airflow.sdk import DAG\n"
        "from airflow.sdk.execution_time import task_runner\n"
        "print(task_runner.XCom.__name__, sorted({'pandas', 'pyarrow', 'numpy', 'polars', 'blake3', 'linepipe'}"
        " & set(sys.modules)))\n"
    )
    environment = {**os.environ, "AIRFLOW__CORE__XCOM_BACKEND": BACKEND}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "LinepipeXComBackend []"


DAG_FILE = """
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from airflow.sdk import dag, task


@dag(schedule=None)
def plain():
    @task
    def produce():
        return pd.DataFrame({"a": np.arange(320_000), "b": np.arange(320_000) / 7})

    @task
    def total(frame):
        return int(frame["a"].sum())

    @task
    def write():
        file = Path(tempfile.mkdtemp(), "report.txt")
        file.write_text("all is well")
        return file

    @task
    def read(file):
        return [file.name, file.read_text(), str(file.parent.parent)]

    total(produce())
    read(write())


plain()
"""


@pytest.mark.airflow_server
def test_on_a_real_airflow(tmp_path):
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "plain.py").write_text(DAG_FILE)
    storage, temporary = tmp_path / "storage", tmp_path / "temporary"
    temporary.mkdir()
    environment = {
        "AIRFLOW__CORE__XCOM_BACKEND": BACKEND,
        "AIRFLOW__LINEPIPE__STORAGE": f"file://{storage}",
        "TMPDIR": str(temporary),
    }
    with StandaloneAirflow(home=tmp_path / "home", dags=tmp_path / "dags", environment=environment) as airflow:
        airflow.wait_for_dag("plain", timeout=120)
        run_id = airflow.trigger("plain")
        assert airflow.wait("plain", run_id, timeout=240).state == "success"
        assert airflow.xcom("plain", run_id, "total") == sum(range(320_000))
        assert airflow.xcom("plain", run_id, "read") == ["report.txt", "all is well", str(temporary)]
        assert list(temporary.glob("linepipe-*")) == []
        wire = airflow.xcom("plain", run_id, "produce")
        assert is_stored(wire)
        assert wire["artifact"]["nbytes"] > 5_000_000
        assert len(json.dumps(wire)) < 1000
        assert path_of(wire).parent.name == "1"

        entries = ("dags", "plain", "dagRuns", run_id, "taskInstances", "produce", "xcomEntries", "return_value")
        for query in ({"deserialize": "true"}, {"deserialize": "false"}):
            assert airflow._rest.get(*entries, query=query)["value"] == wire
        shown = airflow._rest.get(*entries, query={"deserialize": "true", "stringify": "true"})["value"]
        assert wire["artifact"]["uri"] in shown

        assert airflow.run_cli("tasks", "clear", "plain", "-t", "produce", "-d", "-y").returncode == 0
        assert airflow.wait("plain", run_id, timeout=240).state == "success"
        again = airflow.xcom("plain", run_id, "produce")
        assert path_of(again).parent.name == "2"
        produced = storage.glob("plain/*/produce/*/return_value-*")
        assert [path.parent.name for path in produced] == ["2"]

        path_of(again).unlink()
        assert airflow.run_cli("tasks", "clear", "plain", "-t", "total", "-y").returncode == 0
        assert airflow.wait("plain", run_id, timeout=240).state == "failed"
        log = airflow.log("plain", run_id, "total", try_number=3)
        assert (
            f"ArtifactNotFoundError: Artifact 'return_value' is gone: nothing lies at {again['artifact']['uri']}" in log
        )
        assert f"It was written by task 'produce' of DAG 'plain', run '{run_id}', try 2; clear that task" in log


@pytest.mark.parametrize("spelling", ["{0}", "file://{0}/", "file://{0}//"], ids=["a path", "a slash", "two slashes"])
def test_purge_knows_the_storage_however_it_is_written(spelling, storage, monkeypatch):
    monkeypatch.setenv("AIRFLOW__LINEPIPE__STORAGE", spelling.format(storage))
    wire = push(b"content")
    assert path_of(wire).exists()
    purge(wire)
    assert not path_of(wire).exists()


@dataclasses.dataclass(eq=False)
class Holder:
    content: object


@dataclasses.dataclass
class Tagged:
    content: object = dataclasses.field(default=None, compare=False, repr=False)


class Text(str):
    """A text that Airflow would write as a plain one."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "content"),
    [(Holder({1: 2}), {1: 2}), (Tagged({3: 4}), {3: 4}), (Holder(Text("x")), Text("x"))],
    ids=["without equality", "not compared", "a subclass"],
)
def test_a_dataclass_that_airflow_may_restore_keeps_what_it_holds(value, content, storage, monkeypatch):
    from airflow.sdk import serde

    monkeypatch.setattr(serde, "_match", lambda _: True)
    back = pull(push(value))
    assert type(back) is type(value)
    assert (type(back.content), back.content) == (type(content), content)
