"""When a node runs, what stands in for it, and one task for each item: from options, operators and decorated tasks."""

from __future__ import annotations

import asyncio
import json
import math
import threading

import pandas as pd
import pendulum
import pytest
from airflow.sdk import DAG, Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import (
    Cache,
    LinepipeDag,
    LinepipeNodeOperator,
    LinepipeTaskGroup,
    NodeOptions,
    linepipe_task,
)
from airflow_linepipe.errors import SettingError
from airflow_linepipe.operators.fallback import watch

START = pendulum.datetime(2026, 1, 1)
CALLS: list[str] = []


@pytest.fixture(autouse=True)
def _no_calls():
    CALLS.clear()


def measure(quality):
    return quality


def train(rows):
    CALLS.append("train")
    return f"model of {rows}"


def deploy(model):
    CALLS.append("deploy")
    return f"deployed {model}"


def states(run):
    return {
        task_id if index < 0 else f"{task_id}[{index}]": str(task.state) for (task_id, index), task in run.tasks.items()
    }


def guarded(dag_id, condition, *, quality=0.95, **options):
    pipeline = Pipeline(
        [
            Node(measure, ["config.quality"], ["quality"]),
            Node(train, ["rows"], ["model"]),
            Node(deploy, ["model"], ["deployed"]),
        ],
        config={"quality": quality, "least": 0.9},
        rows=3,
    )
    options = {"node_options": {"train": NodeOptions(when=condition)}, **options}
    return LinepipeDag(dag_id, pipeline=pipeline, schedule=None, start_date=START, **options)


def test_a_node_whose_condition_does_not_hold_is_skipped_with_what_reads_it_and_runs_the_next_time(run_dag):
    """R36: also with a cache, which must not keep that it was skipped."""
    dag = guarded("when_quality", lambda quality: quality > 0.9, cache=True)
    low = run_dag(dag, conf={"config.quality": 0.4})
    assert states(low) == {"measure": "success", "train": "skipped", "deploy": "skipped"}
    assert CALLS == []
    high = run_dag(dag, conf={"config.quality": 0.95})
    assert high.value("deploy") == "deployed model of 3"
    again_low = run_dag(dag, conf={"config.quality": 0.4})
    assert states(again_low)["train"] == "skipped"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (lambda rows, config: rows < 5 and config["least"] == 0.9, "success"),
        (lambda rows: rows > 5, "skipped"),
        (lambda quality, rows=0: quality > rows, "skipped"),
        (lambda: False, "skipped"),
    ],
)
def test_a_condition_looks_at_inputs_constants_and_the_config(run_dag, condition, expected):
    run = run_dag(guarded(f"when_{expected}_{condition.__code__.co_firstlineno}", condition))
    assert states(run)["train"] == expected


def test_a_condition_sees_what_a_run_has_set_also_if_the_node_itself_reads_none_of_it(run_dag):
    dag = guarded("when_override", lambda config, rows: config["quality"] > 0.9 and rows < 5)
    for conf, expected in (
        ({"config.quality": 0.1, "rows": 3}, "skipped"),
        ({"config.quality": 0.95, "rows": 9}, "skipped"),
        ({"config.quality": 0.95, "rows": 3}, "success"),
    ):
        assert states(run_dag(dag, conf=conf))["train"] == expected


def test_a_condition_that_fails_fails_the_task(run_dag):
    run = run_dag(guarded("when_fails", lambda quality: quality / 0))
    assert states(run)["train"] == "failed"


def test_a_task_of_several_nodes_has_a_condition_too(run_dag):
    dag = guarded("when_pipeline", None, granularity="pipeline", node_options={
        "pipeline": NodeOptions(when=lambda rows: rows > 5)
    })  # fmt: skip
    assert states(run_dag(dag)) == {"pipeline": "skipped"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (NodeOptions(when=lambda qualty: qualty), "when of 'train' looks at 'qualty'.*did you mean 'quality'"),
        (NodeOptions(when=lambda deployed: deployed), "looks at 'deployed', which node 'deploy' makes after it"),
        (NodeOptions(when=lambda model: model), "looks at 'model', which the task itself makes"),
        (NodeOptions(when=0.9), "when=0.9: give a function of values by name"),
        (NodeOptions(when=lambda *values: values), r"its parameter '\*values' names no value"),
        (NodeOptions(fallback=lambda a, b: a), "fallback of 'train': it takes"),
    ],
)
def test_a_condition_or_fallback_that_cannot_be_is_an_import_error(options, message):
    with pytest.raises(SettingError, match=message):
        guarded("when_wrong", None, node_options={"train": options})


