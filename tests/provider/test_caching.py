"""What tasks take of earlier runs, in DAGs run by ``dag.test()``."""

from __future__ import annotations

import json
import logging
import os
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest
from airflow.models.variable import Variable
from airflow.sdk import DAG, Asset, Param, task
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import (
    Cache,
    LinepipeDag,
    LinepipeNodeOperator,
    LinepipeTaskGroup,
    NodeOptions,
    Retention,
    linepipe_task,
    run,
)
from airflow_linepipe.cli import main
from airflow_linepipe.errors import SettingError, UnknownArgumentError
from airflow_linepipe.hooks.caching import SECRET_VARIABLE

CALLS: list[str] = []
WRITTEN: list[int] = []


def load(rows):
    CALLS.append("load")
    return pd.DataFrame({"delay": range(rows)})


def clean(raw, window):
    CALLS.append("clean")
    return raw * window


def total(cleaned):
    CALLS.append("total")
    return int(cleaned.delay.sum())


def write(sum_):
    CALLS.append("write")
    WRITTEN.append(sum_)


NODES = [
    Node(load, ["config.rows"], ["raw"]),
    Node(clean, ["raw", "config.window"], ["cleaned"]),
    Node(total, ["cleaned"], ["sum"]),
]
ALL = ["load", "clean", "total"]


def pipeline(rows=4, window=2):
    return Pipeline(NODES, config={"rows": rows, "window": window})


def calls():
    made, CALLS[:] = [*CALLS], []
    return made


@pytest.fixture(autouse=True)
def _no_calls():
    CALLS.clear()


@pytest.fixture
def storage(tmp_path):
    return f"file://{tmp_path}/storage"


@pytest.fixture
def execute(run_dag, storage):
    """Run the pipeline as a DAG: ``execute(cache=…)``; the run, and the names of the functions it has called."""
    own_id = f"cached_{uuid4().hex[:8]}"

    def execute(dag_id=own_id, *, pipeline=pipeline(), conf=None, **options):  # noqa: B008  (never changed)
        dag = LinepipeDag(dag_id, pipeline=pipeline, storage=storage, **{"cache": True, **options})
        run = run_dag(dag, conf=conf)
        assert run.state == "success"
        return run, calls()

    return execute


def reasons(run):
    """Why, by task."""
    return {task_id: value["reason"] for (task_id, _, key), value in run.xcoms.items() if key == "linepipe_cache"}


@pytest.mark.parametrize("granularity", ["node", "chain", "pipeline", {"most": ["load", "clean"]}])
def test_an_unchanged_pipeline_calls_nothing_in_its_second_run(granularity, execute):
    """R13."""
    assert execute(granularity=granularity)[1] == ALL
    second, called = execute(granularity=granularity)
    assert called == []
    (reference,) = [
        value for (*_, key), value in second.xcoms.items() if isinstance(value, dict) and value.get("name") == "sum"
    ]
    assert reference["value"] == 12


def test_only_what_has_changed_and_what_is_behind_it_is_called(execute):
    """R13, R14, R35."""
    first, _ = execute()
    assert set(reasons(first).values()) == {"cache miss: no earlier call of it is known"}
    second, called = execute(pipeline=pipeline(window=3))
    assert called == ["clean", "total"]
    assert second.value("total") == 18
    assert reasons(second) == {
        "load": f"cache hit: run {first.run_id} of '{first.dag_id}'",
        "clean": f"cache miss: config.window 2 → 3 (run {first.run_id})",
        "total": f"cache miss: input 'cleaned' changed (run {first.run_id})",
    }
    third, called = execute()
    assert (called, third.value("total")) == ([], 12)


def test_without_a_cache_everything_is_called_again(execute):
    """R13."""
    for _ in range(2):
        run, called = execute(cache=False)
        assert called == ALL
        assert reasons(run) == {}


