"""What a run leaves in storage: temporary artifacts go, results and claims stay, older runs go by policy."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pendulum
import pytest
from airflow.sdk import DAG, Asset, TaskGroup, task
from airflow.sdk.exceptions import AirflowSkipException
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import (
    LinepipeCleanupOperator,
    LinepipeDag,
    LinepipeNodeOperator,
    LinepipeTaskGroup,
    Retention,
    linepipe_task,
    load_artifact,
    settings,
)
from airflow_linepipe.errors import ArtifactNotFoundError, SettingError, UnknownOutputError
from airflow_linepipe.handoff import StoredRun, split_sealed
from airflow_linepipe.handoff.layout import run_url, unescape
from airflow_linepipe.hooks.retention import _liveness

START = pendulum.datetime(2026, 1, 1)
COMMON = {"schedule": None, "start_date": START}


def load():
    return [3, 1, 2]


def order(raw):
    return sorted(raw)


def split(ordered, fail=""):
    if fail == "fail":
        raise ValueError(fail)
    if fail == "skip":
        raise AirflowSkipException(fail)
    return ordered[:1], ordered[1:]


def chain(fail=""):
    nodes = [Node(load, [], ["raw"]), Node(order, ["raw"], ["ordered"]), Node(split, ["ordered", "fail"], ["a", "b"])]
    return Pipeline(nodes, fail=fail)


@pytest.fixture(autouse=True)
def storage(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__LINEPIPE__STORAGE", f"file://{tmp_path}/storage")
    return tmp_path / "storage"


def files(storage, below=""):
    """What lies below a folder: its path without DAG, run and try."""
    found = (path.relative_to(storage) for path in storage.rglob("*") if path.is_file())
    return sorted(f"{path.parts[2]}/{path.name}" for path in found if str(path).startswith(below))


@pytest.mark.parametrize("temporary", ["inner", ["raw", "ordered"]])
@pytest.mark.parametrize(
    ("fail", "state", "left"),
    [
        ("", "success", ["split/a.json", "split/b.json"]),
        ("fail", "failed", []),
        ("skip", "success", []),
    ],
)
def test_temporary_artifacts_go_also_when_a_task_fails_or_is_skipped(run_dag, storage, temporary, fail, state, left):
    """R54, R04: and the DAG run's state is that of its nodes."""
    name = f"r54_{fail}_{''.join(temporary)}"
    run = run_dag(LinepipeDag(name, pipeline=chain(fail), temporary=temporary, **COMMON))
    assert run.state == state
    assert str(run.tasks["clean_up", -1].state) == "success"
    assert files(storage) == left
    if not fail:
        assert (run.value("split", "a"), run.value("split", "b")) == ([1], [2, 3])
    with pytest.raises(ArtifactNotFoundError, match="task 'load' of DAG"):
        run.value("load")


def test_the_first_tasks_failure_is_the_runs(run_dag, storage):
    """R54."""
    nodes = [Node(split, ["text", "fail"], ["x", "y"]), Node(order, ["x"], ["z"])]
    dag = LinepipeDag("r54_first", pipeline=Pipeline(nodes, fail="fail", text="text"), temporary=["x"], **COMMON)
    run = run_dag(dag)
    states = {task_id: str(task.state) for (task_id, _), task in run.tasks.items()}
    assert states == {"split": "failed", "order": "upstream_failed", "clean_up": "success"}
    assert run.state == "failed"


def test_what_a_failed_try_has_stored_goes_too(run_dag, storage):
    """R54: Of a task of several nodes, the first of which has left its output before the last one failed."""
    dag = LinepipeDag(
        "r54_chain", pipeline=chain("fail"), granularity="pipeline", persist="all", temporary=["raw"], retries=1,
        retry_delay=timedelta(0), **COMMON,
    )  # fmt: skip
    run_dag(dag)
    assert {name for name in files(storage) if "raw" in name} == set()
    assert "pipeline/ordered.json" in files(storage)


def test_only_the_runs_own_artifacts_go(run_dag, storage):
    """R04."""
    kept = run_dag(LinepipeDag("r04_own", pipeline=chain(), **COMMON))
    run = run_dag(LinepipeDag("r04_own", pipeline=chain(), temporary="inner", **COMMON))
    assert kept.value("load") == [3, 1, 2]
    assert run.value("split", "a") == [1]
    assert len(files(storage)) == 4 + 2


def test_two_groups_keep_apart(run_dag, storage):
    """R04."""
    with DAG("r04_groups", schedule=None, start_date=START) as dag:
        LinepipeTaskGroup("one", pipeline=chain(), temporary="inner")
        LinepipeTaskGroup("two", pipeline=chain())
    assert run_dag(dag).state == "success"
    assert [name for name in files(storage) if name.startswith("one")] == ["one.split/a.json", "one.split/b.json"]
    assert len([name for name in files(storage) if name.startswith("two")]) == 4


