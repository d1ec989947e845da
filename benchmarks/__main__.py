"""``make bench``: every promise about time, measured here and now, and written down in docs/benchmarks.md."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]

with tempfile.TemporaryDirectory(prefix="linepipe-bench-") as home:
    os.environ["AIRFLOW_HOME"] = home
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    # Airflow puts the dags folder on the path; the S3 server is the tests'.
    sys.path[:0] = [str(ROOT / "dags"), str(ROOT / "tests" / "support")]
    from benchmarks import (
        caching,
        five_tasks,
        granularity,
        handoff,
        object_store,
        overhead,
        parsing,
        plot,
        sensors,
        validation,
    )
    from benchmarks.report import show, write_page

    parts = (handoff, object_store, five_tasks, parsing, overhead, granularity, caching, validation, sensors)
    rows = [row for part in parts for row in part.measure()]
    plot.draw(ROOT / "docs" / "benchmarks.png")
    write_page(rows, ROOT / "docs" / "benchmarks.md")
    status = show(rows)
sys.exit(status)
