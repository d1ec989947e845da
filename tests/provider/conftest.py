"""Fixtures of the Airflow half: a database, runs by dag.test(), the example DAGs, and one real Airflow."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from finished import Finished
from sqlalchemy import Engine, create_engine

from airflow_linepipe.testing import StandaloneAirflow

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run of ``dag.test()``."""

    state: str
    dag_id: str
    run_id: str
    tasks: Mapping[tuple[str, int], Any]
    """Task instances by task id and map index."""
    xcoms: Mapping[tuple[str, int, str], Any]
    """XCom values by task id, map index and key."""

    def value(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """The value behind a reference that a task left in XCom."""
        from airflow_linepipe import load_artifact

        return load_artifact(self.xcoms[task_id, map_index, key])


@pytest.fixture(scope="session")
def airflow_db() -> None:
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def run_dag(airflow_db: None) -> Callable[..., Run]:
    """Run a DAG in this process, without a scheduler: ``run_dag(dag, conf=…)``."""

    def run(dag: Any, *, conf: Mapping[str, Any] | None = None, logical_date: Any = None) -> Run:
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

        DagBundlesManager().sync_bundles_to_db()
        bag = DagBag(dag_folder="/dev/null", collect_dags=False, bundle_name="dags-folder")
        bag.bag_dag(dag)
        sync_bag_to_db(bag, "dags-folder", None)
        dag_run = dag.test(run_conf=dict(conf) if conf else None, logical_date=logical_date)
        return _run(dag_run)

    return run


def _run(dag_run: Any) -> Run:
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        xcoms = {
            (row.task_id, row.map_index, row.key): row.value
            for row in session.scalars(select(XComModel).where(XComModel.run_id == dag_run.run_id))
        }
        tasks = session.scalars(select(TaskInstance).where(TaskInstance.run_id == dag_run.run_id)).all()
        session.expunge_all()
    return Run(
        state=str(dag_run.state),
        dag_id=dag_run.dag_id,
        run_id=dag_run.run_id,
        tasks={(task.task_id, task.map_index): task for task in tasks},
        xcoms=xcoms,
    )


@pytest.fixture(scope="session")
def example_dags() -> Mapping[str, Any]:
    """Every DAG of the dags folder, parsed once."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(ROOT / "dags"), bundle_name="dags-folder")
    assert bag.import_errors == {}
    return bag.dags


@pytest.fixture
def sqlite_warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An empty database behind the connection that the example DAGs keep their features in."""
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    engine = create_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def airflow_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the real Airflow has its home and its warehouse."""
    return tmp_path_factory.mktemp("real-airflow")


@pytest.fixture(scope="session")
def airflow(airflow_folder: Path) -> Iterator[StandaloneAirflow]:
    """A real Airflow with the example DAGs and those of the tests, for the whole session: its start takes long."""
    dags = airflow_folder / "dags"
    # Whatever loads a month would start the models' DAGs, which test_real_mlops.py has for itself.
    ignore = shutil.ignore_patterns("__pycache__", "mlops*.py")
    shutil.copytree(ROOT / "dags", dags, ignore=ignore)
    shutil.copytree(Path(__file__).parent / "dags", dags, ignore=ignore, dirs_exist_ok=True)
    warehouse = json.dumps({"conn_type": "sqlite", "host": str(airflow_folder / "warehouse.db")})
    environment = {"AIRFLOW_CONN_WAREHOUSE": warehouse}
    with StandaloneAirflow(home=airflow_folder / "home", dags=dags, environment=environment) as airflow:
        yield airflow


@pytest.fixture(scope="session")
def start(airflow: StandaloneAirflow) -> Callable[..., str]:
    """Trigger a run of a DAG: ``start(dag_id, **conf)`` gives its id."""

    def run(dag_id: str, **conf: Any) -> str:
        airflow.wait_for_dag(dag_id, timeout=120)
        return airflow.trigger(dag_id, conf=conf)

    return run


@pytest.fixture(scope="session")
def finish(airflow: StandaloneAirflow, start: Callable[..., str]) -> Callable[..., Finished]:
    """Run a DAG to its end: ``finish(dag_id, **conf)`` gives its tasks and its values."""
    return lambda dag_id, **conf: Finished(airflow, dag_id, start(dag_id, **conf))
