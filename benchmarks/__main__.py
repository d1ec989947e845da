"""``make bench``: every promise about time, measured here and now."""

from __future__ import annotations

import os
import sys
import tempfile

with tempfile.TemporaryDirectory(prefix="linepipe-bench-") as home:
    os.environ["AIRFLOW_HOME"] = home
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    from benchmarks import overhead, parsing
    from benchmarks.report import show

    status = show([*parsing.measure(), *overhead.measure()])
sys.exit(status)
