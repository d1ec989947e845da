from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from airflow_linepipe.errors import LinepipeError
from airflow_linepipe.testing import StandaloneAirflow, StandaloneError
from airflow_linepipe.testing.warden import find_members

pytestmark = pytest.mark.airflow_server

DAGS = """
from __future__ import annotations

import os
import subprocess
import time

from airflow.sdk import dag, get_current_context, task


@dag(schedule=None)
def tiny():
    @task
    def greet():
        print("hello from the task")
        return {"word": "grüße", "conf": get_current_context()["dag_run"].conf}

    @task
    def measure(greeting):
        return len(greeting["word"])

    @task
    def times(factor, length):
        return factor * length

    times.partial(length=measure(greet())).expand(factor=[1, 2])


@dag(schedule=None)
def failing():
    @task
    def boom():
        try:
            {}["key"]
        except KeyError as error:
            raise ValueError("the wheels came off") from error

    @task
    def after(value):
        return value

    after(boom())


@dag(schedule=None)
def sleepy():
    @task
    def nap():
        detached = subprocess.Popen(["sleep", "600"], start_new_session=True)
        with open(os.environ["PIDS"], "w") as file:
            file.write(f"{os.getpid()} {detached.pid}")
        time.sleep(600)

    nap()


@dag(schedule=None)
def environment():
    @task
    def names():
        return {name: os.environ.get(name) for name in ("AIRFLOW_VAR_AMBIENT", "AIRFLOW_VAR_GIVEN", "AMBIENT")}

    names()


tiny(), failing(), sleepy(), environment()
"""


