from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest
from delays.registry import find_champion
from flights.warehouse import create_table, replace_month
from sqlalchemy import create_engine
from trained import learn

CARRIERS, ORIGINS, DESTINATIONS = ["UA", "DL", "HA"], ["EWR", "JFK"], ["ORD", "LAX", "SFO"]


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
    """Make the features of a month: ``flights_of("2013-01", 300)``; the delay at arrival follows that at departure."""

    def make(month, rows, *, seed=0, lost=-5.0, noise=8.0):
        random = np.random.default_rng([seed, int(month[-2:])])
        year, number = int(month[:4]), int(month[5:])
        days = pd.Period(month).days_in_month
        day = np.sort(random.integers(1, days + 1, rows))
        hour = random.integers(6, 22, rows)
        local = pd.to_datetime({"year": [year] * rows, "month": [number] * rows, "day": day, "hour": hour})
        delay = random.gamma(1.0, 20.0, rows).astype("int64") - 10
        carrier = random.choice(CARRIERS, rows, p=[0.6, 0.35, 0.05])
        arrived = (
            (delay + lost + np.where(carrier == "DL", 6, 0) + random.normal(0, noise, rows)).round().astype("int64")
        )
        return pd.DataFrame(
            {
                "flight_id": [f"{month}-{index:05d}" for index in range(rows)],
                "year": year,
                "month": number,
                "day": day,
                "scheduled_at": local.dt.tz_localize("America/New_York").dt.tz_convert("UTC").dt.as_unit("us"),
                "hour": hour,
                "day_of_week": local.dt.day_of_week.to_numpy(),
                "carrier": carrier,
                "flight": np.arange(rows),
                "tailnum": "N1",
                "origin": random.choice(ORIGINS, rows),
                "dest": random.choice(DESTINATIONS, rows),
                "distance": 719,
                "dest_lat": 41.98,
                "dest_lon": -87.9,
                "temp": random.normal(40 + 3 * number, 8, rows),
                "wind_speed": random.gamma(2.0, 5.0, rows),
                "precip": 0.0,
                "visib": 10.0,
                "plane_age": random.integers(1, 30, rows).astype(float),
                "seats": 149.0,
                "dep_delay": delay,
                "delay_history": random.normal(10, 5, rows),
                "arr_delay": arrived,
                "late": arrived > 15,
            }
        )

    return make


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
