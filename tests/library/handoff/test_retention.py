"""The policy, and what it lets go: decided from what lies there, with nothing read or removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_linepipe.errors import SettingError
from airflow_linepipe.handoff import Retention
from airflow_linepipe.handoff.layout import Producer, artifact_uri, is_name, path_below
from airflow_linepipe.handoff.retention.claims import Publication
from airflow_linepipe.handoff.retention.decision import Temporaries, decide
from airflow_linepipe.handoff.retention.survey import StoredRun, Survey
from airflow_linepipe.handoff.stores import StoredObject

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROOT = "file:///storage"


def run(dag_id, run_id, days, *, uses=(), names=("x",)):
    """A run that was last written to so many days ago."""
    producer = Producer(dag_id=dag_id, run_id=run_id, task_id="t")
    modified = NOW - timedelta(days=days)
    artifacts = [
        StoredObject(uri=artifact_uri(ROOT, producer, name, ".json"), nbytes=10, modified=modified) for name in names
    ]
    url = artifacts[0].uri.rsplit("/", 3)[0]
    return StoredRun(dag_id=dag_id, run_id=run_id, url=url, artifacts=tuple(artifacts), uses=frozenset(uses))


def survey(*runs, publications=()):
    by_dag = {}
    for one in runs:
        by_dag.setdefault(f"{ROOT}/{one.dag_id}", []).append(one)
    return Survey(runs={url: tuple(found) for url, found in by_dag.items()}, publications=tuple(publications))


def gone(decision):
    return [removal.run.run_id.removeprefix("manual__") for removal in decision.removals]


def decided(*runs, publications=(), **options):
    return decide(survey(*runs, publications=publications), storage=ROOT, now=NOW, **options)


RUNS = [run("d", f"manual__{days}", days) for days in (1, 5, 10, 20, 40)]


@pytest.mark.parametrize(
    ("keep_runs", "keep_days", "expected"),
    [
        (2, None, ["40", "20", "10"]),
        (None, 7, ["40", "20", "10"]),
        (4, 7, ["40"]),
        (1, 15, ["40", "20"]),
        (0, 7, ["40", "20", "10"]),
        (0, None, ["40", "20", "10", "5", "1"]),
        (5, 0, []),
        (9, None, []),
        (None, 40, []),
        (None, 100, []),
    ],
)
def test_a_run_goes_when_it_is_beyond_every_limit(keep_runs, keep_days, expected):
    keep_for = None if keep_days is None else timedelta(days=keep_days)
    assert gone(decided(*RUNS, retention=Retention(keep_runs=keep_runs, keep_for=keep_for))) == expected


def test_the_limits_are_those_of_each_dag():
    runs = [run(dag_id, f"manual__{dag_id}{days}", days) for dag_id in "ab" for days in (1, 2)]
    assert gone(decided(*runs, retention=Retention(keep_runs=1))) == ["a2", "b2"]
    assert gone(decided(*runs, retention=Retention(keep_runs=1), dag_ids=["b"])) == ["b2"]


def test_a_run_that_goes_on_stays_whatever_its_age():
    asked = []

    def is_live(one):
        asked.append(one.run_id)
        return one.run_id == "manual__40"

    assert gone(decided(*RUNS, retention=Retention(keep_for=timedelta(days=15)), is_live=is_live)) == ["20"]
    assert sorted(asked) == ["manual__20", "manual__40"], "Airflow is asked of no more than it must be"


def test_a_run_of_tomorrow_stays():
    """Two machines' clocks differ."""
    assert gone(decided(run("d", "manual__x", -1), retention=Retention(keep_for=timedelta(0)))) == []


def test_why_is_said():
    (removal,) = decided(*RUNS, retention=Retention(keep_runs=3, keep_for=timedelta(days=30))).removals
    assert removal.why == "not of the 3 newest, written 40 days ago"


def published(number, *uris, asset="a"):
    record = f"{ROOT}/.linepipe/published/{asset}/{number}.json"
    return Publication(record=record, asset=asset, uris=frozenset(uris))


def test_what_was_published_stays_and_the_rest_of_its_run_goes():
    old = run("d", "manual__1", 40, names=("x", "y"))
    first, second = old.artifacts
    decision = decided(old, publications=[published(1, first.uri)], retention=Retention(keep_runs=0))
    (removal,) = decision.removals
    assert removal.artifacts == (second,)
    assert removal.kept == {first.uri: "published as 'a'"}
    assert decision.publications == ()


def test_the_latest_publications_of_each_asset_stay_if_that_is_asked_for():
    runs = [run("d", f"manual__{days}", days) for days in (40, 30, 20)]
    uris = [one.artifacts[0].uri for one in runs]
    publications = [published(number, uri) for number, uri in enumerate(uris)]
    publications.append(published(0, uris[0], asset="other"))
    policy = Retention(keep_runs=0, keep_published=1)
    decision = decided(*runs, publications=publications, retention=policy)
    assert {uri for removal in decision.removals for uri in removal.kept} == {uris[0], uris[2]}
    assert decision.publications == tuple(publications[:2])
    assert decided(*runs, publications=publications, retention=policy, dag_ids=["e"]).publications == ()


def test_what_a_kept_run_reads_stays_and_what_only_runs_that_go_read_goes():
    made = run("a", "manual__old", 40, names=("x", "y"))
    x, y = made.artifacts
    kept, going = run("b", "manual__new", 1, uses=[x.uri]), run("b", "manual__older", 50, uses=[y.uri])
    (of_going, of_made) = decided(made, kept, going, retention=Retention(keep_for=timedelta(days=7))).removals
    assert (of_going.run, of_made.run) == (going, made)
    assert of_made.artifacts == (y,)
    assert of_made.kept == {x.uri: "read by run 'manual__new' of 'b'"}


