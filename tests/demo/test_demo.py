from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from delays.chronicle import record
from flights.warehouse import COLUMN_TYPES, create_table
from sqlalchemy import create_engine, text

from airflow_linepipe.testing import StandaloneError
from airflow_linepipe.testing.records import DagRunRecord, TaskRecord, XComRecord
from demo import __main__ as program
from demo import lifecycle
from demo.model import read_months, render_model
from demo.progress import Progress, summarise
from demo.report import RunReport, decide_exit_status, find_artifacts, render
from demo.table import render_size, render_table

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def task(name, state="success", *, map_index=-1, seconds=1.25):
    return TaskRecord(
        task_id=name, map_index=map_index, state=state, start=NOON, end=NOON, seconds=seconds, try_number=1
    )


def report(*tasks, state="success", artifacts=()):
    run = DagRunRecord(dag_id="dataops", run_id="r1", state=state, queued=NOON, start=NOON, end=NOON, seconds=12.4)
    return RunReport(month="2013-01", run=run, tasks=tasks, artifacts=artifacts)


def xcom(value, key="return_value"):
    return XComRecord(task_id="t", map_index=-1, key=key, value=value)


def reference(name="flights", **fields):
    return {
        "linepipe_artifact": 1,
        "name": name,
        "uri": f"file:///store/{name}.arrow",
        "codec": "arrow",
        "type": "pandas.DataFrame",
        "nbytes": 5_120_311,
        "digest": "blake3:00",
        "summary": {"rows": 27_004},
        **fields,
    }


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("reports", "status"),
    [
        ([report(task("load"))], 0),
        ([report(task("load"), task("skipped", "skipped"))], 0),
        ([report(task("load")), report(task("load", "failed"), state="failed")], 1),
        ([report(task("load", "failed"), task("clean_up"))], 1),
        ([report(state="failed")], 1),
    ],
    ids=["success", "skipped", "failed", "failed task in a run that succeeded", "failed run without tasks"],
)
def test_the_exit_status_says_whether_everything_succeeded(reports, status):
    assert decide_exit_status(reports) == status


def test_artifacts_are_the_xcoms_that_refer_to_one():
    found = find_artifacts([xcom(reference()), xcom(3), xcom(None), xcom({"rows": 3}), xcom([reference("in a list")])])
    assert [(one.name, one.rows, one.nbytes, one.codec, one.uri) for one in found] == [
        ("flights", 27_004, 5_120_311, "arrow", "file:///store/flights.arrow")
    ]


def test_an_artifact_under_several_keys_is_listed_once():
    assert len(find_artifacts([xcom(reference()), xcom(reference(), key="flights")])) == 1


@pytest.mark.parametrize("summary", [{}, {"rows": "many"}, None], ids=["empty", "not a number", "none"])
def test_an_artifact_without_rows_has_none(summary):
    assert find_artifacts([xcom(reference(summary=summary))])[0].rows is None


def test_the_report_shows_runs_artifacts_and_the_model():
    done = report(task("load"), task("fit", "skipped"), artifacts=find_artifacts([xcom(reference())]))
    shown = render([done, report(task("x"))], [{"month": "2013-01", "flights": 26_398}])
    assert (
        shown
        == """\
Runs
month    DAG      tasks run  skipped  seconds  state
-------  -------  ---------  -------  -------  -------
2013-01  dataops          1        1       12  success
2013-01  dataops          1        0       12  success

What the tasks of the first run handed over
artifact    rows    size  codec  where
--------  ------  ------  -----  ---------------------------
flights   27,004  5.1 MB  arrow  file:///store/flights.arrow

The model, month by month
month      rows  version  R²  MAE  AUC  drift  policy  champion
-------  ------  -------  --  ---  ---  -----  ------  --------
2013-01  26,398"""
    )


def test_the_report_of_a_failed_run_names_the_failed_tasks():
    failed = report(task("load", "failed"), task("fit", "", seconds=None), state="failed")
    assert "2013-01  dataops          0        0       12  failed, failed: load\n" in render([failed], [])


