"""Branches on metrics, run by ``dag.test()``: which way is taken, what is told, and what a DAG file cannot say."""

from __future__ import annotations

import math
import warnings
from hashlib import sha256

import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, task
from airflow.sdk.exceptions import AirflowFailException
from linepipe.node import Node

from airflow_linepipe import (
    LinepipeBranchOnMetricOperator,
    LinepipeNodeOperator,
    LinepipePolicyOperator,
    MetricRule,
    PolicyRule,
    linepipe_task,
)
from airflow_linepipe.errors import JoinWarning, SettingError, UnknownOutputError

START = pendulum.datetime(2026, 1, 1)


def bagged(dag):
    """As the DAG processor takes it."""
    bag = DagBag(dag_folder="/dev/null", collect_dags=False, bundle_name="dags-folder")
    bag.bag_dag(dag)
    return dag


def measured(auc):
    return {"auc": auc, "folds": list(range(2000))}


def forked(dag_id, **arguments):
    with DAG(dag_id, schedule=None, start_date=START) as dag:
        better = LinepipeBranchOnMetricOperator(task_id="better", if_true="improved", if_false="regressed", **arguments)
        for name in ("improved", "regressed"):
            better >> EmptyOperator(task_id=name)
    return dag


def states(run):
    return {task_id: str(task.state) for (task_id, _), task in run.tasks.items()}


@pytest.mark.parametrize(
    ("arguments", "taken"),
    [
        ({"metric": 0.8, "threshold": 0.7}, "improved"),
        ({"metric": 0.8, "threshold": "{{ params.get('least', 0.9) }}"}, "regressed"),
        ({"metric": {"auc": 0.8}, "key": "auc", "baseline": {"auc": 0.79}, "min_delta": 0.002}, "improved"),
        ({"metric": {"auc": 0.8}, "key": "auc", "baseline": 0.799, "min_delta": 0.002}, "regressed"),
        ({"metric": {"auc": None}, "key": "auc", "baseline": 0.1}, "regressed"),
        ({"metric": {"auc": 0.5}, "key": "auc", "baseline": "{{ 0.93 }}"}, "regressed"),
        ({"metric": {"auc": 0.5}, "key": "auc", "baseline": "{{ none }}"}, "improved"),
        ({"metric": {"s": 3}, "rules": [MetricRule("s", threshold=5, higher_is_better=False)]}, "improved"),
    ],
)
def test_one_way_is_taken_and_the_other_is_skipped(run_dag, arguments, taken):
    """R36: a condition on a metric."""
    dag = forked(f"branch_{sha256(str(arguments).encode()).hexdigest()[:8]}", **arguments)
    run = run_dag(dag)
    other = ({"improved", "regressed"} - {taken}).pop()
    assert states(run) == {"better": "success", taken: "success", other: "skipped"}
    decision = run.xcoms["better", -1, "decision"]
    assert (decision["outcome"], decision["next"]) == (taken == "improved", [taken])
    assert decision["reason"]


def test_metrics_come_out_of_references_small_and_large_and_nan(run_dag):
    with DAG("branch_references", schedule=None, start_date=START) as dag:
        large = LinepipeNodeOperator(node=Node(measured, ["auc"], ["m"]), task_id="large", inputs={"auc": 0.8})

        @linepipe_task
        def small():
            return {"auc": math.nan}

        @linepipe_task
        def champion():
            return None

        pairs = {
            "large_small": (large.output, small()),
            "small_large": (small(), large.output),
            "first": (large.output, champion()),
        }
        for name, (metric, baseline) in pairs.items():
            LinepipeBranchOnMetricOperator(
                task_id=name, metric=metric, key="auc", baseline=baseline, if_true=f"{name}_yes", if_false=f"{name}_no"
            )
            EmptyOperator(task_id=f"{name}_yes")
            EmptyOperator(task_id=f"{name}_no")
    run = run_dag(dag)
    decisions = {name: run.xcoms[name, -1, "decision"] for name in pairs}
    assert {name: decision["outcome"] for name, decision in decisions.items()} == {
        "large_small": True,
        "small_large": False,
        "first": True,
    }
    assert decisions["large_small"]["reason"] == "auc 0.8, and nothing to beat: of the baseline, it is NaN"
    assert decisions["small_large"]["reason"] == "auc never counts as better: it is NaN"