def test_a_run_of_a_dag_that_is_not_asked_for_protects_what_it_reads():
    made = run("a", "manual__old", 40)
    reader = run("b", "manual__older", 90, uses=[made.artifacts[0].uri])
    (removal,) = decided(made, reader, retention=Retention(keep_runs=0), dag_ids=["a"]).removals
    assert removal.artifacts == ()


def test_a_folder_of_the_right_shape_is_no_dag_unless_something_says_so():
    other = run("events", "2026", 400)
    decision = decided(other, *RUNS, retention=Retention(keep_runs=0))
    assert "2026" not in gone(decision)
    assert decision.unknown == (f"{ROOT}/events",)
    assert gone(decided(other, retention=Retention(keep_runs=0), dag_ids=["events"])) == ["2026"]


NAMES = st.dictionaries(st.integers(0, 60), st.sets(st.integers(0, 60), max_size=3), max_size=12)


@given(days=NAMES, keep_runs=st.none() | st.integers(0, 12), keep_days=st.integers(0, 60), live=st.sets(st.integers()))
def test_nothing_goes_that_a_limit_a_live_run_or_a_claim_keeps(days, keep_runs, keep_days, live):
    """R54, R04: any runs of one DAG that read each other, any policy."""
    artifacts = {day: run("d", f"manual__{day}", day).artifacts[0].uri for day in range(61)}
    runs = [run("d", f"manual__{day}", day, uses={artifacts[used] for used in uses}) for day, uses in days.items()]
    keep_for = timedelta(days=keep_days)
    alive = {f"manual__{day}" for day in live}
    decision = decided(
        *runs,
        retention=Retention(keep_runs=keep_runs, keep_for=keep_for),
        is_live=lambda one: one.run_id in alive,
    )
    beyond = {removal.run.run_id for removal in decision.removals}
    newest = {one.run_id for one in sorted(runs, key=lambda one: one.modified, reverse=True)[: keep_runs or 0]}
    young = {one.run_id for one in runs if NOW - one.modified <= keep_for}
    assert beyond == {one.run_id for one in runs} - newest - young - alive
    held = {uri for one in runs if one.run_id not in beyond for uri in one.uses}
    removed = {artifact.uri for removal in decision.removals for artifact in removal.artifacts}
    assert removed == {one.artifacts[0].uri for one in runs if one.run_id in beyond} - held


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "Retention() would keep nothing: give it keep_runs=10, keep_for=timedelta(days=30), or both."),
        ({"keep_published": 3}, "Retention() would keep nothing"),
        ({"keep_runs": -1}, "keep_runs=-1: give a whole number from 0 on."),
        ({"keep_runs": "3"}, "keep_runs='3': give a whole number from 0 on."),
        ({"keep_runs": True}, "keep_runs=True: give a whole number from 0 on."),
        ({"keep_runs": 1, "keep_published": 0}, "keep_published=0: give a whole number from 1 on."),
        ({"keep_for": 30}, "keep_for=30: give a timedelta that is not negative, such as timedelta(days=30)."),
        ({"keep_for": timedelta(-1)}, "keep_for=datetime.timedelta(days=-1): give a timedelta that is not negative"),
    ],
)
def test_a_policy_that_cannot_be(options, sentence):
    with pytest.raises(SettingError) as caught:
        Retention(**options)
    assert str(caught.value).startswith(sentence)


def among(names, results, *files, map_index=-1):
    objects = [StoredObject(uri=f"{ROOT}/d/r/{file}", nbytes=1, modified=NOW) for file in files]
    chosen = Temporaries(dag_id="d", run_id="r", map_index=map_index, names=names, results=results)
    return [one.uri.removeprefix(f"{ROOT}/d/r/") for one in chosen.among(ROOT, objects)]


def test_temporaries_are_found_by_task_and_name_in_every_try_and_instance():
    """R04."""
    files = ["t/1/x.json", "t/2/x.arrow", "t/0/1/x.json", "t/1/1/x.json", "t/1/xx.json", "u/1/x.json", "t/1/x-0.json"]
    assert among({"t": ["x"]}, {}, *files) == files[:4]
    assert among({"t": ["x"]}, {}, *files, map_index=1) == ["t/1/1/x.json"]


def test_a_result_whose_name_begins_with_a_temporary_ones_stays():
    """R04."""
    files = ["t/1/x.json", "t/1/x.y.json", "t/1/x.y"]
    assert among({"t": ["x"]}, {"t": ["x.y"]}, *files) == files[:1]


@pytest.mark.parametrize("name", ["x", "..", "a b", "é", "x" * 300, ".hidden", "a.b", ""])
@pytest.mark.parametrize("extension", [".json", "", ".tar.gz", ".é"])
def test_a_name_is_known_again_in_a_uri(name, extension):
    producer = Producer(dag_id="d", run_id="r", task_id="t")
    segment = artifact_uri(ROOT, producer, name, extension).rpartition("/")[2]
    assert is_name(segment, name)
    assert not is_name(segment, f"{name}x")


@pytest.mark.parametrize(
    ("root", "uri", "path"),
    [
        ("s3://conn@bucket/p", "s3://bucket/p/d/x", "d/x"),
        ("s3://bucket/p", "s3://conn@bucket/p/d/x", "d/x"),
        ("file:///s", "file:///s/a@b/x", "a@b/x"),
        ("file:///s", "file:///sx/y", None),
        ("s3://bucket/p", "s3://other@tekcub/p/d/x", None),
    ],
)
def test_an_artifact_is_found_below_a_storage_whatever_connection_is_named(root, uri, path):
    assert path_below(root, uri) == path
