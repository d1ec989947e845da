from __future__ import annotations

from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session", params=["2013-01", "2013-02"])
def real_month(request):
    """The outputs of the pipeline for one real month."""
    from flights.pipeline import CONFIG, NODES
    from linepipe.pipeline import Pipeline

    pipeline = Pipeline(NODES, config=CONFIG, month=request.param, track_history=True)
    pipeline.run()
    outputs = {name: value for step in pipeline.history for name, value in step["outputs"].items()}
    return SimpleNamespace(month=request.param, **outputs)


@pytest.fixture
def flights_of():
    """Make a table of raw flights: each row says only what matters to the test."""
    import pandas as pd

    usual = {
        "year": 2013,
        "month": 1,
        "day": 15,
        "dep_time": 1200.0,
        "sched_dep_time": 1200,
        "dep_delay": 0.0,
        "arr_time": 1400.0,
        "sched_arr_time": 1400,
        "arr_delay": 0.0,
        "carrier": "UA",
        "tailnum": "N1",
        "origin": "EWR",
        "dest": "ORD",
        "air_time": 120.0,
        "distance": 719,
        "hour": 12,
        "minute": 0,
        "time_hour": "2013-01-15T17:00:00Z",
    }

    def make(*rows):
        table = pd.DataFrame([{**usual, "flight": number, **row} for number, row in enumerate(rows, start=1)])
        return table.assign(time_hour=pd.to_datetime(table["time_hour"], utc=True).dt.as_unit("us"))

    return make


@pytest.fixture
def weather_of():
    """Make a table of raw weather: each row says only what matters to the test."""
    import pandas as pd

    usual = {
        "origin": "EWR",
        "time_hour": "2013-01-15T17:00:00Z",
        "temp": 40.0,
        "wind_speed": 10.0,
        "precip": 0.0,
        "visib": 9.0,
    }

    def make(*rows):
        table = pd.DataFrame([{**usual, **row} for row in rows])
        return table.assign(time_hour=pd.to_datetime(table["time_hour"], utc=True).dt.as_unit("us"))

    return make


@pytest.fixture
def joined_of(flights_of):
    """Make a table of cleaned flights with weather, plane and destination."""
    usual = {
        "dep_delay": 0,
        "arr_delay": 0,
        "temp": 40.0,
        "wind_speed": 10.0,
        "precip": 0.0,
        "visib": 9.0,
        "built": 2003.0,
        "seats": 150.0,
        "dest_lat": 42.0,
        "dest_lon": -88.0,
    }

    def make(*rows):
        return flights_of(*({**usual, **row} for row in rows))

    return make


@pytest.fixture
def features_of(joined_of):
    """Make a table of features."""
    from flights.features import compute_features

    def make(*rows):
        return compute_features(joined_of(*rows), 6)

    return make
