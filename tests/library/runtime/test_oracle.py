"""`Pipeline.run()` is the oracle: whatever linepipe makes of a pipeline, a plan makes too, whole or in parts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import drawn_pipelines as pipelines
import hypothesis
import pytest
from hypothesis import strategies as st
from nodes import ran

from airflow_linepipe.errors import PlanError
from airflow_linepipe.handoff import Exchange, Json, Producer
from airflow_linepipe.plan import ArtifactBinding, Part, Plan, cut_parts, part_after, plan_parts, plan_pipeline
from airflow_linepipe.runtime import load_references, run, run_plan

RUNS = itertools.count()
# 100 in ``make test``, 2,000 in ``make soak``.
EXAMPLES = hypothesis.settings().max_examples


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the files that writers write."""
    return tmp_path_factory.mktemp("world")


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"file://{tmp_path_factory.mktemp('storage')}"


def take_files(world: Path) -> dict[str, str]:
    """What the writers wrote; it is gone after that."""
    files = {path.name: path.read_text() for path in sorted(world.iterdir())}
    for path in world.iterdir():
        path.unlink()
    return files


def outputs_of_linepipe(pipeline) -> dict[str, Any]:
    pipeline.history.clear()
    pipeline.run()
    return {name: value for entry in pipeline.history for name, value in entry["outputs"].items()}


def drawn_and_run(data: st.DataObject, world: Path) -> tuple[Any, dict[str, str], dict[str, str]]:
    """A drawn pipeline, and what linepipe makes of it: its outputs' fingerprints and the files of its writers."""
    take_files(world)
    pipeline = data.draw(pipelines.pipelines(folder=str(world)))
    hypothesis.note(pipelines.describe(pipeline))
    outputs = {name: pipelines.fingerprint(value) for name, value in outputs_of_linepipe(pipeline).items()}
    return pipeline, outputs, take_files(world)


def outputs_of_parts(plan: Plan, parts: Sequence[Part], exchange: Exchange) -> dict[str, Any]:
    """Run every part as a task of its own does: references in, references out, values in storage."""
    run_id = f"run {next(RUNS)}"
    references: dict[ArtifactBinding, Json] = {}
    for number, part in enumerate(parts):
        producer = Producer(dag_id="oracle", run_id=run_id, task_id=f"{number}.{part.id}")
        given = load_references({name: references[source] for name, source in part.sources.items()}, exchange)
        for name, value in ran(part.plan, given=given, outputs=part.outputs):
            wire = exchange.put(value, name=name, producer=producer).to_wire()
            references[part.outputs[name]] = json.loads(json.dumps(wire, allow_nan=False))
    made = {name: references[artifact] for name, artifact in plan.outputs.items() if artifact in references}
    return load_references(made, exchange)


def any_allowed_order(plan: Plan, wishes: Sequence[int]) -> Iterator[str]:
    """The steps in one of the orders in which a scheduler may run them: of those ready, the most wished for."""
    wish = {step.id: wish for step, wish in zip(plan.steps, wishes, strict=True)}
    done: set[str] = set()
    while len(done) < len(plan.steps):
        ready = [step.id for step in plan.steps if step.id not in done and done.issuperset(step.upstream)]
        chosen = min(ready, key=wish.__getitem__)
        done.add(chosen)
        yield chosen


def groups(step_ids: Sequence[str], ends: Sequence[bool]) -> list[list[str]]:
    """Neighbours in list order, in one task each."""
    grouped: list[list[str]] = []
    for step_id, ends_here in zip(step_ids, [True, *ends], strict=True):
        if ends_here:
            grouped.append([])
        grouped[-1].append(step_id)
    return grouped


