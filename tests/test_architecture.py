"""The architecture as tests: who may import whom, what importing costs, and what the wheel holds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = Path(sysconfig.get_path("scripts"))

# Everything that is slow to import, or that the library half must do without.
HEAVY = ("airflow", "fsspec", "great_expectations", "numpy", "pandas", "polars", "pyarrow")


def _python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_imports_point_down_only():
    done = subprocess.run(
        [SCRIPTS / "lint-imports", "--no-logo"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout


def test_a_wrong_import_breaks_the_contracts(tmp_path):
    """The contracts would be worth nothing if they held whatever the code did."""
    shutil.copytree(
        ROOT / "airflow_linepipe", tmp_path / "airflow_linepipe", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "setup.cfg", tmp_path / "setup.cfg")
    module = tmp_path / "airflow_linepipe" / "plan" / "naming.py"
    module.write_text(module.read_text() + "\nfrom airflow.sdk import DAG\n")
    done = subprocess.run(
        [SCRIPTS / "lint-imports", "--no-logo", "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "The library half is complete without Airflow BROKEN" in done.stdout


@pytest.mark.parametrize("module", ["airflow_linepipe", "airflow_linepipe.runtime", "airflow_linepipe.handoff"])
def test_importing_the_library_half_imports_nothing_heavy(module):
    code = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    assert _python(code).split() == []


def test_the_public_names_are_those_of_the_facade():
    import airflow_linepipe

    for name in airflow_linepipe.__all__:
        assert getattr(airflow_linepipe, name).__name__ == name
    assert dir(airflow_linepipe) == sorted(airflow_linepipe.__all__)
    with pytest.raises(AttributeError, match="no attribute 'LinepipeTaskgroup'"):
        _ = airflow_linepipe.LinepipeTaskgroup


def test_importing_the_package_stays_within_its_budget():
    """0.15 s, as a ratio so that a busy machine does not matter: a fraction of what ``import airflow.sdk`` takes."""
    code = "import time; start = time.perf_counter(); {imports}; print(time.perf_counter() - start)"

    def seconds(imports: str) -> float:
        return min(float(_python(code.format(imports=imports)).split()[-1]) for _ in range(3))

    assert seconds("import airflow_linepipe") < seconds("from airflow.sdk import DAG") / 10


@pytest.mark.timeout(900)  # a suite of its own
def test_the_library_half_passes_its_tests_where_airflow_cannot_be_imported():
    """Not "does not import", but "cannot": a finder refuses every module of Airflow."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "tests/library", "-q", "-p", "tests.without_airflow", "-m", "not server"),
            *("-p", "no:cacheprovider"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"airflow_linepipe", wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"}
    assert "airflow_linepipe/py.typed" in names
    assert not [name for name in names if "__pycache__" in name]
