"""``make bench``: every promise about time, measured here and now."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory(prefix="linepipe-bench-") as home:
    os.environ["AIRFLOW_HOME"] = home
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    # Airflow puts the dags folder on the path.
    sys.path.insert(0, str(Path(__file__).parents[1] / "dags"))
    from benchmarks import granularity, overhead, parsing
    from benchmarks.report import show

    status = show([*parsing.measure(), *overhead.measure(), *granularity.measure()])
sys.exit(status)
