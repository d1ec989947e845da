"""What was published under a name: in order, signed, and each record read once."""

from __future__ import annotations

import contextlib
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_linepipe.errors import DamagedRecordError, StorageFaultError
from airflow_linepipe.handoff import (
    ArtifactRef,
    Exchange,
    Producer,
    Publications,
    Retention,
    Seal,
    claim_publication,
    collect,
    open_store,
)

SECRET = "sealed"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
PRODUCER = Producer(dag_id="d", run_id="manual__1", task_id="g.t", map_index=3, try_number=2)


class Counting:
    """A store that counts what is read."""

    def __init__(self):
        self.read = []

    def __call__(self, uri):
        outer, store = self, open_store(uri)

        class Store:
            walk = store.walk

            def read(self, uri, **options):
                outer.read.append(uri)
                return store.read(uri, **options)

        return Store()


class World:
    def __init__(self, root):
        self.root = root
        self.told = []
        self.store = Counting()

    def publish(self, text, *, minutes=0, name="features", secret=SECRET, wrap=lambda wire: wire):
        reference = Exchange(self.root).put(text, name="x", producer=PRODUCER)
        claim_publication(
            self.root, wrap(reference.to_wire()), asset=name, asset_uri=name, producer=PRODUCER,
            now=NOON + timedelta(minutes=minutes), open_store=open_store, seal=Seal(secret) if secret else None,
        )  # fmt: skip

    def publications(self, name="features", secret=SECRET):
        return Publications(
            self.root, name, secret=lambda: secret, open_store=self.store,
            on_untrusted=lambda record, problem: self.told.append((record, problem)),
        )  # fmt: skip

    def records(self, name="features"):
        folder = f"{self.root}/.linepipe/published/{name}"
        return sorted(stored.uri for stored in open_store(folder).walk(folder))

    def rewrite(self, record, content):
        with open_store(record).write(record) as file:
            file.write(content)


@pytest.fixture(params=["local", "memory"])
def world(request, tmp_path):
    if request.param == "local":
        yield World(f"file://{tmp_path}/storage")
        return
    name = uuid.uuid4().hex
    yield World(f"memory://{name}")
    with contextlib.suppress(FileNotFoundError):
        MemoryFileSystem().rm(f"/{name}", recursive=True)


def values(found):
    return [ArtifactRef.from_wire(published.reference).value for published in found]


def test_publications_come_in_order_with_who_made_them_and_when(world):
    for minutes, text in ((2, "c"), (0, "a"), (1, "b")):
        world.publish(text, minutes=minutes)
    world.publish("other", name="features2")
    found = world.publications().newer_than()
    assert values(found) == ["a", "b", "c"]
    assert [published.time for published in found] == [NOON + timedelta(minutes=minutes) for minutes in range(3)]
    assert found[0].producer == Producer(dag_id="d", run_id="manual__1", task_id="g.t")
    assert values(world.publications().newest_first()) == ["c", "b", "a"]
    assert world.told == []


def test_only_what_is_newer_is_opened_and_that_once(world):
    for minutes in range(5):
        world.publish(str(minutes), minutes=minutes)
    publications = world.publications()
    assert values(publications.newer_than(NOON + timedelta(minutes=2))) == ["3", "4"]
    assert len(world.store.read) == 2
    assert values([next(publications.newest_first())]) == ["4"]
    world.publish("5", minutes=5)
    assert values(publications.newer_than(NOON + timedelta(minutes=2))) == ["3", "4", "5"]
    assert len(world.store.read) == 3
    assert publications.newer_than(NOON + timedelta(minutes=5)) == []
    assert values(publications.newer_than(NOON + timedelta(minutes=5, microseconds=-1))) == ["5"]


def test_what_stands_for_several_artifacts_comes_as_a_whole(world):
    world.publish("x", wrap=lambda wire: [wire, {"y": wire}])
    (published,) = world.publications().newer_than()
    assert [ArtifactRef.from_wire(published.reference[0]).value, *published.reference[1]] == ["x", "y"]


def test_nothing_is_there_as_long_as_nothing_was_published(world):
    assert world.publications().newer_than() == []


def test_a_record_that_is_gone_is_forgotten(world):
    world.publish("a")
    world.publish("b", minutes=1)
    publications = world.publications()
    assert len(publications.newer_than()) == 2
    record = world.records()[0]
    open_store(record).remove(record)
    assert values(publications.newer_than()) == ["b"]