def test_an_operator_and_a_decorated_task_have_conditions(run_dag):
    with DAG("when_elsewhere", schedule=None, start_date=START) as dag:
        score = LinepipeNodeOperator(node=Node(measure, ["quality"], ["q"]), task_id="score", inputs={"quality": 0.5})
        LinepipeNodeOperator(
            node=Node(train, ["rows"], ["model"]),
            task_id="by_operator",
            inputs={"rows": 2, "score": score.output},
            when=lambda score: score > 0.9,
        )

        @linepipe_task(when=lambda score: score > 0.9)
        def by_decorator(score, rows=2):
            CALLS.append("decorated")

        @linepipe_task(when=lambda score, rows: score < 0.9 < rows)
        def other(score, rows=2):
            return rows

        by_decorator(score.output)
        other(score.output)
    run = run_dag(dag)
    assert states(run) == {"score": "success", "by_operator": "skipped", "by_decorator": "skipped", "other": "success"}
    assert CALLS == []


def fragile(rows):
    CALLS.append("fragile")
    rows.append(9)
    message = "no luck"
    raise ValueError(message)


def use_last(rows):
    return {"last": True, "rows": rows}


def falling(dag_id, node=fragile, outputs=("model",), **options):
    pipeline = Pipeline([Node(node, ["rows"], list(outputs)), Node(deploy, [outputs[0]], ["deployed"])], rows=[1, 2])
    return LinepipeDag(
        dag_id, pipeline=pipeline, schedule=None, start_date=START, node_options={node.__name__: NodeOptions(**options)}
    )


def test_a_fallback_stands_in_with_inputs_of_its_own_and_the_run_says_so(run_dag):
    """R39."""
    run = run_dag(falling("fallback_inputs", fallback=use_last))
    assert run.state == "success"
    assert run.value("deploy") == "deployed {'last': True, 'rows': [1, 2]}"
    assert run.xcoms["fragile", -1, "linepipe_fallback"] == {"node": "fragile", "error": "ValueError: no luck"}
    assert run.xcoms["fragile", -1, "return_value"]["summary"]["fallback"] == "ValueError"


@pytest.mark.parametrize("fallback", [lambda: "old model", "old model"])
def test_a_fallback_may_be_a_value_or_need_no_inputs(run_dag, fallback):
    run = run_dag(falling(f"fallback_{callable(fallback)}", fallback=fallback))
    assert run.value("fragile") == "old model"


def test_a_fallback_waits_for_the_last_try(run_dag):
    """R39: retries come first."""
    run = run_dag(falling("fallback_retries", fallback="old", retries=2, retry_delay=pendulum.duration(seconds=0)))
    assert (run.value("fragile"), CALLS.count("fragile")) == ("old", 3)


def give_up(rows):
    CALLS.append("give_up")
    message = "for good"
    raise AirflowFailException(message)


def skip(rows):
    message = "nothing to do"
    raise AirflowSkipException(message)


def test_an_error_for_good_needs_no_more_tries_and_a_skip_is_none(run_dag):
    run = run_dag(falling("fallback_for_good", node=give_up, fallback="old", retries=2))
    assert (run.value("give_up"), CALLS) == ("old", ["give_up", "deploy"])
    assert states(run_dag(falling("fallback_skip", node=skip, fallback="old")))["skip"] == "skipped"


def pair(rows):
    raise KeyError(rows[0])


