"""DataOps that goes on with what is good: rows that are not as expected are set apart, with what they fail.

As ``dataops`` for one month, up to the features. The rejected rows of a run are an output like any other:
``load_artifact`` reads them, and ``report`` counts them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pendulum
from airflow.sdk import DAG, Param
from flights.expectations import FEATURES, RAW_FLIGHTS, RAW_WEATHER
from flights.pipeline import COMPUTE, CONFIG, EXTRACT
from linepipe.pipeline import Pipeline

from airflow_linepipe import LinepipeTaskGroup, LinepipeValidationOperator, linepipe_task

if TYPE_CHECKING:
    import pandas as pd

EXPECTED = {"raw_flights": RAW_FLIGHTS, "raw_weather": RAW_WEATHER}


@linepipe_task
def report(features: pd.DataFrame, rejected: dict[str, pd.DataFrame]) -> dict[str, int]:
    """Count the rows."""
    return {"features": len(features), **{name: len(rows) for name, rows in rejected.items()}}


with DAG(
    "dataops_quarantine",
    schedule=None,
    start_date=pendulum.datetime(2013, 1, 1),
    params={"month": Param("2013-01", type="string", pattern=r"^\d{4}-\d{2}$", description="YYYY-MM")},
    tags=["linepipe", "dataops"],
    doc_md=__doc__,
):
    extract = LinepipeTaskGroup("extract", pipeline=Pipeline(EXTRACT), inputs={"month": "{{ params.month }}"})
    checks = {
        name: LinepipeValidationOperator(
            task_id=f"check_{name}", data=extract[name], expectations=expected, on_failure="quarantine"
        )
        for name, expected in EXPECTED.items()
    }
    features = LinepipeTaskGroup(
        "features",
        pipeline=Pipeline(COMPUTE, config=CONFIG),
        inputs={
            **{name: check.output["valid"] for name, check in checks.items()},
            **{name: extract[name] for name in ("planes", "airports")},
        },
    )
    good = LinepipeValidationOperator(task_id="check_features", data=features["features"], expectations=FEATURES)
    good >> report(features["features"], {name: check.output["rejected"] for name, check in checks.items()})