def test_a_plan_gives_what_linepipe_gives_whole_and_as_tasks_of_one_step_or_several(world, storage):
    """R02, R07, R08, R10, R11, R17: same values and same files, in every order that the plan allows."""

    def shown(outputs: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
        return {name: pipelines.fingerprint(outputs[name]) for name in sorted(outputs)}, take_files(world)

    @hypothesis.settings(max_examples=3 * EXAMPLES)
    @hypothesis.given(st.data())
    def check(data: st.DataObject) -> None:
        take_files(world)
        pipeline = data.draw(pipelines.pipelines(folder=str(world)))
        hypothesis.note(pipelines.describe(pipeline))
        expected = shown(outputs_of_linepipe(pipeline))
        plan = plan_pipeline(pipeline)
        ids = [step.id for step in plan.steps]
        wishes = data.draw(st.permutations(range(len(ids))))
        ends = data.draw(st.lists(st.booleans(), min_size=len(ids) - 1, max_size=len(ids) - 1))

        # Stored as soon as it is yielded, as the operator does it.
        assert shown({name: deepcopy(value) for name, value in ran(plan, given={})}) == expected
        with Exchange(storage) as exchange:
            one_each = cut_parts(plan, {step_id: [step_id] for step_id in any_allowed_order(plan, wishes)})
            assert shown(outputs_of_parts(plan, one_each, exchange)) == expected
            stretches = cut_parts(plan, {stretch[0]: stretch for stretch in groups(ids, ends)}, persist="all")
            assert shown(outputs_of_parts(plan, stretches, exchange)) == expected

    check()


def test_every_granularity_gives_what_linepipe_gives(world, storage):
    """R02: the local runner, in both orders; what stays inside a task is missing, everything else is the same."""

    @hypothesis.settings(max_examples=5 * EXAMPLES)
    @hypothesis.given(st.data())
    def check(data: st.DataObject) -> None:
        pipeline, *expected = drawn_and_run(data, world)
        order = data.draw(st.sampled_from(["data", "list"]))
        ids = [step.id for step in plan_pipeline(pipeline).steps]
        homes = data.draw(st.lists(st.sampled_from(["first", "second", "third"]), min_size=len(ids), max_size=len(ids)))
        named = {home: [step_id for step_id, other in zip(ids, homes, strict=True) if other == home] for home in homes}
        persist = data.draw(st.sampled_from(["boundary", "all"]))
        for granularity in ("node", "chain", "pipeline", named):
            try:
                result = run(
                    pipeline,
                    order=order,
                    granularity=granularity,
                    persist=persist,
                    storage=data.draw(st.sampled_from([storage, None])),
                    quiet=True,
                )
            except PlanError:
                if granularity is not named:
                    raise
                continue
            kept = [name for name, step_id in result.outputs.items() if step_id]
            shown = {name: pipelines.fingerprint(result[name]) for name in kept}
            assert shown == {name: expected[0][name] for name in kept}
            assert take_files(world) == expected[1]
            if persist == "all" or granularity == "node":
                assert set(kept) == expected[0].keys()

    check()


def test_a_part_that_stopped_goes_on_and_gives_the_same(world, storage):
    """R42: a retry of a task of several steps, wherever the first try ended."""

    @hypothesis.settings(max_examples=EXAMPLES)
    @hypothesis.given(st.data())
    def check(data: st.DataObject) -> None:
        pipeline, *expected = drawn_and_run(data, world)
        plan = plan_pipeline(pipeline)
        ids = [step.id for step in plan.steps]
        ended = data.draw(st.integers(0, len(ids)))
        (part,) = plan_parts(plan, granularity="pipeline", persist="all")
        with Exchange(storage) as exchange:
            producer = Producer(dag_id="oracle", run_id=f"stopped {next(RUNS)}", task_id="pipeline")

            def stored(part: Part, given: dict[str, Any], steps: int) -> dict[ArtifactBinding, Json]:
                runs = itertools.islice(run_plan(part.plan, given=given, outputs=part.outputs), steps)
                return {
                    part.outputs[name]: exchange.put(value, name=name, producer=producer).to_wire()
                    for ran in runs
                    for name, value in ran.outputs.items()
                }

            first = stored(part, {}, ended)
            left, done = part_after(part, ids[:ended], first)
            assert list(done) == ids[:ended]
            given = load_references({name: first[source] for name, source in left.sources.items()}, exchange)
            wires = first | stored(left, given, len(ids))
            made = load_references({name: wires[artifact] for name, artifact in plan.outputs.items()}, exchange)
        assert {name: pipelines.fingerprint(value) for name, value in made.items()} == expected[0]
        assert take_files(world) == expected[1]

    check()


def test_list_order_allows_only_the_order_of_the_list(world):
    """R02."""

    @hypothesis.settings(max_examples=50)
    @hypothesis.given(st.data())
    def check(data: st.DataObject) -> None:
        pipeline = data.draw(pipelines.pipelines(folder=str(world)))
        plan = plan_pipeline(pipeline, order="list")
        wishes = data.draw(st.permutations(range(len(plan.steps))))

        assert list(any_allowed_order(plan, wishes)) == [step.id for step in plan.steps]
        assert [step.label for step in plan.steps] == pipeline.node_order

    check()


def _binds_again(pipeline):
    names = [name for node in pipeline.nodes for name in node.outputs]
    return len(names) > len(set(names))


def _reads_what_it_writes(pipeline):
    return any(set(node.inputs) & set(node.outputs) for node in pipeline.nodes)


def _fans_out(pipeline):
    reads = [binding for step in plan_pipeline(pipeline).steps for binding in _made(step)]
    return any(reads.count(binding) > 2 for binding in reads)


def _fans_in(pipeline):
    return any(len(_made(step)) > 1 for step in plan_pipeline(pipeline).steps)


def _made(step):
    return {binding for binding in step.bindings if isinstance(binding, ArtifactBinding)}


def _passes_frames_on(pipeline):
    return sum("frame(" in pipelines.fingerprint(value) for value in outputs_of_linepipe(pipeline).values()) > 1


def _writes_then_reads(pipeline):
    return any(step.outputs and step.after for step in plan_pipeline(pipeline).steps)


def _writes_after_reads(pipeline):
    plan = plan_pipeline(pipeline)
    return any(plan.step(before).outputs for step in plan.steps if not step.outputs for before in step.after)


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(_binds_again, id="a-name-bound-again"),
        pytest.param(_reads_what_it_writes, id="a-node-that-reads-what-it-writes"),
        pytest.param(_fans_out, id="fan-out"),
        pytest.param(_fans_in, id="fan-in"),
        pytest.param(_writes_then_reads, id="a-reader-after-a-writer"),
        pytest.param(_writes_after_reads, id="a-writer-after-a-reader"),
        pytest.param(_passes_frames_on, id="frames"),
        pytest.param(lambda pipeline: any(len(node.outputs) > 2 for node in pipeline.nodes), id="three-outputs"),
        pytest.param(
            lambda pipeline: any(name.count(".") > 1 for node in pipeline.nodes for name in node.inputs),
            id="a-deep-config-path",
        ),
        pytest.param(
            lambda pipeline: any(len(set(node.inputs)) < len(node.inputs) for node in pipeline.nodes),
            id="a-name-read-twice",
        ),
    ],
)
def test_the_strategy_draws(world, kind):
    """The comparison above is worth as much as the pipelines it sees."""
    settings = hypothesis.settings(max_examples=1000, phases=[hypothesis.Phase.generate])
    assert hypothesis.find(pipelines.pipelines(folder=str(world)), kind, settings=settings)
