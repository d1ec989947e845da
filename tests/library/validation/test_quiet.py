"""Great Expectations says nothing, leaves nothing behind, and the user's own use of it stays as it was."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from airflow_linepipe.validation import as_suite, split_rows, validate_frame
from airflow_linepipe.validation.quiet import quiet

# Each of these speaks up in its own way: a progress bar that cannot be switched off, advice that is printed, warnings.
LOUD = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
root = [*logging.getLogger().handlers]
for name in ("asyncio", "fsspec", "matplotlib", "h5py", "urllib3", "numexpr"):
    logging.getLogger(name).setLevel(logging.WARNING)
import pandas as pd
import sqlalchemy as sa
from airflow_linepipe.validation import as_suite, report_html, split_rows, validate_frame, validate_table
listed = [
    {"type": "expect_column_kl_divergence_to_be_less_than", "kwargs": {"column": "b", "threshold": 0.1,
        "partition_object": {"values": ["x", "y"], "weights": [0.5, 0.5]}}},
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a", "row_condition": "a > 0",
        "condition_parser": "pandas"}},
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "nowhere"}},
    {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "b", "min_value": 0}},
]
frame = pd.DataFrame({"a": [1.0, None], "b": ["x", "z"]})
outcome = validate_frame(frame, as_suite(listed, name="loud"), rows_of_failures=True)
split_rows(frame, outcome)
report_html(outcome, title="loud", details={})
query = [{"type": "unexpected_rows_expectation", "kwargs": {"unexpected_rows_query": "SELECT * FROM t WHERE a > 5"}}]
engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
frame.to_sql("t", engine, index=False)
assert validate_table(engine, table="t", suite=as_suite([*listed, *query], name="loud")).rows == "unknown"
assert logging.getLogger("great_expectations").level == logging.NOTSET
assert logging.getLogger("great_expectations.data_context.types.base").level == logging.NOTSET
assert logging.getLogger().handlers == root
"""


@pytest.fixture
def suite(expect):
    return as_suite([expect("column_values_to_not_be_null", column="a")], name="any")


def test_a_whole_process_says_nothing_and_leaves_no_file(tmp_path):
    """A project's folder, Data Docs, a file in the home: nothing of the kind."""
    home, work, scratch = (tmp_path / name for name in ("home", "work", "scratch"))
    for folder in (home, work, scratch):
        folder.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "GX_HOME"}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore", "-c", LOUD],
        capture_output=True,
        text=True,
        check=False,
        cwd=work,
        env={**environment, "HOME": str(home), "TMPDIR": str(scratch), "PYTHONPATH": str(Path.cwd())},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [str(path) for folder in (home, work, scratch) for path in folder.rglob("*")] == []


def test_a_user_s_own_project_stays_the_current_one(gx, suite):
    from great_expectations.data_context.data_context.context_factory import project_manager

    own = gx.get_context(mode="ephemeral")
    own.data_sources.add_pandas("mine")
    validate_frame(pd.DataFrame({"a": [1]}), suite)
    assert project_manager.get_current_project() is own
    assert [*own.data_sources.all()] == ["mine"]
    assert own.suites.all() == []


def test_where_there_was_no_project_there_is_none(gx, suite):
    from great_expectations.data_context.data_context.context_factory import project_manager

    project_manager.set_project(None)
    validate_frame(pd.DataFrame({"a": [1]}), suite)
    assert vars(project_manager)["_ProjectManager__project"] is None


def test_everything_is_put_back_also_when_it_fails(gx):
    from great_expectations.data_context.data_context.context_factory import project_manager
    from great_expectations.expectations.core import unexpected_rows_expectation
    from great_expectations.validator import validation_graph

    own, bar = gx.get_context(mode="ephemeral"), validation_graph.tqdm
    logger = logging.getLogger("great_expectations")
    logger.setLevel(logging.INFO)
    os.environ["SF_PARTNER"] = "mine"
    try:
        with pytest.raises(ZeroDivisionError), quiet():
            os.environ["SF_PARTNER"] = "theirs"
            gx.get_context(mode="ephemeral")
            assert not logger.isEnabledFor(logging.CRITICAL)
            _ = 1 / 0
        assert logger.level == logging.INFO
        assert os.environ["SF_PARTNER"] == "mine"
    finally:
        logger.setLevel(logging.NOTSET)
        del os.environ["SF_PARTNER"]
    assert project_manager.get_current_project() is own
    assert validation_graph.tqdm is bar
    assert "print" not in vars(unexpected_rows_expectation)


def test_threads_do_not_take_each_other_s_project(suite):
    def run(count):
        table = pd.DataFrame({"a": [None] * count + [1.0]})
        outcome = validate_frame(table, suite, rows_of_failures=True)
        return len(split_rows(table, outcome)[1])

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(run, range(40))] == [*range(40)]
