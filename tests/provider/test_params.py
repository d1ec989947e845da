"""Per-run overrides: typed DAG params made from config and constants, set by a run's conf."""

from __future__ import annotations

import re

import pendulum
import pytest
from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import ParamValidationError
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag, LinepipeNodeOperator, LinepipeTaskGroup
from airflow_linepipe.errors import SettingError

START = pendulum.datetime(2026, 1, 1)
COMMON = {"start_date": START}


def give(*values):
    return list(values)


def pipeline(**constants):
    nodes = [Node(give, ["config.window", "rows"], ["first"]), Node(give, ["config", "rows", "first"], ["second"])]
    return Pipeline(nodes, config={"window": 5, "name": "a"}, **({"rows": 3} | constants))


def test_a_run_sees_what_its_conf_says_and_the_next_run_does_not(run_dag):
    """R06, R30, R31. dag.test() leaves a conf in the DAG's params, which every task of a real run reads anew."""
    shared = pipeline()
    one = run_dag(
        LinepipeDag("params_runs", pipeline=shared, schedule=None, **COMMON), conf={"config.window": 7, "rows": 4}
    )
    assert one.value("give") == [7, 4]
    assert one.value("give__2") == [{"window": 7, "name": "a"}, 4, [7, 4]]
    other = run_dag(LinepipeDag("params_runs", pipeline=shared, schedule=None, **COMMON))
    assert other.value("give") == [5, 3]
    assert other.value("give__2") == [{"window": 5, "name": "a"}, 3, [5, 3]]


def test_the_dag_has_a_typed_param_for_each_value_that_nodes_read():
    dag = LinepipeDag("params_form", pipeline=pipeline(), schedule=None, **COMMON)
    params = {name: dag.params.get_param(name) for name in dag.params}
    assert {name: (param.value, param.schema) for name, param in params.items()} == {
        "config.window": (5, {"type": "integer"}),
        "config.name": ("a", {"type": "string"}),
        "rows": (3, {"type": "integer"}),
    }
    assert dag.params.get_param("rows").description == "Read by give."


def test_groups_have_params_of_their_own(run_dag):
    with DAG("params_groups", schedule=None, **COMMON) as dag:
        LinepipeTaskGroup("one", pipeline=pipeline())
        LinepipeTaskGroup("two", pipeline=pipeline(rows=8), granularity="pipeline")
    assert dag.params.get_param("two.rows").schema == {"type": "integer", "section": "two"}
    run = run_dag(dag, conf={"two.config.window": 9})
    assert run.value("one.give") == [5, 3]
    assert run.value("two.pipeline", "second") == [{"window": 9, "name": "a"}, 8, [9, 8]]


def test_what_the_author_writes_as_a_param_goes_before_what_the_pipeline_has(run_dag):
    """R30: a default, its own rules, and a missing value before anything runs."""
    params = {"config.window": Param(6, type="integer", maximum=10), "rows": Param(type="integer")}
    dag = LinepipeDag("params_author", pipeline=pipeline(), params=params, schedule=None, **COMMON)
    assert run_dag(dag, conf={"rows": 1}).value("give") == [6, 1]
    with pytest.raises(ParamValidationError, match="11 is greater than the maximum"):
        run_dag(dag, conf={"rows": 1, "config.window": 11})
    with pytest.raises(ParamValidationError, match="No value passed"):
        run_dag(dag)


def test_overrides_names_the_params_that_count(run_dag):
    with DAG("params_chosen", params={"window": 6}, schedule=None, **COMMON) as dag:
        LinepipeTaskGroup("g", pipeline=pipeline(), overrides={"config.window": "window"})
        LinepipeTaskGroup("none", pipeline=pipeline(), overrides={})
        LinepipeNodeOperator(
            task_id="one", node=Node(give, ["config.window"], ["x"]), config={"window": 1},
            overrides={"config.window": "window"},
        )  # fmt: skip
    assert list(dag.params) == ["window"]
    run = run_dag(dag, conf={"window": 7, "g.rows": 9})
    assert (run.value("g.give"), run.value("none.give"), run.value("one")) == ([7, 3], [5, 3], [7])


def test_secrets_stand_in_no_form_unless_they_are_named():
    config = {
        "password": "x", "pwd": "x", "db.pass": "x", "credentials": "x", "url": "postgresql://me:secret@host/db",
        "token_url": "https://ghp_abc@github.com", "query": "https://host/db?user=me&password=x", "hosts": ["a://b:c@d"],
        "java": "jdbc:postgresql://me:secret@host/db", "dsn2": "host=h password=x", "sas": "https://blob/x?sig=abc",
        "plain": "postgresql://host/db", "odd": "a://[", "passenger": "x",
    }  # fmt: skip
    config["db"] = {"pass": config.pop("db.pass")}
    nodes = [Node(give, [*(f"config.{name}" for name in config), "config.db.pass"], ["x"])]
    dag = LinepipeDag("params_secret", pipeline=Pipeline(nodes, config=config), schedule=None, **COMMON)
    assert list(dag.params) == ["config.plain", "config.odd", "config.passenger"]
    named = LinepipeDag(
        "params_named", pipeline=Pipeline(nodes, config=config), params={"p": "y"},
        overrides={"config.password": "p"}, schedule=None,
 **COMMON,
    )  # fmt: skip
    assert list(named.params) == ["p"]


