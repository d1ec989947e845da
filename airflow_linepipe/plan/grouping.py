"""Granularity: which steps of a plan share a task."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

from airflow_linepipe.errors import PlanError, Problem, SettingError
from airflow_linepipe.plan.arguments import checked_choice, did_you_mean
from airflow_linepipe.plan.naming import is_task_id
from airflow_linepipe.plan.part import Part, Persist, cut_parts, makers_of, makers_to_repeat
from airflow_linepipe.plan.step import Plan

__all__ = ["PIPELINE_ID", "Granularity", "plan_parts", "upstream_of_parts"]

Granularity: TypeAlias = Literal["node", "chain", "pipeline"] | Mapping[str, Sequence[str]]

PIPELINE_ID = "pipeline"


def plan_parts(
    plan: Plan, *, granularity: Granularity = "node", persist: Persist = "boundary", apart: Collection[str] = ()
) -> tuple[Part, ...]:
    """Cut a plan into the parts that become tasks.

    Args:
        plan: The plan.
        granularity: "node": a part for each step. "chain": steps that can only run one after the other are one part,
            called like its first step. "pipeline": one part of that name. A mapping from part to step ids: these
            steps are one part, every other step is one of its own.
        persist: As in `cut_parts`.
        apart: The steps that "chain" leaves alone, because they have settings of their own.

    Returns:
        The parts, each after those it reads from.

    Raises:
        SettingError: ``granularity`` or ``persist`` is nothing of the kind, or names what the plan has not.
        PlanError: Two parts would wait for each other.
    """
    checked_choice("persist", persist, get_args(Persist))
    upstream = upstream_of_parts(plan)
    groups = _groups(plan, upstream, granularity, apart)
    home = {step_id: group for group, step_ids in groups.items() for step_id in step_ids}
    # Lists and not sets: the order must be the same in every process.
    before = {
        group: [home[other] for step_id in step_ids for other in upstream[step_id] if home[other] != group]
        for group, step_ids in groups.items()
    }
    try:
        order = _in_list_order(before)
    except CycleError as error:
        raise PlanError([_cycle(upstream, home, error.args[1])]) from error
    parts = cut_parts(plan, {group: groups[group] for group in order}, persist=persist)
    return tuple(replace(part, upstream=tuple(dict.fromkeys(before[part.id]))) for part in parts)


def _in_list_order(before: Mapping[str, Sequence[str]]) -> list[str]:
    """Each group after those it needs, and else as the groups stand: as near to linepipe's order as can be.

    Raises:
        CycleError: Some wait for each other.
    """
    position = {group: number for number, group in enumerate(before)}
    sorter = TopologicalSorter(before)
    sorter.prepare()
    ready: list[tuple[int, str]] = []
    order: list[str] = []
    while sorter.is_active():
        for group in sorter.get_ready():
            heappush(ready, (position[group], group))
        _, group = heappop(ready)
        sorter.done(group)
        order.append(group)
    return order


def upstream_of_parts(plan: Plan) -> dict[str, list[str]]:
    """The steps that each step must come after, seen through those that run again wherever they are needed.

    Args:
        plan: The plan.

    Returns:
        Step ids by step id, in list order; a step that only makes ephemeral values stands nowhere.
    """
    repeated = makers_to_repeat(plan)
    through: dict[str, list[str]] = {}
    # Where each of the repeated runs, so far in list order.
    readers: dict[str, list[str]] = {step_id: [] for step_id in repeated}
    for step in plan.steps:
        seen: list[str] = []
        for other in step.upstream:
            seen += through[other] if other in repeated else [other]
            # Order, and no value: it comes after every step that runs the other one again.
            seen += readers[other] if other in repeated and other in step.after else []
        through[step.id] = list(dict.fromkeys(seen))
        if step.id not in repeated:
            for maker in makers_of(plan, step.id) & repeated:
                readers[maker].append(step.id)
    return {step_id: others for step_id, others in through.items() if step_id not in repeated}


def _groups(
    plan: Plan, upstream: Mapping[str, Sequence[str]], granularity: Granularity, apart: Collection[str]
) -> dict[str, list[str]]:
    if isinstance(granularity, Mapping):
        return _named_groups([step.id for step in plan.steps], upstream, granularity)
    mode: str = granularity
    if mode == "node":
        return {step_id: [step_id] for step_id in upstream}
    if mode == "chain":
        return {chain[0]: chain for chain in _chains(upstream, apart)}
    if mode == "pipeline":
        return {PIPELINE_ID: list(upstream)} if upstream else {}
    otherwise = 'use "node", "chain", "pipeline" or a dict of lists of step ids.'
    hint = did_you_mean(mode, ("node", "chain", "pipeline"), otherwise=otherwise)
    message = f"granularity={granularity!r} is not known: {hint}"
    raise SettingError(message)


def _chains(upstream: Mapping[str, Sequence[str]], apart: Collection[str]) -> list[list[str]]:
    """The stretches in which each step has one step before it and that one no other behind it."""
    before = _direct_edges(upstream)
    behind: dict[str, list[str]] = {step_id: [] for step_id in upstream}
    for step_id, others in before.items():
        for other in others:
            behind[other].append(step_id)
    chains: dict[str, list[str]] = {}
    for step_id, others in before.items():
        if len(others) == 1 and len(behind[others[0]]) == 1 and not {step_id, others[0]} & set(apart):
            chains[step_id] = chains[others[0]]
            chains[step_id].append(step_id)
        else:
            chains[step_id] = [step_id]
    return [chain for step_id, chain in chains.items() if chain[0] == step_id]


def _direct_edges(upstream: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """For each step those before it that no other step stands between."""
    all_before: dict[str, set[str]] = {}
    direct: dict[str, list[str]] = {}
    for step_id, others in upstream.items():
        further = set().union(*(all_before[other] for other in others))
        all_before[step_id] = further.union(others)
        direct[step_id] = [other for other in others if other not in further]
    return direct


def _named_groups(
    ids: Sequence[str], upstream: Mapping[str, Sequence[str]], granularity: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    problems = list(_naming_problems(ids, granularity))
    if problems:
        raise SettingError(problems[0])
    home = {step_id: name for name, step_ids in granularity.items() for step_id in step_ids}
    groups: dict[str, list[str]] = {}
    for step_id in upstream:
        groups.setdefault(home.get(step_id, step_id), []).append(step_id)
    for name in granularity:
        if name not in groups:
            message = f"granularity[{name!r}]: what its steps make is ephemeral, so they run in the tasks that read it."
            raise SettingError(message)
    return groups


def _naming_problems(ids: Sequence[str], granularity: Mapping[str, Sequence[str]]) -> Iterator[str]:
    homes: dict[str, str] = {}
    for name, step_ids in granularity.items():
        where = f"granularity[{name!r}]"
        if not is_task_id(name):
            yield f"{where}: that is no task id: use letters, digits, - and _ only."
        elif isinstance(step_ids, str) or not isinstance(step_ids, Collection) or not step_ids:
            yield f"{where} is {step_ids!r}: give a list of step ids."
        else:
            for step_id in step_ids:
                if step_id not in ids:
                    hint = did_you_mean(step_id, ids, otherwise=f"it has {', '.join(ids)}.")
                    yield f"{where}: the pipeline has no step {step_id!r}: {hint}"
                elif homes.setdefault(step_id, name) != name:
                    yield f"{where}: step {step_id!r} stands in {homes[step_id]!r} already: a step runs in one task."
            if len(set(map(repr, step_ids))) < len(step_ids):
                yield f"{where} is {step_ids!r}: name each step once."
    for name in granularity:
        if name in ids and name not in homes:
            yield f"granularity[{name!r}]: the step of this name runs in a task of its own: choose another name."


def _cycle(upstream: dict[str, list[str]], home: Mapping[str, str], groups: Sequence[str]) -> Problem:
    """The sentence about parts that wait for each other, with the steps that make them wait."""
    # CycleError lists each part after one that it must follow, and the first again at the end.
    edges = {
        (home[other], home[step_id]): f"node '{step_id}' of '{home[step_id]}' needs node '{other}' of '{home[other]}'"
        for step_id in reversed(upstream)
        for other in upstream[step_id]
    }
    reasons = [edges[pair] for pair in pairwise(groups)]
    message = (
        f"granularity: the tasks {' and '.join(repr(group) for group in groups[:-1])} would wait for each other: "
        f"{', and '.join(reasons)}. Put these nodes into one task, or into more."
    )
    return Problem(node="", value="granularity", message=message)
