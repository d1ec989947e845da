"""``airflow-linepipe check|run|show TARGET``, ``gc`` and ``why``: pipelines and storages on the command line."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import tomllib
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

from airflow_linepipe.cli.gc import add_gc
from airflow_linepipe.cli.why import add_why
from airflow_linepipe.errors import HintWarning, LinepipeError, SettingError
from airflow_linepipe.handoff import Exchange, Producer, open_store
from airflow_linepipe.plan import (
    Override,
    Plan,
    check_live,
    check_travel,
    draw_ascii,
    draw_mermaid,
    load_target,
    override_plan,
    plan_overrides,
    plan_parts,
    plan_pipeline,
)
from airflow_linepipe.runtime import run

__all__ = ["main"]

_READERS: Final[dict[str, Callable[[str], Any]]] = {".json": json.loads, ".toml": tomllib.loads}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The words after the program's name; left out, those it was called with.

    Returns:
        The exit status: 0, or 1 if the pipeline cannot run, its run failed, or nothing can be removed. Wrong usage
        exits with 2.
    """
    chosen = _parser().parse_args(arguments)
    # As ``python -m`` does: a pipeline beside the caller is found.
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  (a text, as everything there)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("once", HintWarning)
            warnings.showwarning = lambda message, *_args, **_options: _complain(str(message))
            chosen.command(chosen)
    except LinepipeError as error:
        _complain(str(error))
        return 1
    finally:
        sys.path.pop(0)
    return 0


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _check(chosen: argparse.Namespace) -> None:
    plan = _plan(chosen)
    parts = plan_parts(plan, granularity=_granularity(chosen))
    check_live(plan, {})
    check_travel(parts)
    known = plan_overrides(plan)
    override_plan(plan, _params(chosen, known), known)
    if chosen.storage is not None:
        _check_reachable(chosen.storage)
    lines = [f"{chosen.target}: {len(plan.steps)} nodes in {len(parts)} tasks, nothing wrong."]
    names = sorted({artifact.name for artifact in plan.ephemeral})
    lines += [f"  '{name}' is made anew in each task that reads it." for name in names]
    sys.stdout.write("\n".join(lines) + "\n")


def _plan(chosen: argparse.Namespace) -> Plan:
    return plan_pipeline(
        chosen.target,
        config=_config(chosen),
        given=_pairs("--input", chosen.input),
        order=chosen.order,
        ephemeral=chosen.ephemeral,
        missing_config=chosen.missing_config,
        resources=dict.fromkeys(chosen.resource, _Unopened()),
    )


class _Unopened:
    """Stands for a resource where nothing runs."""

    def open(self) -> AbstractContextManager[None]:
        return nullcontext()


def _check_reachable(storage: str) -> None:
    """Write a value, read it back, and remove it."""
    producer = Producer(dag_id="airflow-linepipe check", run_id=secrets.token_hex(8), task_id="check")
    exchange = Exchange(storage)
    try:
        reference = exchange.put("check", name="check", producer=producer)
        exchange.get(reference)
        store = open_store(exchange.storage)
        store.remove(reference.uri)
        store.prune(f"{exchange.storage}/{producer.segments[0]}")
    except Exception as error:  # each kind of storage has errors of its own
        message = f"The storage '{storage}' cannot be written to and read: {type(error).__name__}: {error}."
        raise SettingError(message) from error


def _run(chosen: argparse.Namespace) -> None:
    result = run(
        chosen.target,
        config=_config(chosen),
        inputs=_pairs("--input", chosen.input),
        params=_params(chosen, plan_overrides(_plan(chosen)) if chosen.param else {}),
        storage=chosen.storage,
        granularity=_granularity(chosen),
        order=chosen.order,
        ephemeral=chosen.ephemeral,
        persist=chosen.persist,
        missing_config=chosen.missing_config,
        cache=chosen.cache,
        refresh_from=chosen.refresh_from,
        cache_secret=os.environ.get("AIRFLOW_VAR_LINEPIPE_CACHE_SECRET", ""),
        name=chosen.name,
        quiet=chosen.quiet,
    )
    sys.stdout.write(json.dumps(result.to_dict(), indent=1) + "\n" if chosen.json else result.summary() + "\n")


