from __future__ import annotations

import shutil

import pytest
from delays.registry import find_champion
from flights.warehouse import create_table, replace_month
from made_flights import make_flights
from sqlalchemy import create_engine
from trained import learn


@pytest.fixture
def warehouse(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory):
    """MLflow takes seconds to make its tables."""
    path = tmp_path_factory.mktemp("registry") / "mlflow.db"
    assert find_champion(f"sqlite:///{path}") == 0
    return path


@pytest.fixture
def tracking_uri(tmp_path, empty_registry):
    path = tmp_path / "mlflow" / "mlflow.db"
    path.parent.mkdir()
    shutil.copy(empty_registry, path)
    return f"sqlite:///{path}"


@pytest.fixture
def flights_of():
    """Make the features of a month: ``flights_of("2013-01", 300)``."""
    return make_flights


@pytest.fixture
def load(warehouse):
    """Put a month's features into the warehouse: ``load("2013-01", features)``."""

    def put(month, features):
        with warehouse.begin() as connection:
            create_table(connection)
            replace_month(connection, features, month)

    return put


@pytest.fixture
def learned(warehouse, tracking_uri, flights_of, load):
    """Two months in the warehouse, and a champion that has learned from them."""
    for month in ("2013-01", "2013-02"):
        load(month, flights_of(month, 1_500))
    return learn(warehouse, tracking_uri, "2013-02", "first")