def test_a_run_replaces_values_of_the_config_and_the_cache_knows(execute):
    execute()
    assert execute(conf={"config.window": 5})[1] == ["clean", "total"]
    assert execute(conf={"config.window": 5})[1] == []
    assert execute()[1] == []


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ({"linepipe.cache": "refresh"}, ALL),
        ({"linepipe.cache": "off"}, ALL),
        ({"linepipe.cache": "use"}, []),
        ({"linepipe.cache": None, "linepipe.refresh_from": None}, []),
        ({"linepipe.refresh_from": "load"}, ALL),
        ({"linepipe.refresh_from": "clean"}, ["clean", "total"]),
        ({"linepipe.refresh_from": "total"}, ["total"]),
        ({"linepipe.cache": "off", "linepipe.refresh_from": "total"}, ALL),
    ],
)
def test_a_single_run_uses_the_cache_another_way(conf, expected, execute):
    execute()
    assert execute(conf=conf)[1] == expected


def test_what_a_refresh_has_made_is_what_later_runs_take(execute):
    execute()
    refreshed, _ = execute(conf={"linepipe.refresh_from": "clean"})
    assert reasons(refreshed)["clean"] == "cache refresh: called whatever there is"
    later, _ = execute()
    assert reasons(later)["total"] == f"cache hit: run {refreshed.run_id} of '{refreshed.dag_id}'"
    assert reasons(later)["load"] != reasons(later)["total"]


def test_a_run_that_is_to_refresh_from_a_task_that_there_is_not_is_refused(run_dag, storage):
    dag = LinepipeDag("refused", pipeline=pipeline(), cache=True, storage=storage)
    with pytest.raises(Exception, match="linepipe.refresh_from"):
        run_dag(dag, conf={"linepipe.refresh_from": "laod"})


def test_a_misspelt_param_of_the_cache_is_refused(run_dag, storage):
    dag = LinepipeDag("misspelt", pipeline=pipeline(), cache=True, storage=storage)
    assert run_dag(dag, conf={"linepipe.refreshfrom": "clean"}).state == "failed"


def test_an_operator_without_a_form_says_what_task_is_meant(run_dag, storage):
    with DAG(
        "own_params", schedule=None, params={"linepipe.refresh_from": Param("laod", type=["null", "string"])}
    ) as dag:
        LinepipeNodeOperator(node=Node(total, ["cleaned"], ["s"]), inputs={"cleaned": 1}, cache=True, storage=storage)
    failed = run_dag(dag)
    assert failed.state == "failed"


def test_the_form_offers_what_there_is(storage):
    dag = LinepipeDag("form", pipeline=pipeline(), cache=True, node_options={"load": NodeOptions(cache="off")})
    assert dag.params.get_param("linepipe.refresh_from").schema["enum"] == [None, "load", "clean", "total"]
    assert dag.params.get_param("linepipe.cache").schema["enum"] == [None, "use", "refresh", "off"]
    plain = LinepipeDag("plain", pipeline=pipeline())
    assert not [name for name in plain.params if name.startswith("linepipe.")]
    with DAG("groups", schedule=None) as groups:
        for group in ("one", "two"):
            LinepipeTaskGroup(group, pipeline=pipeline(), cache=True, granularity="chain")
    assert groups.params.get_param("linepipe.refresh_from").schema["enum"] == [None, "one.load", "two.load"]


def test_a_node_has_a_cache_of_its_own(execute):
    options = {"load": NodeOptions(cache="off"), "total": NodeOptions(cache=Cache(mode="refresh"))}
    for _ in range(2):
        assert execute(cache=True, node_options=options)[1][0] == "load"
    assert calls() == []
    run, called = execute(cache=True, node_options=options)
    assert called == ["load", "total"]
    assert "load" not in reasons(run)
    assert execute(node_options=options, conf={"linepipe.cache": "use"})[1] == ["load"]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: LinepipeDag("d", pipeline=pipeline(), cache="always"), "cache='always' is not known"),
        (lambda: LinepipeDag("d", pipeline=pipeline(), cache=3), "cache=3: give True, False, 'use', 'refresh', 'off'"),
        (lambda: NodeOptions(cache="never"), "cache='never' is not known"),
        (lambda: NodeOptions(cahce=True), "NodeOptions takes no argument 'cahce': did you mean 'cache'?"),
        (
            lambda: LinepipeDag("d", pipeline=pipeline(), cache=Cache(ignore=["config.rwos"])),
            "no node reads 'config.rwos': did you mean 'config.rows'?",
        ),
        (
            lambda: LinepipeDag(
                "d", pipeline=pipeline(), node_options={"total": NodeOptions(cache=Cache(ignore=["config.rows"]))}
            ),
            "no node of task 'total' reads 'config.rows'",
        ),
    ],
)
def test_what_cannot_be_a_cache_is_refused_when_the_file_is_read(make, told):
    with pytest.raises((SettingError, UnknownArgumentError)) as caught:
        make()
    assert told in str(caught.value)