def test_a_misspelt_part_of_the_config_stops_the_run(run_dag):
    seen = []
    dag = LinepipeDag(
        "params_misspelt",
        pipeline=pipeline(),
        default_args={"on_failure_callback": lambda context: seen.append(str(context["exception"]))},
        schedule=None,
        **COMMON,
    )
    assert run_dag(dag, conf={"config.windwo": 7, "anything": "else"}).state == "failed"
    assert seen == ["The run's conf sets 'config.windwo', and the DAG has no such param: did you mean 'config.window'?"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"overrides": {"config.windwo": "w"}}, "did you mean 'config.window'"),
        ({"overrides": {"config.window": "w"}}, r"overrides\['config.window'\]: the DAG has no param 'w': add it"),
        ({"overrides": ["config.window"]}, "give a dict whose keys are names"),
        ({"params": {"rows": "three"}}, "The param 'rows' must be a whole number."),
    ],
)
def test_a_param_that_cannot_be_is_an_error_of_the_dag(arguments, sentence):
    with pytest.raises(SettingError, match=sentence):
        LinepipeDag("params_wrong", pipeline=pipeline(), **arguments, schedule=None, **COMMON)


def test_a_node_operators_override_needs_its_param(run_dag):
    seen = []
    with DAG("params_operator", schedule=None, **COMMON) as dag:
        LinepipeNodeOperator(
            task_id="one",
            node=Node(give, ["config.window"], ["x"]),
            config={"window": 1},
            overrides={"config.window": "window"},
            on_failure_callback=lambda context: seen.append(str(context["exception"])),
        )
    assert run_dag(dag).state == "failed"
    assert seen == ["overrides['config.window']: the DAG has no param 'window': add it to the DAG's params."]
    assert run_dag(dag, conf={"window": 4}).value("one") == [4]


class Plain:
    """Nothing that is walked into."""

    def __init__(self):
        self.window = 5


@pytest.mark.parametrize("config", [Plain(), {"window": 5} | {f"k{n}": n for n in range(60)}], ids=["object", "data"])
def test_a_task_that_reads_the_whole_config_sees_what_another_reads_a_part_of(run_dag, config):
    """R06. Found by an attacker: each task knew only the overrides of what it reads itself."""

    def window_of(config):
        return config.window if isinstance(config, Plain) else config["window"]

    nodes = [Node(give, ["config.window"], ["part"]), Node(window_of, ["config"], ["whole"])]
    dag = LinepipeDag(
        f"params_whole_{type(config).__name__}", pipeline=Pipeline(nodes, config=config), schedule=None, **COMMON
    )
    run = run_dag(dag, conf={"config.window": 9})
    assert (run.value("give"), run.value("window_of")) == ([9], 9)


def test_a_param_that_is_null_sets_nothing(run_dag):
    params = {"config.window": Param(None, type=["null", "integer"])}
    dag = LinepipeDag("params_null", pipeline=pipeline(), params=params, schedule=None, **COMMON)
    assert run_dag(dag).value("give") == [5, 3]


def test_the_name_of_a_value_is_no_param_where_another_param_is_named(run_dag):
    dag = LinepipeDag(
        "params_other_name", pipeline=pipeline(), params={"window": 6}, overrides={"config.window": "window"},
        schedule=None, **COMMON,
    )  # fmt: skip
    assert run_dag(dag, conf={"config.window": 7}).state == "failed"


def test_a_name_without_its_prefix_is_warned_of_or_refused(run_dag, caplog):
    """A newcomer's find: the run is green and has changed nothing."""
    dag = LinepipeDag("params_prefix", pipeline=pipeline(), schedule=None, **COMMON)
    assert run_dag(dag, conf={"window": 7}).value("give") == [5, 3]
    assert "The run's conf sets 'window', which is no param: did you mean 'config.window'?" in caplog.text
    seen = []
    callback = {"on_failure_callback": lambda context: seen.append(str(context["exception"]))}
    with DAG("params_prefix_group", schedule=None, default_args=callback, **COMMON) as dag:
        LinepipeTaskGroup("g", pipeline=pipeline())
    assert run_dag(dag, conf={"config.window": 7}).state == "failed"
    assert seen == [
        "The run's conf sets 'config.window', and the DAG has no such param: did you mean 'g.config.window'?"
    ]


@pytest.mark.parametrize("name", ["g.config.window", "config.window"])
def test_params_of_a_groups_tasks_are_no_params_of_the_dag(name):
    sentence = re.escape(f"params['{name}']: these are the tasks' own; write DAG(params={{'g.config.window': …}}).")
    with DAG("params_of_tasks", schedule=None, **COMMON), pytest.raises(SettingError, match=sentence):
        LinepipeTaskGroup("g", pipeline=pipeline(), params={name: 3})
