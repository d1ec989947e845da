"""``make year``: let a year of flights arrive month by month, and say how the model has fared.

The only thing done from outside is to tell Airflow, month by month, that the files are there: dataops, mlops and
mlops_update start each other. Then the same functions are called without Airflow, and both tables have to be equal to
the last digit. Everything lies in ``.year`` under the repository, anew with each start.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine

from airflow_linepipe.testing import StandaloneError
from demo.lifecycle import start_airflow
from demo.model import read_months, render_model
from year.laptop import replay
from year.scheduled import find_picture, live_month

if TYPE_CHECKING:
    from collections.abc import Sequence

REPOSITORY = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Live through the months and return the exit status: 1 if Airflow and the laptop do not agree."""
    parser = argparse.ArgumentParser(prog="python -m year")
    parser.add_argument("--months", type=int, default=12, choices=range(1, 13), help="how many months of 2013")
    count = parser.parse_args(arguments).months
    months = [f"2013-{number:02d}" for number in range(1, count + 1)]
    folder = REPOSITORY / ".year"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        lived = _live(folder, months)
    except StandaloneError as error:
        print(f"\n{error}")
        return 1
    calculated = replay(folder / "laptop", months)
    if lived == calculated:
        print("Without Airflow the same functions give the same table, to the last digit.")
        return 0
    print(f"Without Airflow the same functions give another table:\n{render_model(calculated)}")
    return 1


def _live(folder: Path, months: Sequence[str]) -> list[dict[str, Any]]:
    """Live through the months on a real Airflow, and return what its warehouse says of them."""
    warehouse = folder / "warehouse.db"
    with start_airflow(folder / "airflow", dags=REPOSITORY / "dags", warehouse=warehouse) as airflow:
        for month in months:
            print(live_month(airflow, month), flush=True)
        engine = create_engine(f"sqlite:///{warehouse}")
        lived = read_months(engine)
        engine.dispose()
        print(f"\n{render_model(lived)}\n\nThe picture: {find_picture(airflow)}")
    return lived


if __name__ == "__main__":
    sys.exit(main())