def test_dags_that_share_a_pipeline_and_a_storage_share_its_results(execute):
    first, _ = execute("one")
    second, called = execute("two")
    assert called == []
    assert reasons(second)["total"] == f"cache hit: run {first.run_id} of 'one'"
    assert second.xcoms["total", -1, "return_value"]["uri"] == first.xcoms["total", -1, "return_value"]["uri"]


def test_the_local_runner_and_airflow_take_each_others_results(execute, storage):
    execute()
    secret = Variable.get(SECRET_VARIABLE)
    result = run(pipeline(), storage=storage, cache=True, cache_secret=secret, quiet=True)
    assert (calls(), result["sum"]) == ([], 12)
    assert result.steps["total"].cached
    run(pipeline(window=7), storage=storage, cache=True, cache_secret=secret, quiet=True)
    assert calls() == ["clean", "total"]
    assert execute(pipeline=pipeline(window=7))[1] == []
    run(pipeline(), storage=storage, cache=True, quiet=True)
    assert calls() == ALL  # without the secret nothing is seen


def test_an_entry_of_somebody_without_the_secret_is_not_believed(execute, storage, tmp_path):
    execute()
    entries = [path for path in tmp_path.rglob("*.json") if "/cache/" in str(path) and "/last/" not in str(path)]
    assert len(entries) == 3
    for entry in entries:
        signature, _, content = entry.read_bytes().partition(b"\n")
        entry.write_bytes(signature + b"\n" + content.replace(b'"value":12', b'"value":13'))
    second, called = execute()
    assert called == ["total"]
    assert second.value("total") == 12
    assert "damaged, or signed with another secret" in reasons(second)["total"]


def test_what_is_gone_from_storage_is_made_again(execute, tmp_path):
    first, _ = execute()
    (file,) = tmp_path.rglob("cleaned.arrow")
    file.unlink()
    second, called = execute()
    assert called == ["clean"]
    assert reasons(second)["clean"].startswith(
        f"cache miss: what run {first.run_id} of '{first.dag_id}' has stored is gone ("
    )
    assert execute()[1] == []


def test_a_writer_is_called_in_every_run(execute):
    writing = Pipeline([*NODES, Node(write, ["sum"], [])], config={"rows": 4, "window": 2})
    WRITTEN.clear()
    assert execute(pipeline=writing)[1] == [*ALL, "write"]
    run, called = execute(pipeline=writing)
    assert (called, WRITTEN) == (["write"], [12, 12])
    assert "has no outputs" in reasons(run)["write"]
    assert execute(pipeline=writing, cache=Cache(writers=True))[1] == []


def put_down(sum_, path):
    CALLS.append("put_down")
    Path(path).write_text(str(sum_))


def pick_up(path):
    CALLS.append("pick_up")
    return Path(path).read_text()


def test_what_a_node_finds_where_a_writer_before_it_writes_is_what_that_has_written(execute, tmp_path):
    """R14."""
    nodes = [*NODES, Node(put_down, ["sum", "config.path"], []), Node(pick_up, ["config.path"], ["found"])]

    def through_a_file(window):
        return Pipeline(nodes, config={"rows": 4, "window": window, "path": str(tmp_path / "sum.txt")})

    execute(pipeline=through_a_file(2))
    assert execute(pipeline=through_a_file(2))[1] == ["put_down"]
    changed, called = execute(pipeline=through_a_file(3))
    assert called == ["clean", "total", "put_down", "pick_up"]
    assert changed.value("pick_up") == "18"
    assert "what 'put_down' writes changed" in reasons(changed)["pick_up"]
    silent = {"put_down": NodeOptions(cache="off")}
    run, called = execute(pipeline=through_a_file(2), node_options=silent)
    assert called == ["put_down", "pick_up"]
    assert "of what that writes nothing is known" in reasons(run)["pick_up"]