def test_several_outputs_fall_back_together_and_must_fit(run_dag):
    run = run_dag(falling("fallback_pair", node=pair, outputs=("a", "b"), fallback=lambda: ("x", "y")))
    assert (run.value("pair", "a"), run.value("pair", "b")) == ("x", "y")
    assert run.xcoms["pair", -1, "b"]["summary"]["fallback"] == "KeyError"
    assert states(run_dag(falling("fallback_short", node=pair, outputs=("a", "b"), fallback="xyz")))["pair"] == "failed"


def test_what_fell_back_is_not_in_the_cache(run_dag):
    dag = falling("fallback_cached", fallback="old", cache=Cache())
    for _ in range(2):
        assert run_dag(dag).value("fragile") == "old"
    assert CALLS.count("fragile") == 2


def test_a_decorated_task_and_an_operator_fall_back(run_dag):
    with DAG("fallback_elsewhere", schedule=None, start_date=START) as dag:
        LinepipeNodeOperator(node=Node(fragile, ["rows"], ["m"]), inputs={"rows": [1]}, fallback=use_last)

        @linepipe_task(fallback=lambda rows, factor: [rows, factor])
        def decorated(rows, factor):
            rows.append(3)
            raise ValueError(rows)

        @linepipe_task(outputs=["a", "b"], fallback=(1, 2))
        def two():
            raise ValueError

        decorated([1, 2], factor=4)
        two()
    run = run_dag(dag)
    assert run.value("fragile") == {"last": True, "rows": [1]}
    assert run.value("decorated") == [[1, 2], 4]
    assert run.xcoms["decorated", -1, "return_value"]["summary"]["fallback"] == "ValueError"
    assert (run.value("two", "a"), run.value("two", "b")) == (1, 2)


def open_lock():
    return threading.Lock()


def use(lock, rows):
    raise ValueError(rows)


def test_a_node_that_makes_its_ephemeral_inputs_itself_falls_back_and_is_mapped(run_dag):
    def with_lock(dag_id, **options):
        pipeline = Pipeline([Node(open_lock, [], ["lock"]), Node(use, ["lock", "rows"], ["used"])])
        return LinepipeDag(
            dag_id, pipeline=pipeline, inputs={"rows": [1, 2]}, ephemeral=["lock"], schedule=None, start_date=START,
            node_options={"use": NodeOptions(fallback=lambda lock, rows: [lock.locked(), rows], **options)},
        )  # fmt: skip

    assert run_dag(with_lock("fallback_ephemeral")).value("use") == [False, [1, 2]]
    mapped = run_dag(with_lock("fallback_ephemeral_mapped", map_over="rows"))
    assert [mapped.value("use", map_index=index) for index in (0, 1)] == [[False, 1], [False, 2]]


def test_arguments_reach_a_decorated_tasks_condition_and_fallback_by_name(run_dag):
    """Also defaults, and what Airflow fills in."""
    with DAG("named_arguments", schedule=None, start_date=START, params={"go": True}) as dag:

        @linepipe_task(fallback=lambda rows, factor: [rows, factor])
        def defaults(rows, factor=10):
            raise ValueError

        @linepipe_task(fallback=lambda rows: rows, when=lambda params, ds_nodash: params["go"] and not ds_nodash)
        def context(rows, ti=None, params=None, ds_nodash=None):
            raise ValueError

        @linepipe_task(fallback=lambda **values: values)
        def keywords(**values):
            raise ValueError

        defaults([1])
        context(rows=[2])
        keywords(a=1, b=2)
    run = run_dag(dag)
    values = {name: run.value(name) for name in ("defaults", "context", "keywords")}
    assert values.pop("keywords").items() >= {"a": 1, "b": 2}.items()
    assert values == {"defaults": [[1], 10], "context": [2]}


def test_what_an_async_function_raises_is_seen_as_its_own():
    async def asynchronous():
        raise ValueError

    watched, raised = watch(asynchronous)
    with pytest.raises(ValueError):  # noqa: PT011  (without a message)
        asyncio.run(watched())
    assert [type(error) for error in raised] == [ValueError]


def test_a_fallback_that_takes_what_the_function_has_not_is_an_import_error():
    with pytest.raises(
        SettingError, match="fallback of 'f' takes 'row', and the function has no such one: did you mean"
    ):

        @linepipe_task(fallback=lambda row: row)
        def f(rows):
            return rows

        f([1])