def test_what_another_task_reads_is_not_inner(run_dag, storage):
    with DAG("inner_read", schedule=None, start_date=START) as dag:
        group = LinepipeTaskGroup("g", pipeline=chain(), temporary="inner")
        linepipe_task(lambda raw: raw[0], task_id="asked")(group["raw"])
        mapped = linepipe_task(lambda item, ordered: item + ordered[0], task_id="mapped")
        mapped.partial(ordered=dag.get_task("g.order").output).expand(item=[1])
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("asked") == 3
    assert {"g.load/raw.json", "g.order/ordered.json"} <= set(files(storage))


def test_what_is_published_is_not_inner_and_recorded_before_anybody_hears_of_it(run_dag, storage):
    asset = Asset("retained", uri="s3://bucket/retained")
    dag = LinepipeDag("inner_published", pipeline=chain(), temporary="inner", publish={"raw": asset}, **COMMON)
    assert dag.get_task("clean_up").temporary == {"order": ("ordered",)}
    run = run_dag(dag)
    assert run.value("load") == [3, 1, 2]
    (record,) = (storage / ".linepipe/published/retained").iterdir()
    content = json.loads(split_sealed(record.read_bytes())[1])
    assert content["asset"] == {"name": "retained", "uri": "s3://bucket/retained"}
    assert content["producer"] == {"dag_id": "inner_published", "run_id": run.run_id, "task_id": "load"}
    assert content["published"] == run.xcoms["load", -1, "return_value"]
    assert (storage / content["artifacts"][0]).exists()


def test_a_publication_that_cannot_be_recorded_fails_the_task_before_the_event(run_dag, storage):
    storage.mkdir()
    (storage / ".linepipe").write_text("no folder")
    dag = LinepipeDag("unrecorded", pipeline=chain(), publish={"raw": Asset("unrecorded")}, **COMMON)
    run = run_dag(dag)
    assert str(run.tasks["load", -1].state) == "failed"
    assert ("load", -1, "return_value") not in run.xcoms


def backdate(storage, days):
    then = pendulum.now().subtract(days=days).timestamp()
    for file in storage.rglob("*"):
        os.utime(file, (then, then))


def test_a_dag_keeps_its_latest_runs(run_dag, storage):
    """R04."""
    dag_ids = ("r04_keeping", "r04_other")
    old = {dag_id: run_dag(LinepipeDag(dag_id, pipeline=chain(), **COMMON)) for dag_id in dag_ids}
    backdate(storage, 10)
    dag = LinepipeDag("r04_keeping", pipeline=chain(), retention=Retention(keep_runs=2), **COMMON)
    for kept in (2, 2, 2):
        run = run_dag(dag)
        assert str(run.tasks["clean_up", -1].state) == "success"
        assert run.value("split", "a") == [1]
        assert len(list((storage / "r04_keeping").iterdir())) == kept
    assert old["r04_other"].value("load") == [3, 1, 2]
    with pytest.raises(ArtifactNotFoundError):
        old["r04_keeping"].value("load")


@pytest.mark.parametrize("state", ["running", "queued", "success"])
def test_a_run_that_airflow_calls_running_or_queued_stays(run_dag, storage, state):
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import update

    dag_id = f"live_{state}"
    # Without a date of its own, dag.test() would let the next run take its place.
    old = run_dag(LinepipeDag(dag_id, pipeline=chain(), **COMMON), logical_date=START)
    backdate(storage, 10)
    with create_session() as session:
        session.execute(update(DagRun).where(DagRun.run_id == old.run_id).values(state=state))
    run_dag(LinepipeDag(dag_id, pipeline=chain(), retention=Retention(keep_runs=0), **COMMON))
    assert old_folder(old).exists() == (state != "success")


def old_folder(run):
    uri = run.xcoms["load", -1, "return_value"]["uri"]
    return Path(uri.removeprefix("file://")).parents[2]


class Asked:
    """A task that knows how many runs Airflow would find."""

    dag_id, run_id = "d", "own"

    def __init__(self, count):
        self.count, self.calls = count, []

    def get_dr_count(self, dag_id, *, run_ids=None, states):
        self.calls.append((dag_id, run_ids, states))
        return self.count


