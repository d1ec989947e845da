"""Writers that are killed with SIGKILL, at any moment of a write."""

from __future__ import annotations

import random
import statistics
import uuid
from collections import Counter

import pytest
from artifacts import file_of
from blake3 import blake3
from killed_writer import LARGE, VALUES, Writers, equal, producer_of

from airflow_linepipe.handoff import Exchange

SEED = 4


def typical(writers, kind, *, writes):
    """How long a write takes, and what it leaves."""
    done = [writers.write(kind, producer_of(f"whole-{kind}", number)) for number in range(1, writes + 1)]
    digests = {outcome.reference.digest for outcome in done}
    assert len(digests) == 1
    return statistics.median(outcome.seconds for outcome in done), done[0].reference


def digest_of(content):
    return f"blake3:{blake3(content).hexdigest()}"


def moment_of(folder, whole):
    """When a local writer died, by what it left: before it wrote, while it wrote, or with the artifact in place."""
    left = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    final = file_of(whole).name
    assert all(name == final or (name.startswith(".") and name.endswith(".tmp")) for name in left)
    if final not in left:
        return "during" if folder.exists() else "before"
    assert digest_of((folder / final).read_bytes()) == whole.digest
    return "after"


def test_a_writer_killed_at_any_moment_leaves_a_whole_artifact_or_none(exchange, tmp_path, tmp_path_factory, scaled):
    kills = scaled(500)
    moments, told = Counter(), 0
    draw = random.Random(SEED)
    values = {kind: make() for kind, make in VALUES.items()}
    with Writers(exchange.storage, tmp_path_factory.mktemp("temporary")) as writers:
        whole = {kind: typical(writers, kind, writes=3) for kind in VALUES}
        for number in range(kills):
            kind = list(VALUES)[number % len(VALUES)]
            seconds, reference = whole[kind]
            producer = producer_of(f"t{number}")
            outcome = writers.write(kind, producer, killed_after=draw.uniform(0, 1.3 * seconds))
            moment = moment_of(tmp_path.joinpath(*producer.segments), reference)
            moments[moment] += 1
            if outcome.reference:
                told += 1
                assert moment == "after"
                assert equal(exchange.get(outcome.reference), values[kind])
            again = exchange.put(values[kind], name="x", producer=producer_of(f"t{number}", 2))
            assert equal(exchange.get(again), values[kind])
    written = ", ".join(f"{kind} {seconds * 1000:.0f} ms" for kind, (seconds, _) in whole.items())
    print(
        f"kill -9: {sum(moments.values())} of {kills}, absent or whole each time (seed {SEED}; before the first byte "
        f"{moments['before']}, while writing {moments['during']}, after {moments['after']}, {told} with a reference, "
        f"each read back equal; a whole write takes {written})"
    )
    assert sum(moments.values()) == kills
    assert moments["during"] >= kills / 10
    assert moments["after"] >= kills / 20


@pytest.mark.server
def test_a_writer_killed_while_it_sends_parts_leaves_a_whole_object_or_none(s3_options, tmp_path, scaled):
    import s3fs

    kills = scaled(20)
    file_system = s3fs.S3FileSystem(**s3_options)
    bucket, prefix = "artifacts", f"killed-{uuid.uuid4().hex}"
    storage = f"s3://{bucket}/{prefix}"
    value = LARGE["large"]()
    moments = Counter()
    draw = random.Random(SEED)

    def exchange_of():
        return Exchange(storage, open_store=lambda uri: open_s3(uri, file_system))

    with Writers(storage, tmp_path, s3_options) as writers:
        seconds, whole = typical(writers, "large", writes=2)
        for number in range(kills):
            producer = producer_of(f"t{number}")
            outcome = writers.write("large", producer, killed_after=draw.uniform(0.3, 1.1) * seconds)
            folder = "/".join((bucket, prefix, *producer.segments))
            left = file_system.find(folder)
            assert left in ([], [f"{folder}/x.npy"])
            if left:
                assert digest_of(file_system.cat_file(left[0])) == whole.digest
            moments["after" if left else "during" if cancelled(file_system, bucket, folder) else "before"] += 1
            if outcome.reference:
                assert left
                assert equal(exchange_of().get(outcome.reference), value)
            if left:
                file_system.rm_file(left[0])
    again = exchange_of().put(value, name="x", producer=producer_of("t0", 2))
    assert equal(exchange_of().get(again), value)
    file_system.rm(storage, recursive=True)
    print(
        f"kill -9 on S3, 33 MiB in parts: {sum(moments.values())} of {kills}, absent or whole each time (seed {SEED}; "
        f"before the first part {moments['before']}, while sending {moments['during']}, after {moments['after']}; a "
        f"whole write takes {seconds:.1f} s)"
    )
    assert sum(moments.values()) == kills
    assert moments["during"] >= kills / 4


def open_s3(uri, file_system):
    from airflow_linepipe.handoff import open_store

    return open_store(uri, lambda uri: (file_system, uri.removeprefix("s3://")))


def cancelled(file_system, bucket, folder):
    """Whether an upload to this folder had begun; it is over now."""
    begun = file_system.call_s3("list_multipart_uploads", Bucket=bucket).get("Uploads", [])
    mine = [upload for upload in begun if f"{bucket}/{upload['Key']}".startswith(folder)]
    for upload in mine:
        file_system.call_s3("abort_multipart_upload", Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    return bool(mine)
