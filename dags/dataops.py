"""DataOps: one month of flights from raw files to a feature table in the warehouse.

A run is one month: the ``month`` param, that of the event which says that the files are there, or the run's logical
date. Running a month again changes nothing. Raw data that
are not as expected stop the run before anything is computed, and features before they are loaded.
The warehouse is the Airflow connection ``warehouse``, any database that common-sql reaches.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, BaseHook, CronDataIntervalTimetable, Param, cross_downstream
from flights.expectations import FEATURES, RAW_FLIGHTS, RAW_WEATHER
from flights.pipeline import pipeline
from flights.runs import MONTH

from airflow_linepipe import LinepipeTaskGroup, LinepipeValidationOperator, NodeOptions, linepipe_task

if TYPE_CHECKING:
    import pandas as pd

FEATURES_LOADED = Asset("flight_features")


@linepipe_task(retries=3, retry_delay=timedelta(seconds=5), outlets=[FEATURES_LOADED])
def load(features: pd.DataFrame, month: str, outlet_events: Any = None) -> int:
    """Put the month's features into the warehouse, in the place of what is there of that month, and tell of it."""
    from flights.warehouse import create_table, replace_month
    from sqlalchemy.pool import NullPool

    hook = BaseHook.get_connection("warehouse").get_hook()
    with hook.get_sqlalchemy_engine({"poolclass": NullPool}).begin() as connection:
        create_table(connection)
        rows = replace_month(connection, features, month)
    outlet_events[FEATURES_LOADED].extra = {"month": month, "rows": rows}
    return rows


with DAG(
    "dataops",
    schedule=AssetOrTimeSchedule(
        timetable=CronDataIntervalTimetable("@monthly", timezone="UTC"), assets=[Asset("flight_files")]
    ),
    start_date=pendulum.datetime(2013, 1, 1),
    end_date=pendulum.datetime(2013, 12, 31),
    catchup=False,
    params={"month": Param(None, type=["null", "string"], pattern=r"^\d{4}-\d{2}$", description="YYYY-MM")},
    tags=["linepipe", "dataops"],
    doc_md=__doc__,
):
    features = LinepipeTaskGroup(
        "features",
        pipeline=pipeline,
        inputs={"month": MONTH},
        node_options={"extract_flights": NodeOptions(retries=2, retry_delay=timedelta(seconds=5))},
    )
    raw = [
        LinepipeValidationOperator(task_id="check_flights", data=features["raw_flights"], expectations=RAW_FLIGHTS),
        LinepipeValidationOperator(task_id="check_weather", data=features["raw_weather"], expectations=RAW_WEATHER),
    ]
    # Both before either is computed with.
    cross_downstream(raw, [features["clean_flights"], features["clean_weather"]])

    check = LinepipeValidationOperator(task_id="check_features", data=features["features"], expectations=FEATURES)
    check >> load(features["features"], month=MONTH)
