"""From a running Airflow task to what stays in storage: its claims, and which runs are live."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from airflow_linepipe import settings
from airflow_linepipe.cache import evict
from airflow_linepipe.handoff import (
    Collected,
    Exchange,
    Json,
    Producer,
    Retention,
    Seal,
    StoredRun,
    Temporaries,
    claim_publication,
    claim_use,
    collect,
)
from airflow_linepipe.hooks.secret import signing_secret
from airflow_linepipe.hooks.storage import open_store

if TYPE_CHECKING:
    from airflow.sdk import Asset, Context

__all__ = ["claim_inputs", "claim_output", "collect_garbage"]

logger = logging.getLogger(__name__)

_UNFINISHED: Final = ["queued", "running"]


def claim_inputs(uris: Iterable[str], exchange: Exchange, reader: Producer) -> None:
    """Record which artifacts a run reads: those of other runs stay as long as it does."""
    claim_use(exchange.storage, uris, reader=reader, open_store=open_store)


def claim_output(published: Json, asset: Asset, exchange: Exchange, producer: Producer) -> None:
    """Record that an output is published: it stays, and those hear of it who wait for the asset's name."""
    claim_publication(
        exchange.storage,
        published,
        asset=asset.name,
        asset_uri=asset.uri,
        producer=producer,
        now=datetime.now(UTC),
        open_store=open_store,
        seal=Seal(signing_secret()),
    )


def collect_garbage(
    context: Context,
    *,
    retention: Retention | None = None,
    temporaries: Temporaries | None = None,
    dag_ids: Collection[str] = (),
    storage: str | None = None,
    dry_run: bool = False,
) -> Collected:
    """Remove from storage what a policy lets go, except of runs that Airflow calls queued or running.

    Args:
        context: The running task's.
        retention: The policy for whole runs; None to remove none.
        temporaries: What goes of one run in any case.
        dag_ids: The DAGs it is about; none for all.
        storage: Replaces ``[linepipe] storage``.
        dry_run: Whether to remove nothing and only tell.

    Raises:
        DamagedRecordError: A record of what must be kept cannot be read: nothing is removed.
    """
    url = storage or settings.storage()
    collected = collect(
        url,
        retention=retention,
        temporaries=temporaries,
        dag_ids=dag_ids,
        is_live=_liveness(context["ti"]),
        dry_run=dry_run,
        before=lambda removal: evict(removal, url, open_store=open_store),
        open_store=open_store,
    )
    for line in collected.lines(dry_run=dry_run):
        logger.info("%s", line)
    return collected


def _liveness(task_instance: Any) -> Callable[[StoredRun], bool]:
    """Whether Airflow calls a run queued or running; one that it does not know (any more) is not."""

    def is_live(run: StoredRun) -> bool:
        if (run.dag_id, run.run_id) == (task_instance.dag_id, task_instance.run_id):
            # Somebody may have marked it as failed meanwhile.
            return True
        if not run.has_whole_dag_id:
            # Cut to fit a folder's name: Airflow cannot be asked for it.
            return True
        if run.has_whole_run_id:
            return bool(task_instance.get_dr_count(run.dag_id, run_ids=[run.run_id], states=_UNFINISHED))
        itself = 1 if run.dag_id == task_instance.dag_id else 0
        return bool(task_instance.get_dr_count(run.dag_id, states=_UNFINISHED) > itself)

    return is_live