def test_an_artifact_that_somebody_has_written_again_is_not_taken(execute, tmp_path):
    """As when a run is deleted and another one gets its id."""
    execute()
    (file,) = tmp_path.rglob("sum.json")
    os.utime(file, (0, 0))
    assert execute()[1] == ["total"]


def test_a_task_of_several_nodes_goes_on_where_something_has_changed(execute):
    stored = {"granularity": "pipeline", "persist": "all"}
    first, _ = execute(**stored)
    second, called = execute(pipeline=pipeline(window=3), **stored)
    assert called == ["clean", "total"]
    assert reasons(second)["pipeline"] == (
        f"cache hit: nodes through 'load', run {first.run_id} of '{first.dag_id}'; cache miss: node 'clean': "
        f"config.window 2 → 3 (run {first.run_id})"
    )
    assert second.value("pipeline", "sum") == 18


def test_what_other_tasks_hand_over_counts_by_its_content(run_dag, storage):
    rows = {"number": 3}

    def dag():
        with DAG("handed", schedule=None) as handed:

            @linepipe_task(storage=storage)
            def extract():
                return pd.DataFrame({"delay": range(rows["number"])})

            @task
            def window():
                return 2

            inputs = {"raw": extract(), "config.window": 1}
            nodes = [Node(clean, ["raw", "window"], ["cleaned"]), NODES[2]]
            LinepipeTaskGroup(
                "group",
                pipeline=Pipeline(nodes),
                inputs={"raw": inputs["raw"], "window": window()},
                cache=True,
                storage=storage,
            )
        return handed

    assert (run_dag(dag()).state, calls()) == ("success", ["clean", "total"])
    assert (run_dag(dag()).state, calls()) == ("success", [])
    rows["number"] = 4
    changed = run_dag(dag())
    assert (changed.state, calls()) == ("success", ["clean", "total"])
    assert "input 'raw' changed" in reasons(changed)["group.clean"]


def square(number):
    CALLS.append(f"square {number}")
    return number**2


def gather(squares):
    CALLS.append("gather")
    return sum(squares)


def test_of_a_mapped_task_each_index_is_decided_for_itself(run_dag, storage):
    def dag(numbers):
        with DAG("mapped", schedule=None) as mapped:
            squares = LinepipeNodeOperator.partial(
                task_id="square", node=Node(square, ["number"], ["squared"]), cache=True, storage=storage
            ).expand(inputs=[{"number": number} for number in numbers])
            LinepipeNodeOperator(
                node=Node(gather, ["squares"], ["sum"]), inputs={"squares": squares.output}, cache=True, storage=storage
            )
        return mapped

    assert run_dag(dag([1, 2, 3])).value("gather") == 14
    assert sorted(calls()) == ["gather", "square 1", "square 2", "square 3"]
    assert run_dag(dag([1, 2, 3])).value("gather") == 14
    assert calls() == []
    assert run_dag(dag([3, 2, 5])).value("gather") == 38
    assert sorted(calls()) == ["gather", "square 5"]


def numbers(count):
    CALLS.append("numbers")
    return list(range(count))


def test_what_others_expand_over_is_taken_item_by_item(run_dag, storage):
    def dag(*, expands):
        with DAG("expanded", schedule=None) as expanded:
            made = LinepipeNodeOperator(
                node=Node(numbers, ["count"], ["list"]), inputs={"count": 3}, cache=True, storage=storage
            )
            if expands:
                LinepipeNodeOperator.partial(
                    task_id="square", node=Node(square, ["number"], ["squared"]), cache=True, storage=storage
                ).expand(inputs=made.output.map(lambda number: {"number": number}))
        return expanded

    assert run_dag(dag(expands=False)).value("numbers") == [0, 1, 2]
    assert calls() == ["numbers"]
    for expected in (["numbers", "square 0", "square 1", "square 2"], []):
        run = run_dag(dag(expands=True))
        assert (run.state, sorted(calls())) == ("success", expected)
        assert run.value("square", map_index=2) == 4


