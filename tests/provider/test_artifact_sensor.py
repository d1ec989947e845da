"""The sensor: what it waits for, in each of its modes, and what it hands on."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
import uuid
from datetime import UTC, datetime, timedelta

import pipelines
import pytest
from airflow.models.variable import Variable
from airflow.sdk import DAG, Asset
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowSkipException, TaskDeferred
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import (
    LinepipeArtifactSensor,
    LinepipeArtifactTrigger,
    LinepipeNodeOperator,
    LinepipeTaskGroup,
    linepipe_task,
    load_artifact,
    settings,
)
from airflow_linepipe.errors import SettingError, StorageFaultError, StorageUnavailableError
from airflow_linepipe.handoff import Exchange, Producer, Publications, Seal, claim_publication, open_store
from airflow_linepipe.hooks.secret import SECRET_VARIABLE

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
SECRET = "sealed"
MODES = {
    "poke": {"mode": "poke", "poke_interval": 0.05},
    "reschedule": {"mode": "reschedule", "poke_interval": 0.05},
    "deferrable": {"poke_interval": 0.05},
}


@pytest.fixture(autouse=True)
def storage(tmp_path, monkeypatch, airflow_db):
    root = f"file://{tmp_path}/storage"
    monkeypatch.setenv("AIRFLOW__LINEPIPE__STORAGE", root)
    monkeypatch.setenv(f"AIRFLOW_VAR_{SECRET_VARIABLE.upper()}", SECRET)
    return root


def publish(storage, value, *, name="features", minutes=0, secret=SECRET):
    producer = Producer(dag_id="d", run_id=uuid.uuid4().hex, task_id="t")
    reference = Exchange(storage).put(value, name="x", producer=producer).to_wire()
    claim_publication(
        storage, reference, asset=name, asset_uri=name, producer=producer, now=NOW + timedelta(minutes=minutes),
        open_store=open_store, seal=Seal(secret) if secret else None,
    )  # fmt: skip
    return reference


def soon(action):
    """Do something when the sensor has looked for a first time and waits."""
    timer = threading.Timer(0.7, action)
    timer.start()
    return timer


def one(dag_id, **arguments):
    with DAG(dag_id, schedule=None, start_date=START) as dag:
        LinepipeArtifactSensor(task_id="wait", **arguments)
    return dag


def sensor(**arguments):
    return LinepipeArtifactSensor(task_id="wait", **arguments)


def found(**arguments):
    """What a sensor finds when it looks once; "nothing" if it goes on waiting."""
    poked = sensor(**arguments).poke({})
    return poked.xcom_value if poked.is_done else "nothing"


@pytest.fixture
def warehouse(tmp_path, monkeypatch):
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("create table inbox (id integer, at text)")
    yield database
    database.close()


@pytest.mark.parametrize("mode", MODES)
def test_it_waits_for_an_artifact_and_hands_its_reference_on(mode, storage, run_dag):
    """R60: what was published is data for our operators and for any task."""
    publish(storage, {"late": 0.1}, minutes=-1)
    with DAG(f"waits_for_artifact_{mode}", schedule=None, start_date=START) as dag:
        wait = sensor(name="features", newer_than=NOW, condition={"value.late": "> 0.5"}, **MODES[mode])
        LinepipeNodeOperator(node=Node(len, ["x"], ["n"]), inputs={"x": wait.output})
    publish(storage, {"late": 0.2}, minutes=1)
    soon(lambda: publish(storage, {"late": 0.9, "other": 1}, minutes=2))
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("wait") == {"late": 0.9, "other": 1}
    assert run.value("len") == 2


@pytest.mark.parametrize("mode", MODES)
def test_it_waits_for_files_and_hands_their_urls_on(mode, tmp_path, run_dag):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").touch()

    def arrive():
        (folder / "b.csv").touch()
        (folder / "a.csv").touch()

    soon(arrive)
    run = run_dag(one(f"waits_for_files_{mode}", path=f"file://{folder}/a*.csv", **MODES[mode]))
    assert run.state == "success"
    assert run.xcoms["wait", -1, "return_value"] == [f"file://{folder}/a.csv"]


@pytest.mark.parametrize("mode", MODES)
def test_it_waits_for_rows_and_hands_the_value_on(mode, warehouse, run_dag):
    warehouse.execute("insert into inbox values (7, '')")
    soon(lambda: warehouse.execute("insert into inbox values (8, '')"))
    sql = "select max(id) from inbox"
    run = run_dag(one(f"waits_for_rows_{mode}", conn_id="warehouse", sql=sql, newer_than=7, **MODES[mode]))
    assert run.state == "success"
    assert run.xcoms["wait", -1, "return_value"] == 8


def test_what_is_there_already_needs_no_trigger(storage):
    reference = publish(storage, "x")
    assert sensor(name="features").execute({}) == reference


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
@pytest.mark.parametrize(("soft_fail", "state"), [(False, "failed"), (True, "skipped")])
def test_when_the_time_is_over_it_fails_or_skips(mode, soft_fail, state, run_dag):
    dag = one(f"times_out_{mode}_{soft_fail}", name="never", timeout=0.1, soft_fail=soft_fail, **MODES[mode])
    assert run_dag(dag).tasks["wait", -1].state == state


def deferred(operator, context=None, **resumed):
    """How a sensor defers, from its start or from its resumption."""
    with pytest.raises(TaskDeferred) as caught:
        operator.execute_complete(context or {}, **resumed) if resumed else operator.execute(context or {})
    return caught.value


def test_the_time_is_counted_from_the_first_look_however_often_it_defers():
    operator = sensor(name="never", timeout=100)
    first = deferred(operator)
    assert 99 < first.timeout.total_seconds() <= 100
    deadline = datetime.fromisoformat(first.kwargs["deadline"])
    assert abs((deadline - datetime.now(UTC)).total_seconds() - 100) < 5
    half = (datetime.now(UTC) + timedelta(seconds=50)).isoformat()
    again = deferred(operator, event={}, deadline=half)
    assert 45 < again.timeout.total_seconds() <= 50
    assert again.kwargs["deadline"] == half
    # dag.test() gives no arguments.
    assert deferred(operator, event={}).timeout.total_seconds() > 99


@pytest.mark.parametrize(("soft_fail", "error"), [(False, AirflowSensorTimeout), (True, AirflowSkipException)])
def test_a_deferred_sensor_whose_time_is_over_fails_or_skips(soft_fail, error):
    over = datetime.now(UTC).isoformat()
    operator = sensor(name="never", soft_fail=soft_fail)
    with pytest.raises(error):
        operator.resume_execution("execute_complete", {"event": {}, "deadline": over}, {})
    with pytest.raises(error):
        operator.resume_execution("__fail__", {"error": "Trigger timeout"}, {})
    with pytest.raises(error):
        sensor(name="never", soft_fail=soft_fail, timeout=0).execute({})


def test_when_the_triggerer_is_wrong_it_goes_on_waiting_and_when_right_its_word_is_not_the_value(storage):
    operator = sensor(name="features")
    deferred(operator, event={"found": "a lie"}, deadline=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    reference = publish(storage, "x")
    assert operator.execute_complete({}, event={"found": "whatever"}) == reference


def test_it_says_how_often_to_look_in_the_triggerer():
    plain = deferred(sensor(name="x", newer_than=NOW, condition={"rows": "> 5"})).trigger
    classpath, kwargs = plain.serialize()
    assert classpath == "airflow_linepipe.triggers.artifact.LinepipeArtifactTrigger"
    assert json.loads(json.dumps(kwargs)) == kwargs
    assert {**kwargs, "looked": ""} == {
        "name": "x", "newer_than": NOW.isoformat(), "condition": {"rows": "> 5"}, "poll_interval": 2.0, "once": True,
        "checked": True, "looked": "",
    }  # fmt: skip
    assert LinepipeArtifactTrigger(**kwargs).serialize() == (classpath, kwargs)
    assert plain.supports_triggerer_queue
    backing = deferred(
        sensor(name="x", exponential_backoff=True, max_wait=90, poke_interval=timedelta(seconds=2))
    ).trigger
    assert (backing.poll_interval, backing.max_interval) == (2.0, 90.0)
    assert deferred(sensor(name="x", exponential_backoff=True, timeout=70)).trigger.max_interval == 70


def test_it_waits_in_the_triggerer_unless_a_mode_is_chosen():
    assert [sensor(name="x").deferrable, sensor(name="x").poke_interval] == [True, 2.0]
    for mode in ("poke", "reschedule"):
        chosen = sensor(name="x", mode=mode)
        assert [chosen.deferrable, chosen.poke_interval] == [False, 60.0]
    assert sensor(name="x", mode="poke", deferrable=True).deferrable


class Broken:
    def __call__(self, uri):
        raise OSError(5, "broken")


@pytest.mark.parametrize("mode", ["poke", "deferrable"])
def test_a_storage_that_fails_fails_it_unless_it_is_told_otherwise(mode, storage, monkeypatch):
    monkeypatch.setattr("airflow_linepipe.hooks.looking.open_store", Broken())
    options = {"name": "features", "timeout": 0.2, **MODES[mode]}
    context = {}
    with pytest.raises(StorageFaultError, match="published as 'features' cannot be read"):
        sensor(**options).execute(context)
    with pytest.raises(AirflowSkipException):
        sensor(never_fail=True, **options).execute(context)
    with pytest.raises((AirflowSensorTimeout, TaskDeferred)):
        sensor(silent_fail=True, **options).execute(context)


def test_without_a_time_what_is_there_counts_and_the_newest_that_fulfils_the_condition_is_taken(storage):
    assert found(name="features") == "nothing"
    references = [publish(storage, value, minutes=value) for value in (3, 1, 2)]
    assert found(name="features") == references[0]
    assert found(name="features", condition={"value": "< 3"}) == references[2]
    assert found(name="features", condition={"value": "> 3"}) == "nothing"
    assert found(name="feature") == "nothing"


@pytest.mark.parametrize(
    "newer_than",
    [
        NOW + timedelta(minutes=1),
        (NOW + timedelta(minutes=1)).replace(tzinfo=None),
        "2026-06-01T00:01:00+00:00",
        "2026-06-01T02:01:00+02:00",
        "2026-06-01 00:01:00",
        "2026-06-01T00:01:00Z",
    ],
)
def test_a_time_is_taken_as_airflow_renders_it_or_as_a_datetime_and_without_a_zone_is_utc(newer_than, storage):
    publish(storage, 1, minutes=1)
    assert found(name="features", newer_than=newer_than) == "nothing"
    reference = publish(storage, 2, minutes=2)
    assert found(name="features", newer_than=newer_than) == reference


def test_its_texts_are_templates(storage, warehouse, tmp_path, run_dag):
    publish(storage, 5, name="features_a", minutes=1)
    (tmp_path / "a.csv").touch()
    warehouse.execute("insert into inbox values (8, '')")
    options = {"poke_interval": 0.05, "timeout": 5, "mode": "poke"}
    with DAG("templated_sensors", schedule=None, start_date=START, params={"which": "a", "least": 7}) as dag:
        common = {"newer_than": "{{ logical_date }}"}
        LinepipeArtifactSensor(task_id="artifact", name="features_{{ params.which }}", **common, **options)
        LinepipeArtifactSensor(task_id="files", path=f"{tmp_path}/{{{{ params.which }}}}.csv", **common, **options)
        LinepipeArtifactSensor(
            task_id="rows", conn_id="warehouse", sql="select {{ params.least }} + 1", newer_than="{{ params.least }}",
            **options,
        )  # fmt: skip
    run = run_dag(dag, logical_date=NOW)
    assert run.state == "success"
    assert run.value("artifact") == 5
    assert run.xcoms["files", -1, "return_value"] == [f"file://{tmp_path}/a.csv"]
    assert run.xcoms["rows", -1, "return_value"] == 8


def test_it_can_be_mapped_over(storage, run_dag):
    for name in "ab":
        publish(storage, name, name=name)
    with DAG("mapped_sensors", schedule=None, start_date=START) as dag:
        wait = LinepipeArtifactSensor.partial(task_id="wait", poke_interval=0.1).expand(name=["a", "b"])

        @linepipe_task
        def join(parts: list) -> str:
            return "".join(parts)

        join(wait.output)
    assert run_dag(dag).value("join") == "ab"


def test_only_files_written_after_the_time_count(tmp_path):
    for number, name in enumerate("abc"):
        (tmp_path / f"{name}.csv").touch()
        os.utime(tmp_path / f"{name}.csv", (NOW.timestamp() + number,) * 2)
    urls = [f"file://{tmp_path}/{name}.csv" for name in "abc"]
    assert found(path=f"{tmp_path}/*.csv") == urls
    assert found(path=f"{tmp_path}/*.csv", newer_than=NOW) == urls[1:]
    assert found(path=f"{tmp_path}/*.csv", newer_than=NOW + timedelta(seconds=2)) == "nothing"


@pytest.mark.parametrize(
    ("sql", "newer_than", "value"),
    [
        ("select max(id) from inbox where id > 99", None, "nothing"),
        ("select id from inbox where id > 99", None, "nothing"),
        ("select 0", None, "nothing"),
        ("select ''", None, "nothing"),
        ("select count(*) from inbox", None, 2),
        ("select max(id) from inbox", None, 10),
        ("select max(id) from inbox", 9, 10),
        ("select max(id) from inbox", "9", 10),
        ("select max(id) from inbox", 10, "nothing"),
        ("select max(id) from inbox", 9.5, 10),
        ("select max(at) from inbox", "2026-06-01T00:00:00+00:00", "2026-06-01 00:00:01"),
        ("select max(at) from inbox", "2026-06-01T00:00:01+00:00", "nothing"),
        ("select max(at) from inbox", NOW, "2026-06-01 00:00:01"),
        ("select 'b'", "a", "b"),
        ("select 'b'", "b", "nothing"),
        ("select 0.5", None, 0.5),
    ],
)
def test_a_query_counts_by_its_first_value(sql, newer_than, value, warehouse):
    warehouse.execute("insert into inbox values (10, '2026-06-01 00:00:01'), (9, '')")
    assert found(conn_id="warehouse", sql=sql, newer_than=newer_than) == value


def test_a_publication_that_is_not_signed_is_passed_over_with_a_line_that_says_so(storage, caplog):
    true = publish(storage, "true")
    publish(storage, "unsigned", minutes=1, secret="")
    publish(storage, "forged", minutes=2, secret="guessed")
    with caplog.at_level(logging.WARNING):
        assert found(name="features") == true
    lines = [record.getMessage() for record in caplog.records if "Passed over" in record.getMessage()]
    assert len(lines) == 2
    assert all(f"{storage}/.linepipe/published/features/" in line for line in lines)


def test_what_a_task_of_ours_publishes_is_what_it_waits_for(storage, run_dag):
    pipeline = Pipeline([Node(pipelines.frame, ["rows"], ["table"])], rows=4)
    with DAG("publishes_for_sensor", schedule=None, start_date=START) as dag:
        LinepipeTaskGroup("g", pipeline=pipeline, publish={"table": Asset("flight_features")})
    began = datetime.now(UTC)
    assert run_dag(dag).state == "success"
    options = {"name": "flight_features", "newer_than": began}
    assert len(load_artifact(found(condition={"rows": ">= 4"}, **options))) == 4
    assert found(condition={"rows": ">= 5"}, **options) == "nothing"


def test_the_secret_is_made_once_when_somebody_publishes_and_not_by_who_waits(monkeypatch, storage, run_dag):
    monkeypatch.delenv(f"AIRFLOW_VAR_{SECRET_VARIABLE.upper()}")
    Variable.delete(SECRET_VARIABLE)
    publish(storage, "x")
    assert found(name="features") == "nothing"
    assert Variable.get(SECRET_VARIABLE, default_var=None) is None
    pipeline = Pipeline([Node(pipelines.frame, ["rows"], ["table"])], rows=4)
    for number in range(2):
        with DAG(f"makes_the_secret_{number}", schedule=None, start_date=START) as dag:
            LinepipeTaskGroup("g", pipeline=pipeline, publish={"table": Asset("made")})
        assert run_dag(dag).state == "success"
    secret = Variable.get(SECRET_VARIABLE)
    assert len(secret) > 30
    assert len(Publications(storage, "made", secret=lambda: secret, open_store=open_store).newer_than()) == 2


@pytest.mark.server
def test_files_in_a_bucket_are_found_through_the_connection_in_the_url(s3_options, monkeypatch):
    import s3fs

    connection = {
        "conn_type": "aws",
        "login": s3_options["key"],
        "password": s3_options["secret"],
        "extra": {**s3_options["client_kwargs"], "config_kwargs": s3_options["config_kwargs"]},
    }
    monkeypatch.setenv("AIRFLOW_CONN_LP_S3", json.dumps(connection))
    bucket = s3fs.S3FileSystem(**s3_options)
    path = "s3://lp_s3@artifacts/sensor in/*.csv"
    assert found(path=path) == "nothing"
    began = datetime.now(UTC) - timedelta(seconds=2)
    bucket.pipe_file("artifacts/sensor in/a b.csv", b"1")
    assert found(path=path, newer_than=began) == ["s3://lp_s3@artifacts/sensor in/a b.csv"]
    assert found(path=path, newer_than=datetime.now(UTC) + timedelta(hours=1)) == "nothing"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "Task 'wait': give exactly one of name, path or sql (with conn_id), not none of them."),
        (
            {"name": "x", "path": "/x"},
            "Task 'wait': give exactly one of name, path or sql (with conn_id), not name and",
        ),
        ({"sql": "select 1"}, "Task 'wait': sql needs conn_id"),
        ({"conn_id": "c"}, "not none of them"),
        (
            {"path": "/x", "conn_id": "c"},
            "Task 'wait': conn_id goes with sql; the connection of a path stands in it, as",
        ),
        ({"name": ""}, "Task 'wait': name is empty."),
        ({"name": 5}, "Task 'wait': name=5: give it a text."),
        ({"sql": ["select 1"], "conn_id": "c"}, "Task 'wait': sql=['select 1']: give it a text."),
        ({"path": "data/*.csv"}, "path='data/*.csv': write /absolute/path/*.csv, s3://conn_id@bucket/prefix/*.csv or"),
        ({"path": "/data/"}, "path='/data/': write /absolute/path/*.csv"),
        ({"path": "file://data/x.csv"}, "is a relative path"),
        ({"path": "s3://me:secret@bucket/*"}, "holds a password"),
        (
            {"name": "x", "newer_than": "yesterday"},
            "newer_than='yesterday' is no time: give a datetime, or a text such",
        ),
        ({"name": "x", "newer_than": "None"}, "a run started by hand may have no data interval and no"),
        ({"path": "/x", "condition": {"rows": "> 1"}}, "Task 'wait': condition goes with name"),
        ({"name": "x", "condition": {"rows": "1000"}}, "condition['rows'] is '1000': write an operator"),
        ({"name": "x", "poke_interval": 0}, "Task 'wait': poke_interval is 0"),
        ({"name": "x", "mode": "reschedule", "deferrable": True}, 'mode="reschedule" goes with deferrable=False'),
        ({"name": "x", "storage": "nothing"}, "The storage 'nothing' is no URL"),
    ],
)
def test_what_cannot_be_waited_for_is_one_sentence_when_the_dag_is_parsed(arguments, sentence):
    with pytest.raises(SettingError) as caught:
        sensor(**arguments)
    assert sentence in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_system_that_is_not_installed_is_an_error_when_the_dag_is_parsed():
    with pytest.raises(StorageUnavailableError, match="gcsfs"):
        sensor(path="gs://bucket/*.csv")


def test_what_only_the_run_knows_is_refused_in_the_run(monkeypatch):
    with pytest.raises(SettingError, match="no data interval"):
        found(name="x", newer_than="{{ data_interval_start }}".replace("{{ data_interval_start }}", "None"))
    monkeypatch.setenv("AIRFLOW_CONN_WEB", json.dumps({"conn_type": "http", "host": "localhost"}))
    with pytest.raises(SettingError, match=r"'web' opens a HttpHook, which asks no SQL queries"):
        found(conn_id="web", sql="select 1")


def test_a_text_with_a_template_is_checked_when_it_is_rendered():
    operator = sensor(path="{{ params.folder }}/*.csv", newer_than="{{ ds }}")
    with pytest.raises(SettingError):
        operator.poke({})


def test_the_storage_is_that_of_the_settings_or_its_own(storage, tmp_path):
    assert settings.storage() == storage
    elsewhere = f"file://{tmp_path}/elsewhere"
    reference = publish(elsewhere, "x")
    assert found(name="features") == "nothing"
    assert found(name="features", storage=elsewhere) == reference
    assert deferred(sensor(name="other", storage=elsewhere)).trigger.wanted.storage == elsewhere


def test_a_dag_with_sensors_is_the_same_json_each_time():
    from airflow.serialization.serialized_objects import DagSerialization

    def text():
        dag = one("serialised_sensor", name="x", newer_than=NOW, condition={"rows": "> 5"})
        return json.dumps(DagSerialization.to_dict(dag), sort_keys=True)

    assert text() == text()
    assert "2026-06-01" in text()


def test_a_deferral_whose_time_is_over_says_what_it_waited_for():
    """Airflow itself says "Trigger timeout"."""
    wait = LinepipeArtifactSensor(task_id="wait", name="features", condition={"rows": ">= 3"}, timeout=5)
    with pytest.raises(
        AirflowSensorTimeout, match="Waited 5 s for an artifact published as 'features', rows >= 3, and it has not come"
    ):
        wait.resume_execution("__fail__", {"error": "Trigger timeout"}, {})
