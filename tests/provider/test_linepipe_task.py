"""@linepipe_task: values in, values out."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from airflow.sdk import DAG, task

from airflow_linepipe import linepipe_task
from airflow_linepipe.errors import SettingError

START = datetime(2026, 1, 1, tzinfo=UTC)


def _dag(name: str) -> DAG:
    return DAG(name, schedule=None, start_date=START)


def test_arguments_arrive_as_values_wherever_a_reference_stands(run_dag):
    with _dag("task_arguments") as dag:

        @linepipe_task
        def number() -> int:
            return 7

        @linepipe_task
        def table() -> pd.DataFrame:
            return pd.DataFrame({"a": [1, 2]})

        @linepipe_task
        def use(one, many, *, named, literal="x"):
            return [one, many[0]["a"].sum(), named["n"], literal]

        @task
        def plain(reference):
            return reference["type"]

        use(number(), [table()], named={"n": number()}, literal="{{ dag.dag_id }}")
        plain(table())
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("use") == [7, 3, 7, "task_arguments"]
    assert run.xcoms["plain", -1, "return_value"] == "pandas.DataFrame"


def test_several_outputs_by_name_or_by_dict(run_dag):
    with _dag("task_outputs") as dag:

        @linepipe_task(outputs=["train", "test"])
        def split():
            return [1, 2, 3], [4]

        @linepipe_task(multiple_outputs=True)
        def measure(train):
            return {"count": len(train), "sum": sum(train)}

        @linepipe_task
        def one_dict(train) -> dict[str, int]:
            return {"count": len(train)}

        @linepipe_task
        def use(test, total, metrics):
            return test, total, metrics

        parts = split()
        use(parts["test"], measure(parts["train"])["sum"], one_dict(parts["train"]))
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("use") == ([4], 6, {"count": 3})


def test_a_wrong_number_of_outputs_fails_with_the_counts(run_dag):
    seen = []
    with _dag("task_mismatch") as dag:

        @linepipe_task(outputs=["a", "b"], on_failure_callback=lambda context: seen.append(context["exception"]))
        def three():
            return 1, 2, 3

        three()
    assert run_dag(dag).state == "failed"
    assert "returned 3 values, but 2 outputs were declared (a, b)" in str(seen[0])


def test_it_maps_overrides_and_keeps_the_order(run_dag):
    with _dag("task_mapped") as dag:

        @linepipe_task
        def tables() -> list[pd.DataFrame]:
            return [pd.DataFrame({"a": [n]}) for n in (3, 1, 2)]

        @linepipe_task
        def total(table: pd.DataFrame, factor: int) -> int | None:
            value = int(table["a"].sum())
            return None if value == 1 else value * factor

        @linepipe_task
        def collect(totals: list[int | None], whole: list[pd.DataFrame]) -> list:
            return [*totals, len(whole)]

        every = tables()
        collect(total.override(task_id="tripled", retries=4).partial(factor=3).expand(table=every), every)
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("collect") == [9, None, 6, 3]
    assert dag.get_task("tripled").retries == 4


def test_each_item_of_a_dict_is_mapped_over_with_its_key(run_dag):
    with _dag("task_mapped_dict") as dag:

        @linepipe_task
        def tables() -> dict[str, list[int]]:
            return {"b": [1, 2], "a": [3]}

        @linepipe_task
        def size(item: tuple[str, list[int]]) -> str:
            return f"{item[0]}{len(item[1])}"

        size.expand(item=tables())
    run = run_dag(dag)
    assert [run.value("size", map_index=index) for index in range(2)] == ["b2", "a1"]


def test_expand_kwargs_gives_every_argument_its_value(run_dag):
    with _dag("task_expand_kwargs") as dag:

        @linepipe_task
        def pairs() -> list[dict[str, Any]]:
            return [
                {"table": pd.DataFrame({"a": [1, 2]}), "factor": 3},
                {"table": pd.DataFrame({"a": [4]}), "factor": 5},
            ]

        @linepipe_task
        def one_pair(factor: int) -> dict[str, Any]:
            return {"table": pd.DataFrame({"a": [factor]}), "factor": factor}

        @linepipe_task
        def numbers() -> list[int]:
            return [1, 2]

        @linepipe_task
        def total(table: pd.DataFrame, factor: int) -> int:
            return int(table["a"].sum()) * factor

        @linepipe_task
        def square(number: int) -> int:
            return number * number

        @linepipe_task
        def collect(*totals: Any) -> list:
            return [list(each) for each in totals]

        collect(
            total.expand_kwargs(pairs()),
            total.override(task_id="of_tasks").expand_kwargs([one_pair(2), one_pair(3)]),
            square.expand_kwargs(numbers().map(lambda reference: {"number": reference})),
        )
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("collect") == [[9, 20], [4, 9], [1, 4]]


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        ({1: "a", "1": "b"}, "is a dict with the key 1, and another task maps over it .*: give it text keys"),
        ("abc", "is a str, and another task maps over it .*: return a list or a dict"),
    ],
)
def test_what_cannot_be_mapped_over_is_refused_where_it_is_made(run_dag, made, sentence):
    seen = []
    with _dag("task_unmappable") as dag:

        @linepipe_task(on_failure_callback=lambda context: seen.append(context["exception"]))
        def make():
            return made

        @linepipe_task
        def use(item):
            return item

        use.expand(item=make())
    assert run_dag(dag).state == "failed"
    assert re.search(sentence, str(seen[0]))


def test_none_comes_back_as_none(run_dag):
    with _dag("task_none") as dag:

        @linepipe_task
        def nothing() -> None:
            return None

        @linepipe_task
        def use(value) -> str:
            return repr(value)

        use(nothing())
    run = run_dag(dag)
    assert run.value("use") == "None"


@pytest.fixture
def event_loop():
    """Airflow runs an async function in the thread's loop, and one that asyncio makes for it stays open for ever."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.usefixtures("event_loop")
