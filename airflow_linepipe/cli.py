"""``airflow-linepipe check|run|show TARGET``: a pipeline on the command line, without Airflow."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Sequence
from typing import Any

from airflow_linepipe.errors import LinepipeError, SettingError
from airflow_linepipe.handoff import Exchange, Producer
from airflow_linepipe.plan import draw_ascii, draw_mermaid, plan_parts, plan_pipeline
from airflow_linepipe.runtime import run

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The words after the program's name; left out, those it was called with.

    Returns:
        The exit status: 0, or 1 if the pipeline cannot run or its run failed. Wrong usage exits with 2.
    """
    chosen = _parser().parse_args(arguments)
    # As ``python -m`` does: a pipeline beside the caller is found.
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  (a text, as everything there)
    try:
        chosen.command(chosen)
    except LinepipeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        sys.path.pop(0)
    return 0


def _check(chosen: argparse.Namespace) -> None:
    plan = plan_pipeline(chosen.target, given=_inputs(chosen), order=chosen.order, ephemeral=chosen.ephemeral)
    parts = plan_parts(plan, granularity=_granularity(chosen))
    if chosen.storage:
        _check_reachable(chosen.storage)
    lines = [f"{chosen.target}: {len(plan.steps)} nodes in {len(parts)} tasks, nothing wrong."]
    names = sorted({artifact.name for artifact in plan.ephemeral})
    lines += [f"  '{name}' is made anew in each task that reads it." for name in names]
    sys.stdout.write("\n".join(lines) + "\n")


def _check_reachable(storage: str) -> None:
    """Write a value and read it back."""
    producer = Producer(dag_id="airflow-linepipe check", run_id=secrets.token_hex(8), task_id="check")
    exchange = Exchange(storage)
    try:
        reference = exchange.put("check", name="check", producer=producer)
        exchange.get(reference)
    except OSError as error:
        message = f"The storage '{storage}' cannot be written to and read: {type(error).__name__}: {error}."
        raise SettingError(message) from error


def _run(chosen: argparse.Namespace) -> None:
    result = run(
        chosen.target,
        inputs=_inputs(chosen),
        params=_pairs("--param", chosen.param),
        storage=chosen.storage,
        granularity=_granularity(chosen),
        order=chosen.order,
        ephemeral=chosen.ephemeral,
        name=chosen.name,
        quiet=chosen.quiet,
    )
    sys.stdout.write(json.dumps(result.to_dict(), indent=1) + "\n" if chosen.json else result.summary() + "\n")


def _show(chosen: argparse.Namespace) -> None:
    plan = plan_pipeline(chosen.target, given=_inputs(chosen), order=chosen.order, ephemeral=chosen.ephemeral)
    if chosen.mermaid:
        sys.stdout.write(draw_mermaid(plan, plan_parts(plan, granularity=_granularity(chosen))))
    else:
        sys.stdout.write(draw_ascii(plan) + "\n")


def _inputs(chosen: argparse.Namespace) -> dict[str, Any]:
    return _pairs("--input", chosen.input)


def _pairs(option: str, pairs: Sequence[str]) -> dict[str, Any]:
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            message = f"{option} {pair}: write it as NAME=VALUE."
            raise SettingError(message)
        try:
            values[name] = json.loads(text)
        except json.JSONDecodeError:  # what is no JSON is a text
            values[name] = text
    return values


def _granularity(chosen: argparse.Namespace) -> Any:
    if not chosen.granularity.startswith("{"):
        return chosen.granularity
    try:
        return json.loads(chosen.granularity)
    except json.JSONDecodeError as error:
        message = f"--granularity {chosen.granularity}: that is no JSON ({error})."
        raise SettingError(message) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="airflow-linepipe", description="A pipeline as a DAG would run it.")
    commands = parser.add_subparsers(required=True, metavar="check|run|show")
    check = commands.add_parser("check", help="say what would fail on a cluster")
    execute = commands.add_parser("run", help="run the pipeline here")
    show = commands.add_parser("show", help="draw the pipeline")
    for command, function in ((check, _check), (execute, _run), (show, _show)):
        command.set_defaults(command=function)
        command.add_argument("target", metavar="TARGET", help="the pipeline, as package.module:attribute")
        command.add_argument("--granularity", default="node", help='node, chain, pipeline or {"task": ["node", …]}')
        command.add_argument("--order", default="data", help="data or list")
        command.add_argument("--input", action="append", default=[], metavar="NAME=VALUE", help="a value from outside")
        command.add_argument("--ephemeral", action="append", default=[], metavar="NAME", help="what cannot travel")
    for command in (check, execute):
        command.add_argument("--storage", metavar="URL", help="where artifacts lie")
    execute.add_argument(
        "--param", action="append", default=[], metavar="NAME=VALUE", help="a value of config or constants in this run"
    )
    execute.add_argument("--name", default="local", help="the pipeline's name, the folder below the storage")
    execute.add_argument("--json", action="store_true", help="print the result as JSON")
    execute.add_argument("--quiet", action="store_true", help="show no progress")
    show.add_argument("--mermaid", action="store_true", help="a Mermaid flowchart instead of linepipe's drawing")
    return parser
