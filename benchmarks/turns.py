"""Runs of several DAGs on one real Airflow, in turns, so that a slow moment of the machine meets all of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from airflow_linepipe.testing import StandaloneAirflow
from airflow_linepipe.testing.records import DagRunRecord

__all__ = ["runs_in_turns"]


def runs_in_turns(
    dags: str, dag_ids: Sequence[str], *, rounds: int
) -> Iterator[tuple[StandaloneAirflow, DagRunRecord]]:
    """Trigger each DAG, wait for its end, and go on to the next, several times over.

    Args:
        dags: The text of the file that holds them.
        dag_ids: Their ids.
        rounds: How often each of them runs.

    Yields:
        The Airflow, and the run that has ended.
    """
    with tempfile.TemporaryDirectory(prefix="linepipe-bench-") as folder:
        dags_folder = Path(folder, "dags")
        dags_folder.mkdir()
        Path(dags_folder, "measured.py").write_text(dags)
        with StandaloneAirflow(home=Path(folder, "home"), dags=dags_folder, parallelism=2) as airflow:
            for dag_id in dag_ids:
                airflow.wait_for_dag(dag_id, timeout=120)
            for _ in range(rounds):
                for dag_id in dag_ids:
                    yield airflow, airflow.wait(dag_id, airflow.trigger(dag_id), timeout=300)
