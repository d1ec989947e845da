"""``airflow-linepipe gc``: remove old runs from a storage, which is all that is looked at."""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from airflow_linepipe.cache import evict
from airflow_linepipe.handoff import Retention, collect, open_store

if TYPE_CHECKING:
    from argparse import ArgumentParser, _SubParsersAction

__all__ = ["add_gc"]

# What only Airflow knows is whether a run goes on; one that was written to since is taken for one that does.
_LEAST_AGE: Final = timedelta(days=1)
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes"}
_EPILOG: Final = """
A run goes when it is beyond both --older-than and --keep-last, if both are given. With --keep-last alone, a run that
was written to within the last day stays as well. Airflow is not asked which runs go on: give --older-than more than
your longest run takes. What was published stays, and so does what a kept run reads of another run.
"""


def add_gc(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command."""
    command = commands.add_parser("gc", help="remove old runs from a storage", epilog=_EPILOG)
    command.set_defaults(command=partial(_gc, command))
    command.add_argument("--storage", metavar="URL", required=True, help="where artifacts lie")
    command.add_argument(
        "--dag", action="append", default=[], metavar="ID", help="only this DAG or pipeline; may be repeated"
    )
    command.add_argument(
        "--older-than", type=_age, metavar="30d", help="what was written to since stays; also 12h or 90m"
    )
    command.add_argument("--keep-last", type=int, metavar="N", help="this many runs of each DAG stay")
    command.add_argument(
        "--keep-published", type=int, metavar="N", help="of each asset, only the N latest publications stay"
    )
    command.add_argument("--dry-run", action="store_true", help="remove nothing, and say what would go")
    command.add_argument("--json", action="store_true", help="print what went as JSON")


def _gc(command: ArgumentParser, chosen: argparse.Namespace) -> None:
    if chosen.older_than is None and chosen.keep_last is None:
        command.error("every run would go: say which stay with --older-than 30d, --keep-last 10, or both")
    for option, count, least in (("--keep-last", chosen.keep_last, 0), ("--keep-published", chosen.keep_published, 1)):
        if count is not None and count < least:
            command.error(f"{option} {count}: give a number from {least} on")
    if "@" in chosen.storage.partition("://")[2].partition("/")[0]:
        command.error("there are no Airflow connections here: write --storage without one, or use the maintenance DAG")
    retention = Retention(
        keep_runs=chosen.keep_last,
        keep_for=_LEAST_AGE if chosen.older_than is None else chosen.older_than,
        keep_published=chosen.keep_published,
    )
    collected = collect(
        chosen.storage,
        retention=retention,
        dag_ids=tuple(chosen.dag),
        dry_run=chosen.dry_run,
        before=lambda removal: evict(removal, chosen.storage, open_store=open_store),
    )
    lines = [json.dumps(collected.to_dict(), indent=1)] if chosen.json else collected.lines(dry_run=chosen.dry_run)
    sys.stdout.write("\n".join(lines) + "\n")


def _age(text: str) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,6})([dhm])", text)
    if not found:
        message = f"{text}: write it as 30d, 12h or 90m"
        raise argparse.ArgumentTypeError(message)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