def test_an_async_function_works_as_in_task(run_dag):
    with _dag("task_async") as dag:

        @linepipe_task
        async def slow(value: int) -> int:
            await asyncio.sleep(0)
            return value + 1

        slow(slow(1))
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("slow__1") == 3


def test_it_takes_context_variables_and_leaves_values_out_of_the_log(run_dag, capsys):
    with _dag("task_context") as dag:

        @linepipe_task
        def where(ti=None) -> str:
            return "secret " + ti.task_id

        where()
    run = run_dag(dag)
    assert run.value("where") == "secret where"
    assert "secret where" not in capsys.readouterr().out


def test_two_runs_never_mix(run_dag):
    """R04 in part: each run has a folder of its own."""
    with _dag("task_runs") as dag:

        @linepipe_task
        def number(params=None) -> int:
            return params.get("n", 0)

        number()
    dag.params["n"] = 0
    first, second = run_dag(dag, conf={"n": 1}), run_dag(dag, conf={"n": 2})
    assert (first.value("number"), second.value("number")) == (1, 2)


def test_a_method_is_refused_as_in_task():
    with pytest.raises(TypeError, match="does not support methods"):

        class _Holder:
            @linepipe_task
            def method(self) -> None: ...


def test_a_macro_gives_a_value_to_any_template(run_dag):
    with _dag("task_macro") as dag:

        @linepipe_task
        def number() -> int:
            return 41

        @task
        def plain(text):
            return text

        made = number()
        made >> plain("{{ macros.linepipe.load_artifact(ti.xcom_pull(task_ids='number')) + 1 }}")
    run = run_dag(dag)
    assert run.xcoms["plain", -1, "return_value"] == "42"


def test_override_may_name_the_outputs(run_dag):
    with _dag("task_override_outputs") as dag:

        @linepipe_task
        def pair():
            return 1, 2

        @linepipe_task
        def use(value):
            return value

        use(pair.override(outputs=("a", "b"))()["b"])
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("use") == 2


def list_columns(frame):
    return list(frame)


def test_a_task_reads_the_columns_that_it_declares(run_dag):
    with _dag("task_columns") as dag:

        @linepipe_task
        def table(rows: int = 2) -> pd.DataFrame:
            return pd.DataFrame({"a": range(rows), "b": 1.5, "c": "x"})

        @linepipe_task(columns={"first": ["b"], "rest": ["c", "a"], "named": ("a",)})
        def use(first, whole, *rest, named, **more):
            return [list(frame) for frame in (first, whole, *rest, named[0], more["other"])]

        use(table(), table(), table(), table(), named=[table(3)], other=table())
        linepipe_task(task_id="mapped", columns={"frame": ["a"]})(list_columns).expand(
            frame=linepipe_task(task_id="frames")(lambda: [pd.DataFrame({"a": [1], "b": [2]})] * 2)()
        )
    run = run_dag(dag)
    assert run.state == "success"
    assert run.value("use") == [["b"], ["a", "b", "c"], ["c", "a"], ["c", "a"], ["a"], ["a", "b", "c"]]
    assert [run.value("mapped", map_index=index) for index in (0, 1)] == [["a"], ["a"]]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"flight": ["a"]}, r"columns\['flight'\]: task function 'use' has no such parameter: did you mean 'flights'?"),
        ({"flights": "a"}, r"columns\['flights'\] is 'a': give a list of columns, such as \['delay'\]"),
        ({"flights": []}, r"columns\['flights'\] is \[\]: give a list of columns"),
        (["a"], r"columns=\['a'\]: give a dict"),
    ],
    ids=str,
)
def test_columns_that_cannot_be_meant_are_refused_at_parse(columns, sentence):
    def use(flights):
        return flights

    with pytest.raises(SettingError, match=sentence), _dag("columns"):
        linepipe_task(columns=columns)(use)(1)


def test_a_column_that_is_not_there_fails_the_task_and_names_the_artifact(run_dag):
    with _dag("missing_column") as dag:
        table = linepipe_task(task_id="table")(lambda: pd.DataFrame({"a": [1]}))
        linepipe_task(task_id="use", columns={"frame": ["b"]})(lambda frame: frame)(table())
    assert run_dag(dag).state == "failed"


def test_a_file_that_is_loaded_lives_as_long_as_the_process(run_dag, tmp_path):
    path = tmp_path / "report.txt"
    path.write_text("all late")
    with _dag("task_file") as dag:
        linepipe_task(task_id="write")(lambda: path)()
    run = run_dag(dag)
    copy = run.value("write")
    assert copy != path
    assert copy.read_text() == "all late"
