"""``airflow-linepipe why``: why a node was called in a run, or was not."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_linepipe.cache import read_explanations
from airflow_linepipe.handoff import NOT_MAPPED, check_storage, open_store

if TYPE_CHECKING:
    from argparse import ArgumentParser, _SubParsersAction

__all__ = ["add_why"]


def add_why(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser("why", help="say why a node was called in a run, or was not")
    command.set_defaults(command=_why)
    command.add_argument("dag", metavar="DAG", help="the DAG's id, or the name of a pipeline run here")
    command.add_argument("run", metavar="RUN", help="the run's id")
    command.add_argument("node", metavar="NODE", help="a task, or a node in one")
    command.add_argument(
        "--storage", metavar="URL", default="", help="where artifacts lie; left out, where this Airflow has them"
    )


def _why(chosen: argparse.Namespace) -> None:
    storage = check_storage(chosen.storage or _configured())
    for found in read_explanations(storage, chosen.dag, chosen.run, chosen.node, open_store=open_store):
        index = "" if found.map_index == NOT_MAPPED else f"[{found.map_index}]"
        sys.stdout.write(f"{found.task_id}{index}: {found.reason}\n")


def _configured() -> str:
    """``[linepipe] storage`` as the environment has it: Airflow itself is not asked."""
    home = str(Path(os.environ.get("AIRFLOW_HOME") or "~/airflow").expanduser())
    url = os.environ.get("AIRFLOW__LINEPIPE__STORAGE") or "file://{AIRFLOW_HOME}/linepipe"
    return url.replace("{AIRFLOW_HOME}", home)
