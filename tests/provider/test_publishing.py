"""Outputs that stand for assets: an event with the reference for each success of the task that makes one."""

from __future__ import annotations

import pendulum
import pipelines
import pytest
from airflow.sdk import DAG, Asset
from linepipe.node import Node
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeDag, LinepipeNodeOperator, load_artifact
from airflow_linepipe.errors import SettingError

START = pendulum.datetime(2026, 1, 1)


def chain():
    nodes = [Node(pipelines.frame, ["rows"], ["table"]), Node(pipelines.total, ["table"], ["total"])]
    return Pipeline(nodes, rows=4)


def events(run):
    """The extras of a run's asset events, by the asset's name."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        query = (
            select(AssetModel.name, AssetEvent.extra)
            .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            .where(AssetEvent.source_run_id == run.run_id)
        )
        return dict(session.execute(query).all())


@pytest.mark.parametrize("granularity", ["node", "pipeline"])
def test_an_event_carries_the_reference_also_of_what_would_stay_inside_its_task(run_dag, granularity):
    assets = {"table": Asset(f"table_{granularity}"), "total": Asset(f"total_{granularity}")}
    other = Asset("other")
    dag = LinepipeDag(
        f"published_{granularity}", pipeline=chain(), granularity=granularity, publish=assets, schedule=None,
        start_date=START, outlets=[other],
    )  # fmt: skip
    assert other in dag.tasks[0].outlets
    run = run_dag(dag)
    assert run.state == "success"
    found = events(run)
    assert load_artifact(found[f"total_{granularity}"]) == 6
    assert len(load_artifact(found[f"table_{granularity}"])) == 4
    assert found[f"table_{granularity}"]["summary"]["rows"] == 4


def test_a_single_node_publishes_too_and_each_item_of_what_is_mapped_over(run_dag):
    assets = {name: Asset(name) for name in ("whole", "by_item")}
    with DAG("published_node", schedule=None, start_date=START) as dag:
        make = {
            name: LinepipeNodeOperator(
                node=Node(list, ["text"], ["x"]), task_id=name, inputs={"text": "ab"}, publish={"x": asset}
            )
            for name, asset in assets.items()
        }
        LinepipeNodeOperator.partial(task_id="each", node=Node(str.upper, ["item"], ["text"])).expand(
            inputs=make["by_item"].output.map(lambda item: {"item": item})
        )
    assert make["whole"].outlets == [assets["whole"]]
    found = events(run_dag(dag))
    assert load_artifact(found["whole"]) == ["a", "b"]
    assert [load_artifact(item) for item in found["by_item"]["items"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("publish", "sentence"),
    [
        ({"tabel": Asset("t")}, "publish['tabel']: there is no such output: did you mean 'table'?"),
        ({"x": Asset("t")}, "publish['x']: there is no such output: there are table, total."),
        ({"table": "t"}, "publish['table'] is a str: write Asset('table')."),
        (
            {"table": Asset("t"), "total": Asset("t")},
            "publish: the asset 't' stands for 'table' and for 'total': give each",
        ),
        (["table"], "publish=['table']: give a dict whose keys are names."),
    ],
)
def test_what_cannot_be_published_is_an_error_of_the_dag(publish, sentence):
    with pytest.raises(SettingError) as caught:
        LinepipeDag("published_wrong", pipeline=chain(), publish=publish, schedule=None)
    assert str(caught.value).startswith(sentence)
