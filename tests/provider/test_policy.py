"""Policies, run by ``dag.test()``: the first rule that fits, its tasks, and why."""

from __future__ import annotations

import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, TaskGroup, task

from airflow_linepipe import LinepipePolicyOperator, PolicyRule, linepipe_task
from airflow_linepipe.errors import SettingError

START = pendulum.datetime(2026, 1, 1)
RULES = [
    PolicyRule("rollback", metric="auc", below=0.55),
    PolicyRule("improve", metric="drift.share", above=0.3),
]
TARGETS = {"continue": "keep", "improve": "retrain.compose", "inspect": "ask", "rollback": "roll_back"}


def updating(dag_id, monitoring, **arguments):
    with DAG(dag_id, schedule=None, start_date=START) as dag:

        @linepipe_task
        def monitor():
            return monitoring

        options = {"rules": RULES, "default": "continue", "targets": TARGETS, **arguments}
        LinepipePolicyOperator(task_id="policy", metrics=monitor(), **options)
        with TaskGroup("retrain"):
            EmptyOperator(task_id="compose") >> EmptyOperator(task_id="start")
        for name in ("keep", "ask", "roll_back"):
            EmptyOperator(task_id=name)
    return dag


@pytest.mark.parametrize(
    ("monitoring", "policy", "ran", "reason"),
    [
        ({"auc": 0.5, "drift": {"share": 0.5}}, "rollback", {"roll_back"}, "auc < 0.55 (it is 0.5)"),
        (
            {"auc": 0.6, "drift": {"share": 0.5}},
            "improve",
            {"retrain.compose", "retrain.start"},
            "drift.share > 0.3 (it is 0.5)",
        ),
        (
            {"auc": 0.6, "drift": {"share": 0.1}},
            "continue",
            {"keep"},
            "no rule fits: not auc < 0.55 (it is 0.6); not drift.share > 0.3 (it is 0.1)",
        ),
    ],
)
def test_the_tasks_of_the_policy_run_and_the_others_are_skipped(run_dag, monitoring, policy, ran, reason):
    run = run_dag(updating(f"policy_{policy}", monitoring))
    assert run.state == "success"
    succeeded = {task_id for (task_id, _), instance in run.tasks.items() if str(instance.state) == "success"}
    assert succeeded == {"monitor", "policy", *ran}
    decision = run.xcoms["policy", -1, "decision"]
    assert (decision["policy"], decision["reason"]) == (policy, reason)
    assert run.xcoms["policy", -1, "return_value"] == policy


def test_without_targets_the_policy_is_an_output(run_dag):
    with DAG("policy_output", schedule=None, start_date=START) as dag:

        @task
        def told(policy):
            return f"we {policy}"

        told(LinepipePolicyOperator(task_id="policy", metrics={"auc": 0.5}, rules=RULES, default="continue").output)
    assert run_dag(dag).xcoms["told", -1, "return_value"] == "we rollback"


def test_a_metric_that_is_no_number_fails_at_once(run_dag):
    run = run_dag(updating("policy_text", {"auc": "high"}, retries=2))
    assert str(run.tasks["policy", -1].state) == "failed"
    assert run.tasks["policy", -1].try_number == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rules": ["auc < 1"]}, r"rules=\['auc < 1'\]: give a list such as"),
        ({"default": ""}, "default='': name the policy"),
        ({"targets": {"continue": "keep"}}, "targets= has no entry for policy 'rollback', only for continue"),
        ({"targets": {**TARGETS, "continue": 3}}, r"targets\['continue'\]=3: give a list of names"),
        ({"default": "continu"}, "targets= has no entry for policy 'continu', only for continue, improve"),
    ],
)
def test_an_argument_that_cannot_be_is_an_import_error(arguments, message):
    with pytest.raises(SettingError, match=message):
        updating("policy_wrong", {}, **arguments)


def test_a_target_that_is_not_there_is_an_import_error():
    dag = updating("policy_nowhere", {}, targets={**TARGETS, "inspect": "aks"})
    bag = DagBag(dag_folder="/dev/null", collect_dags=False, bundle_name="dags-folder")
    with pytest.raises(SettingError, match="'policy' leads to 'aks', and the DAG has no such .*did you mean 'ask'"):
        bag.bag_dag(dag)