def test_what_is_chosen_need_not_be_wired_and_may_be_a_group(run_dag):
    with DAG("branch_groups", schedule=None, start_date=START) as dag:
        with TaskGroup("outer"):
            LinepipeBranchOnMetricOperator(
                task_id="better", metric=1, threshold=0, if_true="serve", if_false=["report", "alert"]
            )
            with TaskGroup("serve"):
                EmptyOperator(task_id="register") >> EmptyOperator(task_id="predict")
            EmptyOperator(task_id="report")
        EmptyOperator(task_id="alert")
    run = run_dag(dag)
    assert states(run) == {
        "outer.better": "success",
        "outer.serve.register": "success",
        "outer.serve.predict": "success",
        "outer.report": "skipped",
        "alert": "skipped",
    }
    assert run.xcoms["outer.better", -1, "decision"]["next"] == ["outer.serve"]


def test_nothing_may_be_chosen(run_dag):
    with DAG("branch_nothing", schedule=None, start_date=START) as dag:
        LinepipeBranchOnMetricOperator(task_id="better", metric=0, threshold=1, if_true="go")
        EmptyOperator(task_id="go")
    assert states(run_dag(dag)) == {"better": "success", "go": "skipped"}


def test_a_metric_that_is_no_number_fails_at_once(run_dag):
    dag = forked("branch_text", metric={"auc": "high"}, key="auc", threshold=1, retries=3)
    run = run_dag(dag)
    assert states(run)["better"] == "failed"
    assert run.tasks["better", -1].try_number == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"if_true": "imporved"},
            "leads to 'imporved', and the DAG has no such task or group: did you mean 'improved'",
        ),
        ({"if_false": "better"}, "leads to 'better', and the DAG has no such"),
    ],
)
def test_a_way_to_nowhere_is_an_import_error(change, message):
    with DAG("branch_nowhere", schedule=None, start_date=START) as dag:
        ways = {"if_true": "improved", "if_false": "regressed", **change}
        LinepipeBranchOnMetricOperator(task_id="better", metric=1, threshold=0, **ways)
        EmptyOperator(task_id="improved")
        EmptyOperator(task_id="regressed")
    with pytest.raises(SettingError, match=message):
        bagged(dag)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give threshold= or baseline="),
        ({"threshold": 1, "baseline": 2}, "give threshold= or baseline="),
        ({"threshold": True}, "threshold=True: give a number"),
        ({"rules": [MetricRule("auc")]}, "a rule has no threshold"),
        ({"rules": [MetricRule("auc", threshold=1)], "key": "auc"}, "rules= stands in place of key="),
        ({"rules": ["auc"]}, r"rules=\['auc'\]: give a list such as"),
        ({"threshold": 1, "require": "most"}, "require='most' is not known"),
        ({"threshold": 1, "without_baseline": "maybe"}, "without_baseline='maybe' is not known"),
        ({"threshold": 1, "min_delta": 0.1}, "min_delta= belongs to a baseline"),
        ({"threshold": 1, "if_false": "improved"}, "'improved' runs if_true and if_false"),
        ({"threshold": 1, "if_true": 3}, "if_true=3: give a list of names"),
    ],
)
def test_an_argument_that_cannot_be_is_an_import_error(arguments, message):
    ways = {"if_true": "improved", "if_false": "regressed"}
    with pytest.raises(SettingError, match=message):
        LinepipeBranchOnMetricOperator(task_id="better", metric=1, **{**ways, **arguments})