def test_a_published_output_is_published_by_a_hit_as_well(execute, storage, tmp_path):
    options = {"publish": {"sum": Asset("the_sum")}}
    execute(**options)
    assert execute(**options)[1] == []
    assert len(list(tmp_path.rglob(".linepipe/published/the_sum/*.json"))) == 2


def test_why_is_in_the_log_in_xcom_and_on_the_command_line(execute, storage, caplog, capsys):
    first, _ = execute()
    with caplog.at_level(logging.INFO):
        second, _ = execute(pipeline=pipeline(window=3))
    expected = f"cache miss: config.window 2 → 3 (run {first.run_id})"
    assert expected in caplog.messages
    assert second.xcoms["clean", -1, "linepipe_cache"] == {"hit": False, "reason": expected, "done": []}
    capsys.readouterr()
    assert main(["why", second.dag_id, second.run_id, "clean", "--storage", storage]) == 0
    assert capsys.readouterr().out == f"clean: {expected}\n"
    assert main(["why", second.dag_id, second.run_id, "claen", "--storage", storage]) == 1
    assert "it knows clean, load, total" in capsys.readouterr().err


def test_entries_go_with_the_runs_that_made_them_and_stay_as_long_as_one_reads_them(execute, run_dag, tmp_path):
    def entries():
        return list(tmp_path.rglob(".linepipe/cache/*/??/*.json"))

    first, _ = execute()
    assert execute(retention=Retention(keep_runs=1))[1] == []
    assert execute(retention=Retention(keep_runs=1))[1] == []
    assert list(tmp_path.rglob("cleaned.arrow"))  # what the last run reads stays
    assert len(entries()) == 3
    assert execute(pipeline=pipeline(rows=5), retention=Retention(keep_runs=1))[1] == ALL
    assert len(entries()) == 3, list(tmp_path.rglob("*"))
    (left,) = tmp_path.rglob("cleaned.arrow")
    assert first.run_id.split("+")[0][-6:] not in str(left)
    assert execute()[1] == ALL


def test_no_secret_of_the_config_stands_in_what_the_cache_keeps(run_dag, storage, tmp_path):
    def connect(url, password):
        return f"{url[:3]}{len(password)}"

    config = {"url": "postgresql://me:hunter2@host/db", "password": "swordfish"}
    nodes = [Node(connect, ["config.url", "config.password"], ["length"])]
    run_dag(LinepipeDag("secretive", pipeline=Pipeline(nodes, config=config), cache=True, storage=storage))
    text = b"".join(path.read_bytes() for path in tmp_path.rglob("*.json"))
    assert b"config.password" in text
    assert b"hunter2" not in text
    assert b"swordfish" not in text
    assert json.dumps(Variable.get(SECRET_VARIABLE)).encode() not in text


def breaking(cleaned, path):
    CALLS.append("breaking")
    if not Path(path).exists():
        Path(path).touch()
        message = "once"
        raise ValueError(message)
    return len(cleaned)


@pytest.mark.parametrize("persist", ["boundary", "all"])
def test_what_a_retry_has_made_is_found_by_later_runs(persist, execute, tmp_path):
    """A second try goes on after what the first has stored, and a second run calls nothing."""
    nodes = [*NODES[:2], Node(breaking, ["cleaned", "config.path"], ["length"])]
    again = Pipeline(nodes, config={"rows": 4, "window": 2, "path": str(tmp_path / "broken")})
    options = {"granularity": "pipeline", "persist": persist, "retries": 1, "retry_delay": timedelta(0)}
    _, called = execute(pipeline=again, **options)
    first_two = ["load", "clean"]
    assert called == [*first_two, "breaking", *(first_two if persist == "boundary" else []), "breaking"]
    assert execute(pipeline=again, **options)[1] == []