@pytest.mark.parametrize(
    ("dag_id", "run_id", "count", "live"),
    [
        ("d", "own", 0, True),
        ("d", "other", 0, False),
        ("d", "other", 1, True),
        ("d", "é" * 80, 1, False),
        ("d", "é" * 80, 2, True),
        ("e", "é" * 80, 0, False),
        ("e", "é" * 80, 1, True),
        ("é" * 80, "other", 0, True),
    ],
)
def test_whether_a_run_goes_on_is_known_also_if_its_folders_name_is_cut(dag_id, run_id, count, live):
    """Where Airflow cannot be asked for the run, any other of the DAG is a reason to keep it."""
    asked = Asked(count)
    url = run_url("file:///s", dag_id, run_id)
    run = StoredRun(dag_id=unescape(url.split("/")[-2]), run_id=unescape(url.split("/")[-1]), url=url, artifacts=())
    assert _liveness(asked)(run) is live
    for _, run_ids, states in asked.calls:
        assert states == ["queued", "running"]
        assert run_ids == (["other"] if run_id == "other" else None)


def reader_of(kind, reference):
    """A DAG that is handed a reference of another DAG's run."""
    with DAG(f"reader_{kind}", schedule=None, start_date=START) as dag:
        if kind == "node":
            LinepipeNodeOperator(node=Node(order, ["raw"], ["x"]), inputs={"raw": reference})
        elif kind == "task":
            linepipe_task(order)(reference)
        elif kind == "plain":

            @task
            def plain(wire):
                return load_artifact(wire)

            plain(reference)
        else:

            @linepipe_task
            def hand_on():
                return reference

            hand_on()
    return dag


@pytest.mark.parametrize("kind", ["node", "task", "plain", "handed on"])
def test_what_a_run_reads_of_another_stays_as_long_as_it_does(run_dag, storage, kind):
    """R04."""
    kind = kind.replace(" ", "_")
    dag_id = f"made_for_{kind}"
    made = run_dag(LinepipeDag(dag_id, pipeline=chain(), **COMMON))
    run = run_dag(reader_of(kind, made.xcoms["order", -1, "return_value"]))
    assert run.state == "success"
    backdate(storage / dag_id, 10)
    sweep = LinepipeDag(dag_id, pipeline=chain(), retention=Retention(keep_runs=1), **COMMON)
    run_dag(sweep)
    assert made.value("order") == [1, 2, 3]
    with pytest.raises(ArtifactNotFoundError):
        made.value("load")
    for file in (storage / f"reader_{kind}").rglob("*.json"):
        file.unlink()
    run_dag(sweep)
    with pytest.raises(ArtifactNotFoundError):
        made.value("order")


def test_a_use_is_recorded_before_the_artifact_is_read(run_dag, storage):
    made = run_dag(LinepipeDag("made_and_gone", pipeline=chain(), **COMMON))
    reference = made.xcoms["order", -1, "return_value"]
    Path(reference["uri"].removeprefix("file://")).unlink()
    assert run_dag(reader_of("node", reference)).state == "failed"
    (record,) = storage.glob("reader_node/*/.uses/*.json")
    assert json.loads(record.read_text())["artifacts"] == [reference["uri"].split("/storage/")[-1]]


def test_a_runs_own_artifacts_are_not_recorded_as_read(run_dag, storage):
    run_dag(LinepipeDag("own_reads", pipeline=chain(), **COMMON))
    assert list(storage.rglob(".uses")) == []


def test_a_cleanup_by_hand(run_dag, storage):
    with DAG("by_hand", schedule=None, start_date=START) as dag:
        made = LinepipeNodeOperator(node=Node(load, [], ["raw"]))
        used = LinepipeNodeOperator(node=Node(order, ["raw"], ["x"]), inputs={"raw": made.output})
        clean = LinepipeCleanupOperator(task_id="clean", temporary={"load": ["raw"]}).as_teardown()
        [made, used] >> clean
    assert run_dag(dag).state == "success"
    assert files(storage) == ["order/x.json"]


def test_inside_a_mapped_group_each_instance_removes_its_own(run_dag, storage):
    with DAG("mapped_group", schedule=None, start_date=START) as dag:

        @linepipe_task
        def keep(x):
            return x

        @linepipe_task
        def make(number):
            if number == 2:
                raise ValueError(number)
            return number

        from airflow.sdk import task_group

        @task_group
        def each(number):
            made = make(number)
            LinepipeCleanupOperator(task_id="clean", temporary={"each.make": ["return_value"]}).as_teardown() << [
                made, keep(made)
            ]  # fmt: skip

        each.expand(number=[1, 2, 3])
    run = run_dag(dag)
    assert {index: str(task.state) for (task_id, index), task in run.tasks.items() if task_id == "each.clean"} == {
        0: "success", 1: "success", 2: "success",
    }  # fmt: skip
    assert files(storage) == ["each.keep/return_value.json"] * 2


def test_a_cleanup_of_a_task_that_is_not_there_says_so(run_dag):
    with DAG("clean_wrong", schedule=None, start_date=START) as dag:
        LinepipeNodeOperator(node=Node(load, [], ["raw"]))
        clean = LinepipeCleanupOperator(task_id="clean", temporary={"laod": ["raw"]})
    with pytest.raises(SettingError, match=r"temporary\['laod'\]: the DAG has no such task: did you mean 'load'\?"):
        clean._unread()
    assert dag.task_ids == ["load", "clean"]


