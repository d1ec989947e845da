"""What is removed from a storage of each kind, and what survives a collection that is killed."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_linepipe.errors import DamagedRecordError, SettingError
from airflow_linepipe.handoff import (
    Exchange,
    Producer,
    Retention,
    Temporaries,
    claim_publication,
    claim_use,
    collect,
    open_store,
)
from airflow_linepipe.handoff.stores.local import LocalStore

# All that is written now is old by then.
LATER = datetime.now(UTC) + timedelta(days=100)
OLD = Retention(keep_for=timedelta(days=30))


class Storage:
    """A storage, and how runs come to lie in it."""

    def __init__(self, root, open_store):
        self.root = root
        self.open_store = open_store
        self.exchange = Exchange(root, open_store=open_store)

    def put(self, dag_id, run_id, *names, task_id="t", **options):
        producer = Producer(dag_id=dag_id, run_id=run_id, task_id=task_id, **options)
        return [self.exchange.put([name], name=name, producer=producer) for name in names]

    def publish(self, reference, asset="a", number=0):
        claim_publication(
            self.root, reference.to_wire(), asset=asset, asset_uri=asset, now=LATER - timedelta(days=90 - number),
            producer=Producer(dag_id="d", run_id="r", task_id="t"), open_store=self.open_store,
        )  # fmt: skip

    def use(self, reference, dag_id, run_id):
        reader = Producer(dag_id=dag_id, run_id=run_id, task_id="t")
        claim_use(self.root, [reference.uri], reader=reader, open_store=self.open_store)

    def write(self, path, content=b""):
        uri = f"{self.root}/{path}"
        with self.open_store(uri).write(uri) as file:
            file.write(content)
        return uri

    def collect(self, retention=OLD, **options):
        return collect(self.root, **{"retention": retention, "now": LATER, "open_store": self.open_store, **options})

    def files(self):
        walked = self.open_store(self.root).walk(self.root)
        return sorted(stored.uri.removeprefix(f"{self.root}/") for stored in walked)


@pytest.fixture(params=["local", "memory", pytest.param("s3", marks=pytest.mark.server)])
def storage(request, tmp_path):
    match request.param:
        case "local":
            yield Storage(f"file://{tmp_path}/storage", open_store)
        case "memory":
            name = uuid.uuid4().hex
            yield Storage(f"memory://{name}", open_store)
            with contextlib.suppress(FileNotFoundError):
                MemoryFileSystem().rm(f"/{name}", recursive=True)
        case _:
            import s3fs

            options = request.getfixturevalue("s3_options")

            def open_s3(uri):
                return s3fs.S3FileSystem(**options), uri.removeprefix("s3://")

            yield Storage(f"s3://artifacts/{uuid.uuid4().hex}", lambda uri: open_store(uri, open_s3))


@pytest.fixture
def local(tmp_path):
    return Storage(f"file://{tmp_path}/storage", open_store)


def age(storage, path, days):
    """Make everything in a folder of a local storage so many days old."""
    then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
    for file in Path(storage.root.removeprefix("file://"), path).rglob("*"):
        os.utime(file, (then, then))


def test_old_runs_go_and_what_is_published_in_use_or_not_ours_stays(storage):
    """R54."""
    published, spare = storage.put("d", "manual__1", "x", "y")
    (used,) = storage.put("d", "manual__2", "x", map_index=3)
    storage.put("d", "manual__3", "x")
    storage.publish(published)
    storage.put("reader", "manual__live", "z")
    storage.use(used, "reader", "manual__live")
    strays = ["notes.txt", "d/notes.txt", "d/manual__3/notes.txt", "d/manual__3/t/x/y.json", "d/manual__3/t/01/y.json"]
    for stray in strays:
        storage.write(stray)
    before = storage.files()
    is_live = {"is_live": lambda run: run.run_id == "manual__live"}
    told = storage.collect(dry_run=True, **is_live)
    assert storage.files() == before, "a dry run"
    done = storage.collect(**is_live)
    assert told.to_dict() == done.to_dict()
    assert set(before) - set(storage.files()) == {"d/manual__1/t/1/y.json", "d/manual__3/t/1/x.json"}
    assert storage.exchange.get(published) == storage.exchange.get(used) == ["x"]
    assert sorted(done.strays) == sorted(f"{storage.root}/{stray}" for stray in strays)
    assert (len(done.artifacts), done.nbytes) == (2, 2 * spare.nbytes)
    again = storage.collect(**is_live)
    assert again.artifacts == ()


def test_a_storage_where_nothing_is_yet(storage):
    assert storage.collect().lines(dry_run=False) == ["Removed 0 artifacts (0.0 MB) of 0 runs."]


def test_the_records_of_a_run_that_goes_go_with_it(storage):
    (used,) = storage.put("a", "manual__1", "x")
    storage.use(used, "b", "manual__1")
    storage.write("b/manual__1/.run.json", b"{}")
    storage.collect()
    assert storage.files() == []


def test_a_publication_goes_with_its_artifact_if_only_the_latest_stay(storage):
    references = [storage.put("d", f"manual__{number}", "x")[0] for number in range(3)]
    for number, reference in enumerate(references):
        storage.publish(reference, number=number)
    done = storage.collect(Retention(keep_runs=0, keep_published=1))
    assert done.publications == 2
    artifact, record = sorted(storage.files(), reverse=True)
    assert artifact == "d/manual__2/t/1/x.json"
    assert record.startswith(".linepipe/published/a/")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"artifacts": 3, "asset": {"name": "a"}}', b"\xff"])
@pytest.mark.parametrize("path", [".linepipe/published/a/x.json", "d/manual__2/.uses/x.json"])
def test_a_damaged_record_stops_everything(local, content, path):
    local.put("d", "manual__1", "x")
    uri = local.write(path, content)
    with pytest.raises(DamagedRecordError) as caught:
        local.collect()
    assert str(caught.value).startswith(f"The record {uri} says which artifacts must be kept, and cannot be read (")
    assert len(local.files()) == 2


@pytest.mark.parametrize("place", [".linepipe", ".linepipe/published", "d/manual__1/.uses"])
@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_record_of_another_kind_of_file_stops_everything(place, kind, local, tmp_path):
    """Links are not followed: behind this one might be what was published."""
    local.put("d", "manual__1", "x")
    path = tmp_path / "storage" / place
    path.parent.mkdir(exist_ok=True)
    if kind == "link":
        (tmp_path / "elsewhere").mkdir()
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.write_text("")
    with pytest.raises(DamagedRecordError, match="is no folder"):
        local.collect()
    assert len(local.files()) == 2


def test_a_record_that_may_not_be_read_stops_everything(local, tmp_path, monkeypatch):
    local.put("d", "manual__1", "x")
    local.publish(local.put("d", "manual__2", "x")[0])
    scan = os.scandir

    def refuse(folder):
        if "published" in str(folder):
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError):
        local.collect()


@pytest.mark.parametrize("root", ["file:///etc", "file:///usr/share"])
def test_a_storage_that_is_none_of_ours_is_not_emptied(root):
    """That of a typing error: nothing there says that it is ours."""
    done = collect(root, retention=Retention(keep_runs=0), now=LATER, dry_run=True)
    assert done.artifacts == ()


def test_a_bucket_of_other_things_keeps_them(storage):
    """Some of which look like artifacts of ours."""
    paths = ["events/2026/1/15/x.parquet", "events/2026/1/2/15/x.parquet", "sales/2026-01/part/0", "deep/a/b/c/d/e/f"]
    for path in paths:
        storage.write(path)
    storage.put("d", "manual__1", "x")
    done = storage.collect(Retention(keep_runs=0))
    assert storage.files() == sorted(paths)
    assert done.unknown == (f"{storage.root}/events",)


@pytest.mark.parametrize("run_id", ["manual__x", "scheduled__2026", "r1"])
def test_a_run_is_known_by_how_airflow_names_it_by_its_record_or_by_its_dag(local, run_id):
    local.put("d", run_id, "x")
    if run_id == "r1":
        assert local.collect().artifacts == ()
        local.write("d/r1/.run.json", b"{}")
    assert len(local.collect().artifacts) == 1
    local.put("d", "r2", "x")
    assert local.collect().unknown == (f"{local.root}/d",)
    assert len(local.collect(dag_ids=["d"]).artifacts) == 1


def test_only_folders_of_what_has_gone_go(local, tmp_path):
    local.put("old", "manual__1", "x")
    local.put("d", "manual__1", "x")
    age(local, "old", 60)
    local.collect(now=datetime.now(UTC))
    assert [path.name for path in (tmp_path / "storage").iterdir()] == ["d"]


def test_what_killed_writes_have_left_goes_a_day_later(local):
    local.put("d", "manual__1", "x")
    name = f".{uuid.uuid4().hex}.tmp"
    left = [
        f"d/manual__1/t/1/{name}",
        f"d/manual__1/{name}",
        f"d/manual__1/.uses/{name}",
        f".linepipe/published/a/{name}",
    ]
    for path in left:
        local.write(path)
    local.write(f"somebody/{name}")
    assert local.collect(now=datetime.now(UTC)).temporary == 0
    for path in ("d", ".linepipe"):
        age(local, path, 2)
    assert local.collect(now=datetime.now(UTC)).temporary == 4
    assert local.files() == ["d/manual__1/t/1/x.json", f"somebody/{name}"]


def test_a_run_whose_write_goes_on_stays(local):
    local.put("d", "manual__1", "x")
    age(local, "d", 60)
    local.write(f"d/manual__1/t/2/.{uuid.uuid4().hex}.tmp")
    assert local.collect(now=datetime.now(UTC)).removals == ()


def test_a_run_that_somebody_writes_to_meanwhile_stays(local):
    (reference,) = local.put("d", "manual__1", "x")

    def clear(run):
        local.put("d", "manual__1", "x", try_number=2)
        return False

    done = local.collect(is_live=clear)
    assert done.busy == (f"{local.root}/d/manual__1",)
    assert done.artifacts == ()
    assert local.exchange.get(reference) == ["x"]


@pytest.mark.parametrize("killed_after", range(9))
def test_what_a_killed_collection_leaves_the_next_one_removes(local, monkeypatch, killed_after):
    """R54: Nothing but its record says of each of these runs that it is one."""
    kept, _ = local.put("published", "r", "x", "y")
    local.publish(kept)
    used, _ = local.put("used", "r", "x", "y")
    local.use(used, "reader", "r")
    for dag_id in ("published", "used", "reader"):
        local.write(f"{dag_id}/r/.run.json", b"{}")
    remove, calls = LocalStore.remove, []

    def killed(self, uri):
        if len(calls) == killed_after:
            raise KeyboardInterrupt
        calls.append(uri)
        remove(self, uri)

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "remove", killed)
        with contextlib.suppress(KeyboardInterrupt):
            local.collect()
    local.collect()
    assert len(calls) == min(killed_after, 6)
    left = [path for path in local.files() if not path.startswith(".linepipe")]
    assert left == ["published/r/.run.json", "published/r/t/1/x.json"]
    assert local.exchange.get(kept) == ["x"]
    local.publish(local.put("published", "r2", "x")[0], number=1)
    local.write("published/r2/.run.json", b"{}")
    local.collect(Retention(keep_runs=1, keep_published=1))
    assert [path for path in local.files() if path.startswith("published/r/")] == []


# Readers of one object of memory:// share its position.
@pytest.mark.parametrize("storage", ["local", pytest.param("s3", marks=pytest.mark.server)], indirect=True)
def test_four_collections_at_once_do_what_one_does(storage):
    references = [storage.put("d", f"manual__{number}", "x", "y")[0] for number in range(6)]
    storage.publish(references[0])
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: storage.collect(), range(4)))
    assert [path for path in storage.files() if path.startswith("d/")] == ["d/manual__0/t/1/x.json"]


def test_writers_of_new_runs_are_not_disturbed(local):
    """Also where the folder of their DAG has just become empty."""

    def work(number):
        return [local.put("d", f"manual__new{number}-{item}", "x")[0] for item in range(60)]

    def sweep(_):
        for _ in range(20):
            local.collect(now=datetime.now(UTC))

    for number in range(50):
        local.put("d", f"manual__old{number}", "x")
    age(local, "d", 60)
    with ThreadPoolExecutor(6) as pool:
        sweeping = pool.map(sweep, range(2))
        references = [reference for references in pool.map(work, range(4)) for reference in references]
        list(sweeping)
    assert [local.exchange.get(reference) for reference in references] == [["x"]] * 240
    assert len(local.files()) == 240


def temporaries(**options):
    return Temporaries(**{"dag_id": "d", "run_id": "manual__1", "names": {"t": ["x"]}, **options})


def test_temporaries_of_one_run_go_and_those_of_another_stay(storage):
    """R04."""
    storage.put("d", "manual__1", "x", "y")
    storage.put("d", "manual__1", "x", try_number=2)
    storage.put("d", "manual__2", "x")
    done = storage.collect(None, temporaries=temporaries(), now=None)
    assert [removal.why for removal in done.removals] == ["temporary"]
    assert storage.files() == ["d/manual__1/t/1/y.json", "d/manual__2/t/1/x.json"]


def test_temporaries_that_are_claimed_stay(storage):
    """R54."""
    published, used, _ = storage.put("d", "manual__1", "x", "y", "z")
    storage.publish(published)
    storage.use(used, "other", "manual__2")
    storage.collect(None, temporaries=temporaries(names={"t": ["x", "y", "z"]}), now=None)
    assert storage.exchange.get(published) == ["x"]
    assert storage.exchange.get(used) == ["y"]
    assert "d/manual__1/t/1/z.json" not in storage.files()


def test_a_claim_holds_whatever_connection_the_storages_url_names(local):
    """Who published it may have reached the bucket through an Airflow connection, and who collects by none."""
    memory = Storage(f"memory://{uuid.uuid4().hex}", open_store)
    (reference,) = memory.put("d", "manual__1", "x")
    wire = {**reference.to_wire(), "uri": reference.uri.replace("memory://", "memory://conn@")}
    claim_publication(
        memory.root.replace("memory://", "memory://conn@"), wire, asset="a", asset_uri="a", now=LATER,
        producer=Producer(dag_id="d", run_id="r", task_id="t"),
        open_store=lambda _: Moved(memory),
    )  # fmt: skip
    memory.collect()
    assert memory.exchange.get(reference) == ["x"]


class Moved:
    """The store of a storage whose URL names a connection."""

    def __init__(self, storage):
        self.storage = storage

    def write(self, uri):
        uri = uri.replace("memory://conn@", "memory://")
        return self.storage.open_store(uri).write(uri)


def test_a_use_is_recorded_once_and_none_of_the_runs_own(local):
    mine, other = local.put("d", "r1", "x")[0], local.put("d", "r2", "x")[0]
    elsewhere = Storage(f"{local.root}-2", open_store).put("d", "r2", "x")[0]
    for reference in (mine, other, other, elsewhere):
        local.use(reference, "d", "r1")
    (record,) = [path for path in local.files() if "/.uses/" in path]
    assert record.startswith("d/r1/.uses/")
    content = json.loads(bytes(open_store(local.root).read(f"{local.root}/{record}")))
    assert content == {"artifacts": ["d/r2/t/1/x.json"]}


def test_a_long_id_is_cut_in_its_folder_and_the_run_says_so(local):
    asked = []
    for letters in range(50):  # the cut may fall into an escape
        local.put("d", "manual__" + "x" * letters + "é" * 80, "x")
    local.put("é" * 80, "manual__" + "é" * 38, "x")
    local.collect(is_live=lambda run: asked.append((run.has_whole_dag_id, run.has_whole_run_id)))
    assert sorted(asked) == [(False, True), *[(True, False)] * 50]


def test_what_is_no_url_is_refused():
    with pytest.raises(SettingError, match="The storage 'here' is no URL"):
        collect("here", retention=OLD)