def test_an_output_that_is_not_there_is_an_import_error():
    with DAG("branch_output", schedule=None, start_date=START):
        several = LinepipeNodeOperator(node=Node(divmod, ["a", "b"], ["div", "mod"]), inputs={"a": 7, "b": 2})
        with pytest.raises(UnknownOutputError, match="reads 'dvi' of task 'divmod'"):
            LinepipeBranchOnMetricOperator(
                task_id="better", metric=several.output["dvi"], threshold=1, if_true="improved"
            )


def joined(trigger_rule):
    with DAG("branch_join", schedule=None, start_date=START) as dag:
        LinepipeBranchOnMetricOperator(
            task_id="better", metric=1, threshold=0, if_true="improved", if_false="regressed"
        )
        improved, regressed = EmptyOperator(task_id="improved"), EmptyOperator(task_id="regressed")
        join = EmptyOperator(task_id="join", trigger_rule=trigger_rule)
        [improved >> EmptyOperator(task_id="serve"), regressed] >> join >> EmptyOperator(task_id="behind")
    return dag


def test_a_join_that_would_always_be_skipped_is_warned_of():
    with pytest.warns(JoinWarning, match="Task 'join' joins several ways behind 'better'.*none_failed_min") as caught:
        bagged(joined("all_success"))
    assert len(caught) == 1


def test_a_chosen_task_that_would_be_skipped_is_warned_of():
    with DAG("branch_chosen_join", schedule=None, start_date=START) as dag:
        LinepipePolicyOperator(
            task_id="policy",
            metrics={"x": 1},
            rules=[PolicyRule("improve", metric="x", above=5)],
            default="continue",
            targets={"continue": "predict", "improve": ["retrain", "predict"]},
        )
        EmptyOperator(task_id="retrain") >> EmptyOperator(task_id="predict")
    with pytest.warns(JoinWarning, match="Task 'predict' joins several ways behind 'policy'"):
        bagged(dag)


def test_a_task_that_several_policies_name_is_not_warned_of():
    with DAG("branch_shared", schedule=None, start_date=START) as dag:
        LinepipePolicyOperator(
            task_id="policy",
            metrics={"x": 1},
            rules=[PolicyRule("improve", metric="x", above=5)],
            default="continue",
            targets={"continue": ["keep", "log"], "improve": ["retrain", "log"]},
        )
        for name in ("keep", "retrain", "log"):
            EmptyOperator(task_id=name)
    with warnings.catch_warnings():
        warnings.simplefilter("error", JoinWarning)
        bagged(dag)


@pytest.mark.parametrize("trigger_rule", ["none_failed_min_one_success", "all_done", "none_failed", "one_success"])
def test_a_join_with_the_right_trigger_rule_is_not(run_dag, trigger_rule):
    with warnings.catch_warnings():
        warnings.simplefilter("error", JoinWarning)
        run = run_dag(joined(trigger_rule))
    assert states(run)["join"] == states(run)["behind"] == "success"


def test_a_dag_that_nobody_has_looked_at_fails_loudly(airflow_db):
    """What is not behind the branch would run whatever it decides."""
    with DAG("branch_unwired", schedule=None, start_date=START) as dag:
        better = LinepipeBranchOnMetricOperator(task_id="better", metric=1, threshold=0, if_true="go", if_false="stop")
        better >> EmptyOperator(task_id="go")
        EmptyOperator(task_id="stop")
    with pytest.raises(AirflowFailException, match="leads to 'stop', which is not behind it: write better >> stop"):
        dag.get_task("better").take("true", {"reason": "asked"}, {})


def test_a_mapped_branch_decides_for_each(run_dag):
    with DAG("branch_mapped", schedule=None, start_date=START) as dag:
        better = LinepipeBranchOnMetricOperator.partial(
            task_id="better", threshold=0.5, if_true="go", if_false=[]
        ).expand(metric=[0.4, 0.6])

        @task
        def go():
            return 1

        better >> go()
    run = run_dag(dag)
    outcomes = [run.xcoms["better", index, "decision"]["outcome"] for index in (0, 1)]
    assert outcomes == [False, True]