def test_the_cleanup_is_a_teardown_behind_every_task_with_an_id_of_its_own():
    def clean_up(raw):
        return raw

    nodes = [Node(load, [], ["raw"]), Node(clean_up, ["raw"], ["x"])]
    dag = LinepipeDag(
        "ids", pipeline=Pipeline(nodes), temporary="inner", default_args={"trigger_rule": "one_success"},
        queue="disk", outlets=[Asset("each")], **COMMON,
    )  # fmt: skip
    cleanup = dag.get_task("clean_up__2")
    assert cleanup.is_teardown
    assert cleanup.upstream_task_ids == {"load", "clean_up"}
    assert (cleanup.trigger_rule.value, cleanup.queue, cleanup.outlets) == ("all_done_setup_success", "disk", [])


def test_without_anything_to_remove_there_is_no_such_task():
    assert "clean_up" not in LinepipeDag("nothing", pipeline=chain(), **COMMON).task_ids
    alone = Pipeline([Node(load, [], ["raw"])])
    assert LinepipeDag("nothing", pipeline=alone, temporary="inner", **COMMON).task_ids == ["load"]


def test_what_follows_the_group_does_not_wait_for_the_cleanup():
    with DAG("followed", schedule=None, start_date=START) as dag:
        group = LinepipeTaskGroup("g", pipeline=chain(), temporary="inner")
        with TaskGroup("after"):
            after = LinepipeNodeOperator(node=Node(load, [], ["raw"]))
        group >> after
    assert dag.get_task("after.load").upstream_task_ids == {"g.split"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"temporary": ["rwa"]}, "temporary: there is no output 'rwa': did you mean 'raw'?"),
        ({"temporary": "iner"}, "temporary: there is no output 'iner': there are a, b, ordered, raw."),
        ({"temporary": 3}, "temporary=3: give a list of names."),
        (
            {"temporary": ["raw"], "publish": {"raw": Asset("raw")}},
            "temporary: the output 'raw' is published, and stays: take it out of one of the two.",
        ),
        (
            {"temporary": ["raw"], "ephemeral": ["raw"]},
            "temporary: the output 'raw' is ephemeral, and never stored: leave it out.",
        ),
        ({"retention": 3}, "retention=3: write Retention(keep_runs=10), or Retention(keep_for=timedelta(days=30))."),
    ],
)
def test_what_cannot_be_removed_is_an_error_of_the_dag(arguments, sentence):
    for make in (LinepipeDag, LinepipeTaskGroup):
        with DAG("wrong", schedule=None, start_date=START), pytest.raises(SettingError) as caught:
            make("wrong", pipeline=chain(), **arguments)
        assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "Task 'clean' has nothing to do: give it temporary={'task': ['output']} or retention."),
        ({"temporary": ["raw"]}, "temporary=['raw']: give a dict whose keys are names."),
        ({"temporary": {"load": 3}}, "temporary['load']=3: give a list of names."),
        ({"retention": 3}, "retention=3: write Retention(keep_runs=10), or Retention(keep_for=timedelta(days=30))."),
        (
            {"retention": Retention(keep_runs=1), "storage": "here"},
            "The storage 'here' is no URL: write /absolute/path, s3://bucket/prefix or the like.",
        ),
    ],
)
def test_a_cleanup_that_cannot_be_is_an_error_of_the_dag(arguments, sentence):
    with pytest.raises(SettingError) as caught:
        LinepipeCleanupOperator(task_id="clean", **arguments)
    assert str(caught.value) == sentence


def test_a_temporary_output_is_no_output_of_the_group():
    dag = LinepipeDag("temporary_read", pipeline=chain(), temporary=["raw"], **COMMON)
    assert set(dag.outputs) == {"ordered", "a", "b"}
    with pytest.raises(UnknownOutputError, match="The output 'raw' is temporary, and gone when the pipeline has run"):
        dag["raw"]


def test_the_maintenance_dag_collects_from_every_dag(run_dag, storage, example_dags):
    """R54: and says in a dry run what it would do."""
    old = run_dag(LinepipeDag("maintained", pipeline=chain(), **COMMON))
    backdate(storage, 90)
    dag = example_dags["linepipe_maintenance"]
    conf = {"older_than_days": 30, "keep_last": 0}
    told = run_dag(dag, conf={**conf, "dry_run": True}).xcoms["collect_old_runs", -1, "return_value"]
    assert told["artifacts"] == 4
    assert old.value("load") == [3, 1, 2]
    assert run_dag(dag, conf={**conf, "dry_run": False}).xcoms["collect_old_runs", -1, "return_value"] == told
    assert files(storage) == []
    assert settings.storage() == f"file://{storage}"
