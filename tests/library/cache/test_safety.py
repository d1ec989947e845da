"""Whoever can only write to the storage cannot make anybody take a value that was not made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from authored import World, one_node

from airflow_linepipe.errors import StorageFaultError
from airflow_linepipe.handoff import Seal

SOURCE = "from called import called\ndef node(x):\n    called('node')\n    return x + 1"
SECRET = {"cache": True, "cache_secret": "sealed"}
NOT_BELIEVED = "cache miss: there is an entry, and it is damaged, or signed with another secret"


def entries(storage: Path) -> list[Path]:
    """The entries, oldest first."""
    found = [path for path in (storage / ".linepipe/cache").rglob("*.json") if "last" not in path.parts]
    return sorted(found, key=lambda path: path.stat().st_mtime_ns)


@pytest.fixture
def world() -> World:
    return one_node(SOURCE)


@pytest.fixture
def entry(world, tmp_path) -> Path:
    """The entry of a first run."""
    world.run(tmp_path, run_id="one", **SECRET)
    assert world.run(tmp_path, **SECRET).calls == []
    (entry,) = entries(tmp_path)
    return entry


def assert_called(world: World, storage: Path, **arguments) -> str:
    """That the node is called, gives the right value and leaves a good entry; why it was called."""
    again = world.run(storage, **{**SECRET, **arguments})
    assert again.calls == ["node"]
    assert again.result["y"] == world.inputs["x"] + 1
    assert world.run(storage, **{**SECRET, **arguments}).calls == []
    assert again.why("node").startswith("cache miss: ")
    return again.why("node")


def test_an_entry_of_which_any_byte_was_changed_is_not_believed(entry, world, tmp_path, scaled):
    whole = entry.read_bytes()
    step = 10 // scaled(10)
    places = range(0, len(whole), step)
    for place in places:
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        entry.write_bytes(content)
        again = world.run(tmp_path, **SECRET)
        assert (again.calls, again.result["y"]) == (["node"], 2), place
        assert again.why("node") == NOT_BELIEVED
    print(f"cache entries with a changed byte: {len(places)} of {len(places)} not believed")


DAMAGES = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "without its signature": lambda content: content.partition(b"\n")[2],
    "with nothing but its signature": lambda content: content.partition(b"\n")[0],
    "no JSON": lambda content: b"not json",
    "no text": lambda content: bytes(range(256)),
    "twice": lambda content: content * 2,
    "with another value": lambda content: content.replace(b'"value":2', b'"value":3'),
    "of another run": lambda content: content.replace(b"one", b"two"),
    "signed by nobody": lambda content: Seal().close(Seal("sealed").open(content)),
    "signed with another secret": lambda content: Seal("other").close(Seal("sealed").open(content)),
    "JSON of another kind": lambda content: b"[]",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_or_forged_entry_is_not_believed(damage, entry, world, tmp_path):
    content = damage(entry.read_bytes())
    assert content != entry.read_bytes()
    entry.write_bytes(content)
    assert assert_called(world, tmp_path) == NOT_BELIEVED


def test_the_entry_of_another_recipe_is_not_believed(entry, world, tmp_path):
    world.inputs["x"] = 5
    world.run(tmp_path, **SECRET)
    _, other = entries(tmp_path)
    shutil.copy(entry, other)
    told = assert_called(world, tmp_path)
    assert told.startswith("cache miss: there is an entry, and it is that of another recipe (")


def test_an_entry_of_those_with_another_secret_is_not_believed(entry, world, tmp_path):
    forged = tmp_path / "forged"
    world.run(forged, cache=True, cache_secret="other")
    (other,) = entries(forged)
    assert other.name == entry.name
    shutil.copy(other, entry)
    assert assert_called(world, tmp_path) == NOT_BELIEVED


def test_the_folder_of_those_with_another_secret_is_not_looked_at(entry, world, tmp_path):
    assert_called(world, tmp_path, cache_secret="other")
    assert_called(world, tmp_path, cache_secret="")
    assert len({path.parents[1] for path in entries(tmp_path)}) == 3


def test_a_record_of_what_a_node_was_made_of_is_no_entry(entry, world, tmp_path):
    (last,) = (tmp_path / ".linepipe/cache").rglob("last/**/*.json")
    shutil.copy(last, entry)
    assert assert_called(world, tmp_path).startswith("cache miss: there is an entry, and it is that of another recipe")


@pytest.mark.parametrize("damage", [*DAMAGES.values(), None], ids=[*DAMAGES, "an entry"])
def test_a_damaged_record_of_what_a_node_was_made_of_explains_nothing(damage, entry, world, tmp_path):
    (last,) = (tmp_path / ".linepipe/cache").rglob("last/**/*.json")
    last.write_bytes(damage(last.read_bytes()) if damage else entry.read_bytes())
    world.inputs["x"] = 5
    told = assert_called(world, tmp_path)
    assert told.startswith("cache miss: ")


UNSIGNED = {
    "no object": lambda record: b"[]",
    "no JSON": lambda record: b"{",
    "no text": lambda record: b"\xff\xfe",
    "without a producer": lambda record: {**record, "producer": None},
    "without a time": lambda record: {**record, "made": "yesterday"},
    "without outputs": lambda record: {**record, "outputs": []},
    "with outputs that are none": lambda record: {**record, "outputs": [3]},
    "with a reference that is none": lambda record: {**record, "outputs": [{"linepipe_artifact": 1}]},
    "with its key alone": lambda record: {"key": record["key"]},
}


@pytest.mark.parametrize("forge", UNSIGNED.values(), ids=UNSIGNED.keys())
def test_an_entry_that_makes_no_sense_is_a_miss_also_where_nothing_is_signed(forge, world, tmp_path):
    """Without a secret everybody can make the checksum; another version of this package may write other records."""
    world.run(tmp_path, cache=True)
    (entry,) = entries(tmp_path)
    seal = Seal()
    forged = forge(seal.open(entry.read_bytes()))
    content = forged if isinstance(forged, bytes) else seal.close(forged).partition(b"\n")[2]
    entry.write_bytes(f"{seal._signature(content)}\n".encode() + content)
    assert_called(world, tmp_path, cache_secret="")


def test_a_folder_in_place_of_an_entry_is_named(entry, world, tmp_path):
    entry.unlink()
    entry.mkdir()
    with pytest.raises(StorageFaultError, match=f"The cache cannot write to file://{entry}: IsADirectoryError"):
        world.run(tmp_path, **SECRET)


# --- artifacts ------------------------------------------------------------------------------------------------------


@pytest.fixture
def artifact(entry, tmp_path) -> Path:
    (artifact,) = (tmp_path / "local/one/node/1").iterdir()
    return artifact


def test_an_artifact_that_is_gone_is_a_miss(artifact, world, tmp_path):
    artifact.unlink()
    assert (
        assert_called(world, tmp_path) == f"cache miss: what run one of 'local' has stored is gone (file://{artifact})"
    )


def test_an_artifact_whose_run_is_gone_is_a_miss(artifact, world, tmp_path):
    shutil.rmtree(tmp_path / "local")
    assert "is gone" in assert_called(world, tmp_path)


@pytest.mark.parametrize("content", [b"", b"22", b"  2"], ids=["empty", "longer", "much longer"])
def test_an_artifact_of_another_size_is_a_miss(content, artifact, world, tmp_path):
    artifact.write_bytes(content)
    assert "is gone" in assert_called(world, tmp_path)


def test_another_artifact_of_the_same_size_never_gives_its_value(artifact, world, tmp_path):
    assert artifact.read_bytes() == b"2"
    artifact.write_bytes(b"3")
    assert_called(world, tmp_path)


def test_of_several_outputs_each_must_be_there(tmp_path):
    source = "from called import called\ndef node(x):\n    called('node')\n    return x, x + 1"
    world = World(sources={"author": source}, nodes=[("node", ["x"], ["a", "b"])], inputs={"x": 1})
    world.run(tmp_path, run_id="one", cache=True)
    (artifact,) = (tmp_path / "local/one/node/1").glob("b.*")
    artifact.unlink()
    again = world.run(tmp_path, cache=True)
    assert (again.calls, again.result["a"], again.result["b"]) == (["node"], 1, 2)


def test_what_lies_beneath_a_value_that_was_taken_again_may_go_as_well(tmp_path):
    """A hit of a hit leads to the first artifact, and not to a copy that is not there."""
    world = one_node(SOURCE)
    for run_id in ("one", "two", "three"):
        world.run(tmp_path, cache=True, run_id=run_id)
    shutil.rmtree(tmp_path / "local/two")
    assert world.run(tmp_path, cache=True).calls == []
    shutil.rmtree(tmp_path / "local/one")
    assert world.run(tmp_path, cache=True).calls == ["node"]
