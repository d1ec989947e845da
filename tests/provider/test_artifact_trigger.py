"""The trigger: one event for each change, whatever happens to the triggerer; one look for all who wait for the same."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sqlite3
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk import Asset, AssetWatcher
from airflow.triggers.base import BaseEventTrigger
from airflow.triggers.shared_stream import SharedStreamManager

from airflow_linepipe import LinepipeArtifactTrigger
from airflow_linepipe.errors import SettingError
from airflow_linepipe.handoff import Exchange, Producer, Seal, claim_publication, open_store
from airflow_linepipe.hooks import looking
from airflow_linepipe.hooks.secret import SECRET_VARIABLE
from airflow_linepipe.triggers import sharing

SECRET = "sealed"
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def storage(tmp_path, monkeypatch):
    root = f"file://{tmp_path}/storage"
    monkeypatch.setenv("AIRFLOW__LINEPIPE__STORAGE", root)
    monkeypatch.setenv(f"AIRFLOW_VAR_{SECRET_VARIABLE.upper()}", SECRET)
    return root


def publish(storage, value, *, seconds=0.0, name="features", secret=SECRET):
    producer = Producer(dag_id="d", run_id=uuid.uuid4().hex, task_id="t")
    reference = Exchange(storage).put(value, name="x", producer=producer).to_wire()
    claim_publication(
        storage, reference, asset=name, asset_uri=name, producer=producer, now=NOW + timedelta(seconds=seconds),
        open_store=open_store, seal=Seal(secret),
    )  # fmt: skip
    return reference


class Store:
    """A state store of assets, as Airflow hands it to a trigger."""

    def __init__(self, *assets):
        self.kept = {}
        self._by_name = {asset: Accessor(self.kept, asset) for asset in assets or ["inbox"]}


class Accessor:
    def __init__(self, kept, asset):
        self.kept, self.asset = kept, asset

    async def aget(self, key):
        return json.loads(self.kept.get((self.asset, key), "null"))

    async def aset(self, key, value):
        self.kept[self.asset, key] = json.dumps(value)


async def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        await asyncio.sleep(0.02)


class Triggerer:
    """What Airflow's triggerer does for a watcher; it stores events, and says so, when it is told to."""

    def __init__(self, store, make):
        self.manager = SharedStreamManager()
        self.trigger = make()
        self.trigger = type(self.trigger)(**json.loads(json.dumps(self.trigger.serialize()[1])))
        self.trigger.asset_state_store = store
        self.store = store
        self.queued = []
        self.stored = []
        self.task = asyncio.create_task(self.run())

    async def run(self):
        key = self.trigger.shared_stream_key()
        stream = self.manager.subscribe(trigger_id=1, trigger=self.trigger, key=key)
        async for event in self.trigger.filter_shared_stream(stream):
            self.queued.append((self.manager.bind_pending_event(trigger_id=1, key=key), event.payload))

    def persist(self):
        """Store what has been yielded; what of it the triggerer has not been told yet is given back."""
        queued, self.queued = self.queued, []
        self.stored += [payload for _, payload in queued]
        return [seq for seq, _ in queued]

    async def until(self, condition):
        await until(lambda: condition() or (self.task.done() and self.task.result()))

    async def settle(self):
        """Store all events and say so, until looks have shown nothing new."""
        await self.begun()
        self._looks = None
        looks = self.trigger._shared._begun
        await self.until(lambda: self.trigger._shared._begun > looks)
        await self.until(lambda: not self.confirm() and self.idle())

    async def begun(self):
        await self.until(lambda: self.store.kept and self.trigger._shared and self.trigger._shared._begun > 0)

    def idle(self):
        """Whether there were some looks without an event."""
        looks = self._looks
        now = (self.trigger._shared._begun, len(self.stored))
        if looks is None or looks[1] != now[1]:
            self._looks = now
            return False
        return now[0] > looks[0] + 0.6

    def confirm(self):
        seqs = self.persist()
        self.manager.confirm_persisted([seq for seq in seqs if seq is not None])
        return seqs

    async def kill(self):
        """Without a last word: nothing that is not stored is stored any more."""
        frozen = dict(self.store.kept)
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.manager.stop_all()
        self.store.kept.clear()
        self.store.kept.update(frozen)


def files_trigger(tmp_path, **options):
    return lambda: LinepipeArtifactTrigger(path=f"file://{tmp_path}/in/*.csv", poll_interval=0.1, **options)


def write(tmp_path, *names, text="1"):
    (tmp_path / "in").mkdir(exist_ok=True)
    for name in names:
        (tmp_path / "in" / f".{name}").write_text(text)
        (tmp_path / "in" / f".{name}").replace(tmp_path / "in" / f"{name}.csv")


