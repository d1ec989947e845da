"""The example of docs/mlops.md."""

from __future__ import annotations

import re
from pathlib import Path

from delays.registry import read_version


def test_the_example_without_airflow_runs(tmp_path, empty_registry, flights_of, load, warehouse, capsys):
    for month in ("2013-01", "2013-02"):
        load(month, flights_of(month, 1_000))
    page = Path(__file__).parents[2] / "docs" / "mlops.md"
    (code,) = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    exec(code.replace("/data/", f"{tmp_path}/"), {})
    score = float(capsys.readouterr().out.splitlines()[-1])
    version = read_version(f"sqlite:///{tmp_path}/mlflow.db", 1)
    assert version.score == score
    assert version.months == ("2013-01", "2013-02")
