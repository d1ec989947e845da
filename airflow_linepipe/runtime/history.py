"""Finished and failed runs, read again afterwards and elsewhere."""

from __future__ import annotations

import json
from typing import Any

from airflow_linepipe.errors import ArtifactUnreadableError, RunNotFoundError, StorageFaultError
from airflow_linepipe.handoff import ArtifactRef, Exchange, open_store, record_uri
from airflow_linepipe.runtime.memory import MemoryUse
from airflow_linepipe.runtime.result import RunResult, StepReport

__all__ = ["read_run", "write_run"]


def write_run(result: RunResult, storage: str) -> None:
    """Keep what is known of a run beside its artifacts; what was known before is replaced.

    Args:
        result: The run.
        storage: The URL below which its artifacts lie.

    Raises:
        StorageFaultError: The storage does not take it.
    """
    uri = record_uri(storage, result.pipeline, result.run_id)
    try:
        with open_store(uri).write(uri) as file:
            file.write(json.dumps(result.to_dict()).encode())
    except OSError as error:
        message = (
            f"The record of run '{result.run_id}' cannot be written to {uri}: {type(error).__name__}: {error}. Check "
            f"the storage '{storage}'."
        )
        raise StorageFaultError(message) from error


def read_run(storage: str, run_id: str, *, name: str = "local", allow_pickle: bool = True) -> RunResult:
    """A run of the local runner, finished, failed or still going, from any process that sees its storage.

    Args:
        storage: The storage it was given.
        run_id: Its id.
        name: The pipeline's name, as it was given to `run`.
        allow_pickle: Whether values that are pickles may be opened. Who can write to the storage could have put
            them there.

    Returns:
        What `run` returned, or would have.

    Raises:
        RunNotFoundError: There is no such run.
        ArtifactUnreadableError: Its record is damaged.
        StorageFaultError: The storage cannot be read.
    """
    exchange = Exchange(storage, allow_pickle=allow_pickle)
    uri = record_uri(exchange.storage, name, run_id)
    try:
        text = bytes(open_store(uri).read(uri))
    except FileNotFoundError as error:
        message = (
            f"There is no run '{run_id}' of pipeline '{name}' in {storage}: nothing lies at {uri}. Only run() leaves a "
            f"record; of a run in Airflow, read the references in XCom with load_artifact()."
        )
        raise RunNotFoundError(message) from error
    except OSError as error:
        message = f"The storage '{storage}' cannot be read: {type(error).__name__}: {error}."
        raise StorageFaultError(message) from error
    try:
        return _result(json.loads(text), exchange)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"The record of run '{run_id}' at {uri} is damaged: {type(error).__name__}: {error}."
        raise ArtifactUnreadableError(message) from error


def _result(record: dict[str, Any], exchange: Exchange) -> RunResult:
    steps = {step["id"]: _report(step) for step in record.pop("steps")}
    outputs: dict[str, str] = record["outputs"]

    def load(output: str) -> Any:
        return exchange.get(ArtifactRef.from_wire(steps[outputs[output]].outputs[output]))

    return RunResult(**record, steps=steps, _load=load)


def _report(step: dict[str, Any]) -> StepReport:
    memory = step.pop("memory")
    return StepReport(**step, memory=MemoryUse(**memory) if memory else None)