def names(payloads):
    return [payload["uri"].rpartition("/")[2].removesuffix(".csv") for payload in payloads]


def test_each_new_or_changed_file_is_one_event_and_what_was_there_before_is_none(tmp_path):
    async def watch():
        write(tmp_path, "old")
        triggerer = Triggerer(Store(), files_trigger(tmp_path))
        await triggerer.settle()
        assert triggerer.stored == []
        write(tmp_path, "a", "b")
        await triggerer.settle()
        assert sorted(names(triggerer.stored)) == ["a", "b"]
        write(tmp_path, "a", text="22")
        os.utime(tmp_path / "in" / "old.csv", (1e9, 1e9))
        await triggerer.settle()
        assert sorted(names(triggerer.stored[2:])) == ["a", "old"]
        assert triggerer.stored[0].keys() == {"uri", "nbytes", "modified"}
        (tmp_path / "in" / "b.csv").unlink()
        await triggerer.settle()
        assert len(triggerer.stored) == 4
        await triggerer.kill()

    asyncio.run(watch())


def test_no_file_is_lost_or_doubled_when_the_triggerer_is_killed(tmp_path):
    """R60: killed before an event was stored, after it, and while files arrive."""

    async def watch():
        store, make, told = Store(), files_trigger(tmp_path), []
        write(tmp_path, "old")
        first = Triggerer(store, make)
        await first.settle()
        write(tmp_path, "yielded")
        await first.until(lambda: first.queued)
        await first.kill()
        write(tmp_path, "between")
        second = Triggerer(store, make)
        await second.settle()
        write(tmp_path, "later")
        await second.settle()
        await second.kill()
        third = Triggerer(store, make)
        await third.settle()
        await third.kill()
        told = names([*first.stored, *second.stored, *third.stored])
        assert sorted(told) == ["between", "later", "yielded"]
        assert third.stored == []

    asyncio.run(watch())


def test_more_files_at_once_than_airflow_takes_at_once_are_one_event_each(tmp_path):
    async def watch():
        triggerer = Triggerer(Store(), files_trigger(tmp_path))
        await triggerer.begun()
        expected = [f"f{number:04}" for number in range(1500)]
        write(tmp_path, *expected)
        await triggerer.settle()
        assert names(triggerer.stored) == expected
        await triggerer.kill()

    asyncio.run(watch())


def test_an_event_comes_twice_only_if_the_triggerer_dies_before_it_knows_that_it_is_stored(tmp_path):
    async def watch():
        store, make = Store(), files_trigger(tmp_path)
        first = Triggerer(store, make)
        await first.begun()
        write(tmp_path, "a")
        await first.until(lambda: first.queued)
        first.persist()
        await first.kill()
        second = Triggerer(store, make)
        await second.settle()
        await second.kill()
        assert names(first.stored) == names(second.stored) == ["a"]

    asyncio.run(watch())


def test_each_publication_is_one_event_in_order_with_its_reference(storage):
    async def watch():
        store = Store()
        make = lambda: LinepipeArtifactTrigger(name="features", poll_interval=0.1)  # noqa: E731
        publish(storage, "old", seconds=-1)
        first = Triggerer(store, make)
        await first.settle()
        references = [publish(storage, value, seconds=number) for number, value in enumerate("abc")]
        # A slow clock, and a forgery.
        late = publish(storage, "late", seconds=-100)
        publish(storage, "forged", seconds=5, secret="guessed")
        await first.settle()
        assert [payload["reference"] for payload in first.stored] in (
            [late, *references], *([*references[:n], late, *references[n:]] for n in range(1, 4))
        )  # fmt: skip
        assert first.stored[-1]["producer"].keys() == {"dag_id", "run_id", "task_id"}
        await first.kill()
        reference = publish(storage, "meanwhile", seconds=6)
        second = Triggerer(store, make)
        await second.settle()
        assert [payload["reference"] for payload in second.stored] == [reference]
        await second.kill()

    asyncio.run(watch())


def test_only_publications_that_fulfil_the_condition_are_events(storage):
    async def watch():
        make = lambda: LinepipeArtifactTrigger(  # noqa: E731
            name="features", condition={"value": "> 5"}, newer_than=NOW - timedelta(hours=1), poll_interval=0.1
        )
        publish(storage, 9, seconds=-7200)
        publish(storage, 8, seconds=-60)
        triggerer = Triggerer(Store(), make)
        await triggerer.settle()
        publish(storage, 4, seconds=1)
        publish(storage, 7, seconds=2)
        await triggerer.settle()
        assert [payload["reference"]["value"] for payload in triggerer.stored] == [8, 7]
        await triggerer.kill()

    asyncio.run(watch())