def test_several_nodes_have_no_fallback():
    with pytest.raises(SettingError, match="the task 'pipeline' runs several nodes"):
        guarded("f", None, granularity="pipeline", node_options={"pipeline": NodeOptions(fallback="x")})


def split(rows):
    return [pd.DataFrame({"x": range(number + 1)}) for number in range(rows)]


def score(part, factor):
    CALLS.append(f"score {len(part)}")
    return len(part) * factor


def gather(scores):
    return scores


def mapped(dag_id, *, rows=3, granularity="node", node=score, **options):
    pipeline = Pipeline(
        [
            Node(split, ["rows"], ["parts"]),
            Node(node, ["parts", "factor"], ["scores"]),
            Node(gather, ["scores"], ["all"]),
            Node(len, ["parts"], ["count"]),
        ],
        rows=rows,
        factor=10,
    )
    options = {node.__name__: NodeOptions(map_over="parts", **options)}
    return LinepipeDag(
        dag_id, pipeline=pipeline, schedule=None, start_date=START, granularity=granularity, node_options=options
    )


@pytest.mark.parametrize("granularity", ["node", "chain"])
def test_one_task_for_each_item_in_order_and_the_list_of_their_results(run_dag, granularity):
    """R37."""
    run = run_dag(mapped(f"mapped_{granularity}", rows=4, granularity=granularity))
    assert run.state == "success"
    assert [state for name, state in states(run).items() if name.startswith("score[")] == ["success"] * 4
    assert run.value("gather") == [10, 20, 30, 40]
    assert run.value("len") == 4
    assert sorted(CALLS) == ["score 1", "score 2", "score 3", "score 4"]


def brittle(part, factor):
    if len(part) == 2:
        raise ValueError(factor)
    return len(part)


def split_by_name(rows):
    return {"a": [rows]}


def test_a_dict_is_not_mapped_over(run_dag):
    pipeline = Pipeline([Node(split_by_name, ["rows"], ["p"]), Node(score, ["p", "factor"], ["s"])], rows=1, factor=1)
    options = {"score": NodeOptions(map_over="p")}
    run = run_dag(LinepipeDag("mapped_dict", pipeline=pipeline, schedule=None, start_date=START, node_options=options))
    assert states(run)["split_by_name"] == "failed"


def test_one_failing_item_is_one_failed_index_and_may_fall_back(run_dag):
    """R37."""
    run = run_dag(mapped("mapped_brittle", node=brittle))
    assert {name: state for name, state in states(run).items() if name.startswith("brittle[")} == {
        "brittle[0]": "success",
        "brittle[1]": "failed",
        "brittle[2]": "success",
    }
    assert states(run)["gather"] == "upstream_failed"
    fell = run_dag(mapped("mapped_fallback", node=brittle, fallback=lambda part, factor: -len(part)))
    assert fell.value("gather") == [1, -2, 3]


def test_a_mapped_node_has_a_condition_and_a_cache(run_dag):
    dag = mapped("mapped_when", when=lambda parts: len(parts) != 2, cache=True)
    run = run_dag(dag)
    assert [state for name, state in states(run).items() if name.startswith("score[")] == [
        "success", "skipped", "success",
    ]  # fmt: skip
    CALLS.clear()
    run_dag(dag)
    assert CALLS == []


def test_a_list_from_outside_is_mapped_over(run_dag):
    with DAG("mapped_outside", schedule=None, start_date=START) as dag:

        @linepipe_task
        def numbers():
            return [1, 2]

        nodes = [Node(score, ["parts", "factor"], ["scores"]), Node(gather, ["scores"], ["all"])]
        for name, parts in (("literal", [[1], [1, 2]]), ("task", numbers().map(lambda number: [number]))):
            LinepipeTaskGroup(
                name,
                pipeline=Pipeline(nodes, factor=1),
                inputs={"parts": parts},
                node_options={"score": NodeOptions(map_over="parts")},
            )
    run = run_dag(dag)
    assert (run.value("literal.gather"), run.value("task.gather")) == ([1, 2], [1, 1])