def other_asset(world, record, content):
    world.publish("x", name="other")
    return bytes(open_store(world.root).read(world.records("other")[0]))


FORGERIES = {
    "unsigned": lambda world, record, content: content.partition(b"\n")[2],
    "changed": lambda world, record, content: content.replace(b"g.t", b"g.u"),
    "cut": lambda world, record, content: content[:-1],
    "empty": lambda world, record, content: b"",
    "signed with another secret": lambda world, record, content: Seal("other").close(Seal(SECRET).open(content)),
    "signed by nobody": lambda world, record, content: Seal().close(Seal(SECRET).open(content)),
    "of another name": other_asset,
    "of another shape": lambda world, record, content: Seal(SECRET).close({"record": record.rpartition("/")[2]}),
    "with what is no reference": lambda world, record, content: Seal(SECRET).close(
        {**Seal(SECRET).open(content), "published": {"linepipe_artifact": 1}}
    ),
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_a_record_that_is_not_signed_is_passed_over_and_told_once(world, forge):
    world.publish("true")
    world.publish("false", minutes=1)
    record = world.records()[1]
    world.rewrite(record, forge(world, record, bytes(open_store(record).read(record))))
    publications = world.publications()
    for _ in range(3):
        assert values(publications.newer_than()) == ["true"]
    ((told, problem),) = world.told
    assert told == record
    assert problem


def test_an_old_record_under_a_newer_name_tells_no_news(world):
    """Who can write to the bucket may copy a signed record."""
    world.publish("old")
    record = world.records()[0]
    copied = record.replace("T12", "T23")
    world.rewrite(copied, bytes(open_store(record).read(record)))
    assert values(world.publications().newer_than()) == ["old"]
    assert world.told == [(copied, "it is a copy of another record")]


def test_a_record_under_another_name_tells_no_news_there(world):
    world.publish("x", name="other")
    record = world.records("other")[0]
    copied = record.replace("/other/", "/features/")
    world.rewrite(copied, bytes(open_store(record).read(record)))
    assert world.publications().newer_than() == []
    assert world.told == [(copied, "it is a copy of a record of 'other'")]


def test_without_a_secret_nothing_is_believed_until_there_is_one(world):
    world.publish("x")
    secrets = [""]
    publications = Publications(
        world.root, "features", secret=lambda: secrets[-1], open_store=open_store,
        on_untrusted=lambda record, problem: world.told.append(problem),
    )  # fmt: skip
    assert publications.newer_than() == publications.newer_than() == []
    assert world.told == ["there is no secret yet with which it could be signed"]
    secrets.append(SECRET)
    assert values(publications.newer_than()) == ["x"]


@pytest.mark.parametrize("secret", [SECRET, ""])
def test_whatever_a_record_is_signed_with_the_collection_keeps_its_artifacts(world, secret):
    """R54: without the secret, and from before there were signatures."""
    world.publish("kept", secret=secret)
    exchange = Exchange(world.root)
    exchange.put("gone", name="y", producer=PRODUCER)
    collected = collect(
        world.root, retention=Retention(keep_for=timedelta(days=1)), now=datetime.now(UTC) + timedelta(days=9),
        open_store=open_store,
    )  # fmt: skip
    assert len(collected.lines(dry_run=False)) > 0
    left = {stored.uri.rpartition("/")[2] for stored in open_store(world.root).walk(world.root)}
    assert "x.txt" in left
    assert "y.txt" not in left
    world.rewrite(world.records()[0], b"no signature, no JSON")
    with pytest.raises(DamagedRecordError):
        collect(world.root, retention=Retention(keep_runs=0), open_store=open_store)


def test_a_storage_that_fails_is_an_error_that_names_what_is_waited_for(tmp_path):
    class Failing:
        def walk(self, url):
            raise OSError(5, "broken")

    publications = Publications(
        f"file://{tmp_path}", "features", secret=lambda: SECRET, open_store=lambda uri: Failing()
    )
    with pytest.raises(StorageFaultError, match=r"What was published as 'features' cannot be read at file://.*broken"):
        publications.newer_than()


def test_a_signed_record_still_shows_a_person_what_it_tells(world):
    world.publish("x")
    content = bytes(open_store(world.root).read(world.records()[0])).partition(b"\n")[2]
    assert json.loads(content)["published"]["value"] == "x"