def test_files_newer_than_a_time_have_an_event_from_the_start(tmp_path):
    async def watch():
        write(tmp_path, "old", "new")
        os.utime(tmp_path / "in" / "old.csv", (1e9, 1e9))
        triggerer = Triggerer(Store(), files_trigger(tmp_path, newer_than="2020-01-01"))
        await triggerer.settle()
        assert names(triggerer.stored) == ["new"]
        await triggerer.kill()

    asyncio.run(watch())


def test_each_new_value_of_a_query_is_one_event(tmp_path, monkeypatch):
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("create table inbox (id integer)")

    async def watch():
        store = Store()
        make = lambda: LinepipeArtifactTrigger(  # noqa: E731
            conn_id="warehouse", sql="select max(id) from inbox", poll_interval=0.1
        )
        first = Triggerer(store, make)
        await first.settle()
        for number in (0, 7):
            database.execute("insert into inbox values (?)", (number,))
            await first.settle()
        await first.kill()
        database.execute("insert into inbox values (8)")
        second = Triggerer(store, make)
        await second.settle()
        await second.kill()
        assert first.stored + second.stored == [{"value": 0}, {"value": 7}, {"value": 8}]

    asyncio.run(watch())
    database.close()


def test_a_file_that_still_grows_is_one_event_when_it_is_whole(tmp_path):
    async def watch():
        triggerer = Triggerer(Store(), files_trigger(tmp_path))
        await triggerer.begun()
        (tmp_path / "in").mkdir()
        with (tmp_path / "in" / "a.csv").open("w") as file:
            for _ in range(15):
                file.write("x" * 100)
                file.flush()
                await asyncio.sleep(0.05)
        await triggerer.settle()
        assert [payload["nbytes"] for payload in triggerer.stored] == [1500]
        await triggerer.kill()

    asyncio.run(watch())


def test_a_folder_that_is_empty_for_a_moment_makes_no_news_of_its_files(tmp_path):
    async def watch():
        write(tmp_path, "a", "b")
        triggerer = Triggerer(Store(), files_trigger(tmp_path))
        await triggerer.begun()
        (tmp_path / "in").rename(tmp_path / "away")
        await triggerer.settle()
        write(tmp_path, "c")
        await triggerer.settle()
        (tmp_path / "in" / "c.csv").rename(tmp_path / "away" / "c.csv")
        (tmp_path / "in").rmdir()
        (tmp_path / "away").rename(tmp_path / "in")
        await triggerer.settle()
        assert names(triggerer.stored) == ["c"]
        await triggerer.kill()

    asyncio.run(watch())


def test_a_storage_that_fails_for_a_while_costs_no_event(tmp_path, monkeypatch):
    async def watch():
        triggerer = Triggerer(Store(), files_trigger(tmp_path))
        await triggerer.begun()
        real, failures = looking.find_files, []

        def find(*arguments):
            if len(failures) < 5:
                failures.append(arguments)
                raise OSError(5, "broken")
            return real(*arguments)

        monkeypatch.setattr(looking, "find_files", find)
        write(tmp_path, "a")
        await triggerer.until(lambda: len(failures) == 5)
        await triggerer.settle()
        assert names(triggerer.stored) == ["a"]
        await triggerer.kill()

    asyncio.run(watch())


def test_two_assets_with_one_watcher_keep_one_cursor_and_two_watchers_of_an_asset_one_each(tmp_path):
    async def watch():
        store = Store("one", "two")
        triggerer = Triggerer(store, files_trigger(tmp_path))
        await triggerer.settle()
        other = Triggerer(store, lambda: LinepipeArtifactTrigger(path=f"{tmp_path}/other/*", poll_interval=0.1))
        await other.until(lambda: len(store.kept) == 4)
        assert {asset for asset, _ in store.kept} == {"one", "two"}
        for one in (triggerer, other):
            await one.kill()

    asyncio.run(watch())


def test_without_a_state_store_it_tells_what_comes_while_it_runs(tmp_path):
    """As before Airflow 3.3."""

    async def watch():
        trigger = files_trigger(tmp_path)()
        assert trigger.shared_stream_key() is None
        write(tmp_path, "old")
        events = trigger.run()
        first = asyncio.ensure_future(anext(events))
        await until(lambda: trigger._shared and trigger._shared._found)
        write(tmp_path, "a")
        assert names([(await asyncio.wait_for(first, 20)).payload]) == ["a"]
        await events.aclose()

    asyncio.run(watch())


async def waiting(count, **arguments):
    """Events of sensors that wait, as tasks."""
    looked = datetime.now(UTC).isoformat()
    triggers = [
        LinepipeArtifactTrigger(once=True, looked=looked, checked=True, poll_interval=0.2, **arguments)
        for _ in range(count)
    ]
    return triggers, [asyncio.ensure_future(anext(trigger.run())) for trigger in triggers]