def _show(chosen: argparse.Namespace) -> None:
    plan = _plan(chosen)
    if chosen.mermaid:
        sys.stdout.write(draw_mermaid(plan, plan_parts(plan, granularity=_granularity(chosen))))
    else:
        sys.stdout.write(draw_ascii(plan) + "\n")


def _config(chosen: argparse.Namespace) -> Any:
    """What ``--config`` names: a JSON or TOML file, or an object in a module; None for the pipeline's own."""
    if chosen.config is None:
        return None
    path = Path(chosen.config)
    if path.suffix not in _READERS and ":" not in chosen.config:
        message = f"--config {chosen.config}: give a .json or .toml file, or package.module:attribute."
        raise SettingError(message)
    try:
        config = _READERS[path.suffix](path.read_text()) if path.suffix in _READERS else load_target(chosen.config)
    except (OSError, ValueError) as error:
        message = f"--config {chosen.config} cannot be read: {error}."
        raise SettingError(message) from error
    if config is None:
        message = f"--config {chosen.config} holds nothing: leave it out for the pipeline's own config."
        raise SettingError(message)
    return config


def _params(chosen: argparse.Namespace, known: Mapping[str, Override]) -> dict[str, Any]:
    """As JSON, except that what takes the place of a text is one."""
    params = _pairs("--param", chosen.param)
    for name, _, text in (pair.partition("=") for pair in chosen.param):
        if name in known and isinstance(known[name].parameter.default, str) and not isinstance(params[name], str):
            params[name] = text
    return params


def _pairs(option: str, pairs: Sequence[str]) -> dict[str, Any]:
    values = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            message = f"{option} {pair}: write it as NAME=VALUE."
            raise SettingError(message)
        try:
            values[name] = json.loads(text)
        except (ValueError, RecursionError):  # what is no JSON is a text
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
    commands = parser.add_subparsers(required=True, metavar="check|run|show|gc|why")
    check = commands.add_parser("check", help="say what would fail on a cluster")
    execute = commands.add_parser("run", help="run the pipeline here")
    show = commands.add_parser("show", help="draw the pipeline")
    for command, function in ((check, _check), (execute, _run), (show, _show)):
        command.set_defaults(command=function, resource=[])
        command.add_argument("target", metavar="TARGET", help="the pipeline, as package.module:attribute")
        command.add_argument("--config", metavar="FILE", help="a .json or .toml file, or package.module:attribute")
        command.add_argument("--granularity", default="node", help='node, chain, pipeline or {"task": ["node", …]}')
        command.add_argument("--order", default="data", help="data or list")
        command.add_argument("--missing-config", default="error", help="error, or none to get None as in linepipe")
        _add_repeated(command, "--input", "NAME=VALUE", "a value from outside")
        _add_repeated(command, "--ephemeral", "NAME", "what cannot travel")
    for command in (check, show):
        _add_repeated(command, "--resource", "NAME", "what the DAG opens as a resource")
    for command in (check, execute):
        command.add_argument("--storage", metavar="URL", help="where artifacts lie")
        _add_repeated(command, "--param", "NAME=VALUE", "a value of config or constants in this run")
    execute.add_argument("--persist", default="boundary", help="boundary, or all to keep every output")
    execute.add_argument("--name", default="local", help="the pipeline's name, the folder below the storage")
    execute.add_argument("--json", action="store_true", help="print the result as JSON")
    execute.add_argument("--quiet", action="store_true", help="show no progress")
    show.add_argument("--mermaid", action="store_true", help="a Mermaid flowchart instead of linepipe's drawing")
    execute.add_argument("--cache", default="off", help="use, or refresh to run all and store it; off if left out")
    execute.add_argument("--refresh-from", default="", metavar="TASK", help="run this task and all behind it anew")
    add_gc(commands)
    add_why(commands)
    return parser


def _add_repeated(command: argparse.ArgumentParser, option: str, metavar: str, text: str) -> None:
    command.add_argument(option, action="append", default=[], metavar=metavar, help=f"{text}; may be repeated")