def test_a_decorated_task_and_an_operator_are_mapped_too(run_dag):
    with DAG("mapped_elsewhere", schedule=None, start_date=START) as dag:

        @linepipe_task
        def numbers():
            return [1, 2, 3]

        @linepipe_task(map_over="number", fallback=lambda number: -number)
        def tenfold(number, factor=10):
            if number == 2:
                raise ValueError
            return number * factor

        @linepipe_task
        def listed(items):
            return items

        made = numbers()
        listed(tenfold(made))
        listed.override(task_id="hundredfold")(tenfold.override(task_id="by_hundred")(made, factor=100))
        operator = LinepipeNodeOperator.partial(
            node=Node(score, ["parts", "factor"], ["s"]), task_id="scores", map_over="parts", inputs={"factor": 2}
        ).expand(element=[[1], [1, 2]])
        listed.override(task_id="scored")(operator.output)
    run = run_dag(dag)
    assert run.value("listed") == [10, -2, 30]
    assert run.value("hundredfold") == [100, -2, 300]
    assert run.value("scored") == [2, 4]


def test_what_cannot_be_mapped_is_an_import_error():
    with pytest.raises(SettingError, match="task function 'f' has no such parameter: did you mean 'part'"):

        @linepipe_task(map_over="parts")
        def f(part):
            return part

    with pytest.raises(SettingError, match=r"map_over='rows': a single operator has no items.*\.expand\(element=…\)"):
        LinepipeNodeOperator(node=Node(train, ["rows"], ["m"]), inputs={"rows": [1]}, map_over="rows")


def both(rows):
    return [1], [2]


@pytest.mark.parametrize(
    ("nodes", "options", "arguments", "message"),
    [
        ([Node(score, ["p", "factor"], ["s"])], {"map_over": "parts"}, {}, "node 'score' has no such input"),
        ([Node(score, ["config.p", "factor"], ["s"])], {"map_over": "config.p"}, {}, "it is no output of a node"),
        ([Node(both, ["factor"], ["p", "q"]), Node(score, ["p", "factor"], ["s"])], {"map_over": "p"}, {},
         "has it from a task with several outputs"),
        ([Node(score, ["p", "factor"], ["s"])], {"map_over": "p"}, {"inputs": {"p": "{{ ds }}"}}, "is given '{{ ds"),
        ([Node(score, ["p", "factor"], ["s"])], {"map_over": "p"}, {"publish": {"s": Asset("s")}}, "would publish"),
        ([Node(score, ["p", "factor"], ["s"])], {"map_over": "p", "when": lambda z: z}, {}, "looks at 'z'"),
        ([Node(score, ["p", "factor"], ["s"])], {"map_over": "p", "fallback": lambda a: a}, {}, "fallback of 'score'"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_is_an_import_error(nodes, options, arguments, message):
    arguments = {"inputs": {"p": [1]} if len(nodes) == 1 and nodes[0].inputs[0] == "p" else {}, **arguments}
    pipeline = Pipeline(nodes, config={"p": [1]}, factor=1)
    with pytest.raises(SettingError, match=message):
        LinepipeDag(
            "mapped_wrong", pipeline=pipeline, schedule=None, start_date=START,
            node_options={"score": NodeOptions(**options)}, **arguments,
        )  # fmt: skip


def test_a_mapped_node_has_the_same_text_in_every_process():
    from airflow.serialization.serialized_objects import DagSerialization

    texts = {
        json.dumps(DagSerialization.to_dict(mapped("stable", when=lambda parts: True, fallback=math.inf)), default=str)
        for _ in range(2)
    }
    assert len(texts) == 1
    assert " at 0x" not in texts.pop()


def test_a_mapped_decorated_task_has_the_same_text_in_every_process():
    from airflow.serialization.serialized_objects import DagSerialization

    with DAG("stable_decorated", schedule=None, start_date=START) as dag:

        @linepipe_task(fallback=object(), when=lambda part: part)
        def mapped_task(part):
            return part

        mapped_task.expand(part=[1, 2])
    assert " at 0x" not in json.dumps(DagSerialization.to_dict(dag), default=str)
