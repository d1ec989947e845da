"""Every week, what is old goes from the storage: of every DAG, and never what is published, in use or running."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG, Param, get_current_context, task

with DAG(
    "linepipe_maintenance",
    start_date=pendulum.datetime(2026, 1, 1),
    schedule="@weekly",
    catchup=False,
    # Who wants it switches it on.
    is_paused_upon_creation=True,
    max_active_runs=1,
    params={
        "older_than_days": Param(30, type="integer", minimum=1, description="What was written to since stays."),
        "keep_last": Param(5, type="integer", minimum=0, description="This many runs of each DAG stay."),
        "dry_run": Param(default=False, type="boolean", description="Remove nothing; the log says what would go."),
    },
    doc_md=__doc__,
):

    @task
    def collect_old_runs(params: dict) -> dict[str, int]:
        """A run goes when it is beyond both limits; the log says which go, and what of them stays and why."""
        from airflow_linepipe import Retention
        from airflow_linepipe.hooks.retention import collect_garbage

        retention = Retention(keep_runs=params["keep_last"], keep_for=timedelta(days=params["older_than_days"]))
        collected = collect_garbage(get_current_context(), retention=retention, dry_run=params["dry_run"])
        return {"artifacts": len(collected.artifacts), "nbytes": collected.nbytes}

    collect_old_runs()