@pytest.fixture(scope="module")
def dags(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dags")
    (folder / "several.py").write_text(DAGS)
    return folder


@pytest.fixture(scope="module")
def airflow(tmp_path_factory, dags):
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_VAR_AMBIENT", "leaked")
        patch.setenv("AIRFLOW__CORE__EXECUTOR", "no.such.Executor")
        patch.setenv("AMBIENT", "passed on")
        environment = {"AIRFLOW_VAR_GIVEN": "given", "PIDS": str(home / "pids")}
        with StandaloneAirflow(home=home, dags=dags, environment=environment, parallelism=2) as server:
            server.wait_for_dag("tiny", timeout=60)
            yield server


@pytest.fixture(scope="module")
def tiny_run(airflow):
    """A run of the DAG "tiny" that is over, and what its progress looked like."""
    progress = []
    run_id = airflow.trigger("tiny", conf={"month": "2013-01"})
    run = airflow.wait("tiny", run_id, timeout=90, on_progress=progress.append)
    return run, progress


@pytest.fixture(scope="module")
def failed_run(airflow):
    return airflow.wait("failing", airflow.trigger("failing"), timeout=90)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def is_listening(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as client:
        return client.connect_ex((address.hostname, address.port)) == 0


def wait_until(condition, *, seconds: float):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not so within {seconds} s"
        time.sleep(0.2)
    return result


def test_a_run_is_triggered_and_waited_for(tiny_run):
    run, _ = tiny_run
    assert run.state == "success"
    assert run.is_finished
    assert run.seconds == pytest.approx((run.end - run.start).total_seconds())
    assert run.queued <= run.start <= run.end


def test_tasks_are_listed_in_the_order_in_which_they_started(airflow, tiny_run):
    tasks = airflow.tasks("tiny", tiny_run[0].run_id)
    assert [task.label for task in tasks[:2]] == ["greet", "measure"]
    assert {task.label for task in tasks[2:]} == {"times[0]", "times[1]"}
    assert {(task.state, task.try_number) for task in tasks} == {("success", 1)}
    assert all(task.seconds > 0 and task.start < task.end for task in tasks)


def test_progress_is_told_until_the_run_is_over(tiny_run):
    _, progress = tiny_run
    assert len(progress) > 1
    assert {task.state for task in progress[-1]} == {"success"}


def test_an_xcom_is_the_json_value_that_the_task_returned(airflow, tiny_run):
    greeting = {"word": "grüße", "conf": {"month": "2013-01"}}
    assert airflow.xcom("tiny", tiny_run[0].run_id, "greet") == greeting
    assert airflow.xcom("tiny", tiny_run[0].run_id, "times", map_index=1) == 10


def test_a_missing_xcom_is_an_error_that_names_it(airflow, tiny_run):
    with pytest.raises(StandaloneError, match=r"404 Not Found.*nothing"):
        airflow.xcom("tiny", tiny_run[0].run_id, "greet", "nothing")


def test_all_xcoms_of_a_run_are_listed(airflow, tiny_run):
    xcoms = airflow.xcoms("tiny", tiny_run[0].run_id)
    values = {(xcom.task_id, xcom.map_index, xcom.key): xcom.value for xcom in xcoms}
    assert values["measure", -1, "return_value"] == 5
    assert values["times", 0, "return_value"] == 5
    assert values["times", 1, "return_value"] == 10
    assert len(values) == 4


def test_a_log_is_text_without_the_lines_that_only_fold_it(airflow, tiny_run):
    log = airflow.log("tiny", tiny_run[0].run_id, "greet")
    # What a task prints comes through a pipe of its own: its line may be the last one.
    assert [line for line in log.splitlines() if line.endswith(" INFO     hello from the task")]
    assert "::group::" not in log


def test_a_failing_dag_is_reported_as_failed(airflow, failed_run):
    assert failed_run.state == "failed"
    states = {task.task_id: task.state for task in airflow.tasks("failing", failed_run.run_id)}
    assert states == {"boom": "failed", "after": "upstream_failed"}


def test_the_log_of_a_failed_task_ends_with_its_traceback(airflow, failed_run):
    log = airflow.log("failing", failed_run.run_id, "boom")
    cause, _, error = log.partition("The above exception was the direct cause of the following exception:")
    assert "KeyError: 'key'" in cause
    assert 'raise ValueError("the wheels came off") from error' in error
    assert error.splitlines()[-1] == "ValueError: the wheels came off"


def test_a_run_that_takes_too_long_is_an_error_that_says_what_is_still_to_do(airflow):
    run_id = airflow.trigger("sleepy", run_id="too_long")
    with pytest.raises(StandaloneError, match=r"'too_long'.*'sleepy' is still running after 2 s.*nap \(\w"):
        airflow.wait("sleepy", run_id, timeout=2)
    assert airflow.fail_unfinished_runs("sleepy") == ("too_long",)
    assert airflow.run("sleepy", run_id).state == "failed"


def test_triggering_an_unknown_dag_says_so(airflow):
    with pytest.raises(StandaloneError, match=r"404 Not Found.*'nowhere' not found") as caught:
        airflow.trigger("nowhere")
    assert isinstance(caught.value, LinepipeError)


def test_the_callers_airflow_settings_do_not_leak(airflow):
    run = airflow.wait("environment", airflow.trigger("environment"), timeout=90)
    assert airflow.xcom("environment", run.run_id, "names") == {
        "AIRFLOW_VAR_AMBIENT": None,
        "AIRFLOW_VAR_GIVEN": "given",
        "AMBIENT": "passed on",
    }


def test_the_command_line_works_on_the_same_airflow(airflow):
    outcome = airflow.run_cli("dags", "trigger", "tiny", "--conf", json.dumps({"by": "cli"}), "--run-id", "by_cli")
    assert outcome.returncode == 0, outcome.stderr
    assert airflow.wait("tiny", "by_cli", timeout=90).state == "success"


def test_a_failing_command_is_returned_with_what_it_said(airflow):
    outcome = airflow.run_cli("dags", "trigger", "nowhere")
    assert outcome.returncode != 0
    assert "nowhere" in outcome.stdout + outcome.stderr


def test_new_files_and_their_import_errors_are_seen_within_seconds(airflow, dags):
    broken = dags / "broken.py"
    broken.write_text("import airflow, no_such_module  # a dag")
    try:
        errors = wait_until(airflow.import_errors, seconds=20)
        assert list(errors) == ["broken.py"]
        assert "No module named 'no_such_module'" in errors["broken.py"]
        with pytest.raises(StandaloneError, match=r"broken\.py cannot be imported"):
            airflow.wait_for_dag("late", timeout=60, tolerant=False)
        broken.write_text("from airflow.sdk import DAG\nwith DAG('late', schedule=None): pass")
        airflow.wait_for_dag("late", timeout=20)
        assert airflow.import_errors() == {}
    finally:
        broken.unlink()


def test_nothing_is_left_when_an_exception_leaves_the_block(tmp_path, dags):
    pids = tmp_path / "pids"
    server = StandaloneAirflow(home=tmp_path / "home", dags=dags, environment={"PIDS": str(pids)}, parallelism=1)
    with pytest.raises(LookupError, match="mine"), server:
        url, session = server.url, server._process.session
        server.wait_for_dag("sleepy", timeout=60)
        server.trigger("sleepy")
        task, detached = map(int, wait_until(lambda: pids.exists() and pids.read_text(), seconds=60).split())
        assert is_listening(url)
        assert is_alive(task)
        assert os.getsid(detached) != session
        message = "mine"
        raise LookupError(message)
    assert find_members(session) == ()
    assert not is_alive(task)
    assert not is_alive(detached)
    assert not is_listening(url)
    with pytest.raises(StandaloneError, match="not running"):
        server.tasks("sleepy", "any")


@pytest.fixture
def python_hears_ctrl_c():
    """A shell's background jobs ignore it, and so would Python."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("python_hears_ctrl_c")
def test_nothing_is_left_when_ctrl_c_comes_while_it_starts(tmp_path, dags):
    server = StandaloneAirflow(home=tmp_path, dags=dags)
    sessions = []

    def interrupt():
        wait_until(lambda: server._process and len(find_members(server._process.session)) > 1, seconds=60)
        sessions.append(server._process.session)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt), server:
        pytest.fail("it must not get as far as this")
    thread.join()
    assert find_members(sessions[0]) == ()


def test_an_airflow_that_cannot_start_is_an_error_with_the_end_of_its_log(tmp_path, dags):
    environment = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "garbage://"}
    server = StandaloneAirflow(home=tmp_path, dags=dags, environment=environment, startup_timeout=100)
    began = time.monotonic()
    with (
        pytest.raises(
            StandaloneError, match=r"ended by itself with exit status 1\. (?s:.*)sqlalchemy.dialects:garbage"
        ),
        server,
    ):
        pytest.fail("it must not get as far as this")
    assert time.monotonic() - began < 30
    assert server._process is None


def test_an_airflow_that_is_not_up_in_time_is_an_error_that_says_what_is_missing(tmp_path, dags):
    server = StandaloneAirflow(home=tmp_path, dags=dags, startup_timeout=1)
    with pytest.raises(StandaloneError, match=r"not become healthy in 1 s; still waiting for the api-server\."), server:
        pytest.fail("it must not get as far as this")