@pytest.fixture
def warehouse(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    with engine.begin() as connection:
        create_table(connection)
        row = dict.fromkeys(COLUMN_TYPES, 1) | {"year": 2013}
        columns = ", ".join(f":{name}" for name in COLUMN_TYPES)
        for month, flights in ((1, 2), (2, 3)):
            rows = [row | {"month": month, "flight_id": f"{month} {number}"} for number in range(flights)]
            connection.execute(text(f"INSERT INTO flight_features VALUES ({columns})"), rows)
    yield engine
    engine.dispose()


def test_the_model_is_shown_month_by_month(warehouse, tmp_path):
    performance = {"rows": 3, "version": 1, "r2": 0.81234, "mae": 12.345, "auc": 0.7}
    found = {"month": "2013-02", "performance": performance, "drift": {"found": ["temp", "dest"]}}
    record(warehouse, f"sqlite:///{tmp_path}/mlflow.db", found, "continue")
    months = read_months(warehouse)
    recorded = {**performance, "drift": "temp dest", "policy": "continue", "champion": 0}
    assert months == [{"month": "2013-01", "flights": 2}, {"month": "2013-02", "flights": 3, **recorded}]
    assert render_model(months).splitlines()[-2:] == [
        "2013-01     2",
        "2013-02     3        1  0.8123  12.35  0.7000  temp dest  continue         0",
    ]


def test_a_table_without_rows_keeps_its_headings():
    assert render_table("T", ["a", "bcd"], [], right=[]) == "T\na  bcd\n-  ---"


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (999_960, "1.0 MB"),
        (5_120_311, "5.1 MB"),
        (2_500_000_000, "2.5 GB"),
        (7_000_000_000_000, "7.0 TB"),
    ],
)
def test_sizes_have_the_unit_a_person_would_choose(nbytes, text):
    assert render_size(nbytes) == text


def test_progress_is_a_line_per_change_where_there_is_no_terminal():
    stream = io.StringIO()
    progress = Progress(stream)
    progress.show({"2013-01": [task("load", ""), task("fit", "")]})
    progress.show({"2013-01": [task("load", "running"), task("fit", "")]})
    progress.show({"2013-01": [task("load", "running"), task("fit", "")]})
    progress.show({"2013-01": [task("load"), task("fit", "")], "2013-02": [task("load", "running")]})
    progress.close()
    assert [line.split(" s  ")[1] for line in stream.getvalue().splitlines()] == [
        "2013-01  load: running",
        "2013-01  load: success",
        "2013-02  load: running",
    ]