def test_a_thousand_that_wait_for_one_thing_look_once_at_a_time(storage, monkeypatch):
    looks = itertools.count()
    real = sharing.look_for

    def counting(wanted):
        look = real(wanted)
        find = look._find
        look._find = lambda: (next(looks), find())[1]
        return look

    monkeypatch.setattr(sharing, "look_for", counting)

    async def wait():
        triggers, events = await waiting(1000, name="features", newer_than=NOW.isoformat())
        _, others = await waiting(1, name="features", condition={"value": "== other"})
        begun = time.monotonic()
        await until(lambda: time.monotonic() > begun + 1.1)
        assert 3 <= next(looks) <= 12
        publish(storage, "x", seconds=1)
        done, _ = await asyncio.wait(events, timeout=5)
        assert len(done) == 1000
        assert not others[0].done()
        others[0].cancel()
        assert len({id(trigger._shared) for trigger in triggers}) == 1

    asyncio.run(wait())


def test_what_appeared_between_the_sensors_look_and_the_triggers_first_is_seen(storage):
    async def wait():
        publish(storage, "x", seconds=-30)
        _, (event,) = await waiting(1, name="features")
        assert (await asyncio.wait_for(event, 5)).payload == {"found": "an artifact published as 'features'"}
        _, (event,) = await waiting(1, name="features", newer_than=NOW.isoformat())
        _, (older,) = await waiting(1, name="features", condition={"value": "== 'a month old'"})
        await asyncio.sleep(0.5)
        assert not event.done()
        assert not older.done()
        # It comes now, and its worker's clock is far behind.
        publish(storage, "a month old", seconds=-2_600_000)
        await asyncio.wait_for(older, 5)
        event.cancel()

    asyncio.run(wait())


def test_a_look_that_fails_sends_the_sensor_back_to_its_worker(storage, monkeypatch):
    def broken(*arguments, **options):
        raise OSError(5, "broken")

    monkeypatch.setattr(looking, "find_files", broken)

    async def wait():
        _, events = await waiting(3, path="file:///nothing/*.csv")
        payloads = [(await asyncio.wait_for(event, 5)).payload for event in events]
        assert all("StorageFaultError: The files at file:///nothing/*.csv cannot" in one["problem"] for one in payloads)

    asyncio.run(wait())


def test_pauses_grow_with_a_longest_interval_and_are_the_same_for_all_without():
    async def moments(interval, longest, count):
        ticking = sharing.ticks(interval, longest)
        return [await anext(ticking) for _ in range(count)]

    async def measure():
        growing = await moments(0.05, 0.2, 5)
        pauses = [later - earlier for earlier, later in itertools.pairwise(growing)]
        assert pauses == pytest.approx([0.1, 0.2, 0.2, 0.2])
        first, second = await asyncio.gather(moments(0.1, None, 3), moments(0.1, None, 3))
        assert first == pytest.approx(second, abs=0.02)

    asyncio.run(measure())


def test_an_asset_takes_it_as_a_watcher_and_airflow_gives_it_back(tmp_path):
    trigger = LinepipeArtifactTrigger(path=f"{tmp_path}/*.csv", newer_than=NOW)
    Asset("watched", watchers=[AssetWatcher(name="files", trigger=trigger)])
    classpath, kwargs = trigger.serialize()
    assert json.loads(json.dumps(kwargs)) == kwargs
    again = LinepipeArtifactTrigger(**kwargs)
    assert again.serialize() == (classpath, kwargs)
    assert BaseEventTrigger.hash(classpath, kwargs) == BaseEventTrigger.hash(*again.serialize())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "LinepipeArtifactTrigger: give exactly one of name, path or sql (with conn_id), not none of them."),
        ({"path": "data"}, "path='data': write /absolute/path/*.csv"),
        ({"name": "x", "poll_interval": 0}, "LinepipeArtifactTrigger: poll_interval=0: give a number of seconds"),
        ({"name": "x", "poll_interval": "5"}, "poll_interval='5': give a number of seconds above 0."),
        ({"name": "x", "newer_than": "soon"}, "newer_than='soon' is no time"),
    ],
)
def test_what_cannot_be_watched_is_one_sentence_when_the_dag_is_parsed(arguments, sentence):
    with pytest.raises(SettingError) as caught:
        LinepipeArtifactTrigger(**arguments)
    assert sentence in str(caught.value)


def test_in_the_triggerer_it_raises_nothing_that_would_end_its_process():
    """Airflow's triggerer stands no other error than a TypeError when it makes a trigger."""
    trigger = LinepipeArtifactTrigger(path="gone://x", newer_than="soon", once=True, checked=True, poll_interval=0.1)

    async def wait():
        assert "problem" in (await anext(trigger.run())).payload

    asyncio.run(wait())