def test_progress_on_a_terminal_is_one_line_that_fits(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    stream = Terminal()
    progress = Progress(stream)
    progress.show({"2013-01": [task("load", "running"), task("a_task_with_a_long_name", "running")]})
    assert stream.getvalue() == "\r\x1b[2K" + "   0 s  2013-01 0/2 load, a_t"
    progress.close()
    assert stream.getvalue().endswith("\r\x1b[2K")


def test_a_summary_counts_what_is_over_and_names_what_runs():
    tasks = [task("a"), task("b", "skipped"), task("c", "running"), task("d", "queued"), task("e", "")]
    assert summarise("2013-01", tasks) == "2013-01 2/5 c"


class FakeAirflow:
    """Answers like a StandaloneAirflow whose runs end at once."""

    url = "http://127.0.0.1:1"
    states = "success"
    broken: dict[str, str] = {}

    def __init__(self, **given):
        self.given = given
        self.triggered = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def wait_for_dag(self, dag_id, *, tolerant, **_):
        assert dag_id in ("dataops", "mlops", "mlops_update")
        assert not tolerant

    def import_errors(self):
        return self.broken

    def run_cli(self, *arguments):
        assert arguments[:4] == ("dags", "trigger", "dataops", "--conf")
        self.triggered.append(arguments[-1])
        return SimpleNamespace(returncode=0, stdout="", stderr="")

    def runs(self, dag_id):
        run = report(state=self.states).run
        names = self.triggered if dag_id == "dataops" else []
        return [replace(run, run_id=name) for name in names]

    def settle(self, dag_ids, *, on_progress, **_):
        on_progress(self.runs(dag_ids[0])[-1:])

    def tasks(self, *_):
        return (task("load", self.states),)

    def xcoms(self, *_):
        return (xcom(reference()),)

    def log(self, *_, **__):
        return "\n".join(f"line {number}" for number in range(1, 101))

    def check(self):
        raise KeyboardInterrupt


@pytest.fixture
def demo(monkeypatch, tmp_path):
    monkeypatch.setattr(lifecycle, "StandaloneAirflow", FakeAirflow)
    monkeypatch.setattr(program, "REPOSITORY", tmp_path)
    monkeypatch.setattr(program, "_read_months", lambda _: [])
    monkeypatch.delenv("KEEP", raising=False)
    return program.main


def test_a_demo_that_succeeds_returns_0_and_shows_its_commands(demo, capsys):
    assert demo() == 0
    text = capsys.readouterr().out
    assert """$ airflow dags trigger dataops --conf '{"month": "2013-01"}' --run-id demo__2013-01\n""" in text
    assert """$ airflow dags trigger dataops --conf '{"month": "2013-03"}' --run-id demo__2013-03\n""" in text
    assert "line 100" not in text


def test_a_failing_task_returns_1_and_shows_the_end_of_its_log(demo, capsys, monkeypatch):
    monkeypatch.setattr(FakeAirflow, "states", "failed")
    assert demo() == 1
    text = capsys.readouterr().out
    assert "The end of the log of dataops load of 2013-02, try 1:\nline 61\n" in text
    assert text.rstrip().endswith("line 100")


def test_an_import_error_returns_1_and_is_shown(demo, capsys, monkeypatch):
    monkeypatch.setattr(FakeAirflow, "broken", {"mlops.py": "SyntaxError: invalid syntax"})
    assert demo() == 1
    assert "mlops.py cannot be imported:\nSyntaxError: invalid syntax" in capsys.readouterr().out


def test_a_command_that_fails_returns_1_and_is_shown(demo, capsys, monkeypatch):
    outcome = SimpleNamespace(returncode=2, stdout="said ", stderr="why")
    monkeypatch.setattr(FakeAirflow, "run_cli", lambda *_: outcome)
    assert demo() == 1
    assert "failed with exit status 2:\nsaid why" in capsys.readouterr().out


def test_an_airflow_that_does_not_start_returns_1_and_is_shown(demo, capsys, monkeypatch):
    def refuse(_):
        message = "Airflow ended by itself"
        raise StandaloneError(message)

    monkeypatch.setattr(FakeAirflow, "__enter__", refuse)
    assert demo() == 1
    assert "Airflow ended by itself" in capsys.readouterr().out


def test_ctrl_c_returns_130(demo, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeAirflow, "settle", interrupt)
    assert demo() == 130
    assert "Interrupted" in capsys.readouterr().out


def test_keep_leaves_the_ui_up_until_ctrl_c(demo, capsys, monkeypatch):
    monkeypatch.setenv("KEEP", "1")
    assert demo() == 0
    assert "The UI stays up at http://127.0.0.1:1/dags until Ctrl-C." in capsys.readouterr().out


def test_the_warehouse_connection_is_json_with_an_absolute_path(demo, monkeypatch, tmp_path):
    given = {}

    def keep(self, **arguments):
        given.update(arguments)
        self.triggered = []

    monkeypatch.setattr(FakeAirflow, "__init__", keep)
    demo()
    assert given["environment"] == {
        "AIRFLOW_CONN_WAREHOUSE": f'{{"conn_type": "sqlite", "host": "{tmp_path}/.demo/warehouse.db"}}'
    }
    assert (given["home"], given["dags"]) == (tmp_path / ".demo" / "airflow", tmp_path / "dags")
