from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from airflow_linepipe.testing import warden
from airflow_linepipe.testing.process import WardedProcess
from airflow_linepipe.testing.rest import StandaloneError

# A stubborn child, an orphan in a session of its own, and a child in a group of its own.
FAMILY = """
import signal, subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)"
subprocess.Popen([sys.executable, "-c", stubborn + "; time.sleep(600)"], stdout=subprocess.PIPE).stdout.readline()
orphan = f"import subprocess; subprocess.Popen({sleep!r}, start_new_session=True)"
subprocess.run([sys.executable, "-c", orphan], check=True)
subprocess.Popen(sleep, process_group=0)
print("family is complete", flush=True)
time.sleep(600)
"""


def start(log_file: Path, program: str, *, grace: float = 0.5) -> WardedProcess:
    return WardedProcess([sys.executable, "-c", program], environment=os.environ, log_file=log_file, grace=grace)


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not (result := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return result


def raised_by(process: WardedProcess) -> str:
    try:
        process.check()
    except StandaloneError as error:
        return str(error)
    return ""


@pytest.fixture
def family(tmp_path):
    log = tmp_path / "log"
    process = start(log, FAMILY)
    wait_until(lambda: "family is complete" in log.read_text())
    assert len(warden.find_members(process.session)) == 4
    yield process
    process.stop()


def test_stopping_ends_children_in_other_groups_and_sessions_and_those_that_ignore_it(family):
    began = time.monotonic()
    family.stop()
    assert warden.find_members(family.session) == ()
    assert 0.5 < time.monotonic() - began < 5


def test_stopping_twice_is_no_error(family):
    family.stop()
    family.stop()


def test_stopping_does_not_wait_for_a_fork_that_holds_the_pipe_open(family):
    fork = os.fork()
    if fork == 0:
        time.sleep(30)
        os._exit(0)
    began = time.monotonic()
    family.stop()
    assert time.monotonic() - began < 10
    os.kill(fork, signal.SIGKILL)
    os.waitpid(fork, 0)


def test_a_polite_program_is_not_killed(tmp_path):
    log = tmp_path / "log"
    program = (
        "import signal, sys, time\n"
        "def leave(*_):\n    time.sleep(0.3); print('good bye', flush=True); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, leave); print('ready', flush=True); time.sleep(600)"
    )
    process = start(log, program, grace=10)
    wait_until(lambda: "ready" in log.read_text())
    began = time.monotonic()
    process.stop()
    assert "good bye" in log.read_text()
    assert time.monotonic() - began < 5


def test_nothing_is_left_when_the_owner_is_killed(tmp_path):
    owner = (
        "import os, sys, time\nfrom pathlib import Path\nfrom airflow_linepipe.testing.process import WardedProcess\n"
        f"process = WardedProcess([sys.executable, '-c', {FAMILY!r}], environment=os.environ, "
        f"log_file=Path({str(tmp_path / 'log')!r}), grace=0.5)\n"
        "print(process.session, flush=True)\ntime.sleep(600)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", owner], stdout=subprocess.PIPE, env=environment) as killed:
        session = int(killed.stdout.readline())
        wait_until(lambda: len(warden.find_members(session)) == 4)
        killed.kill()
    wait_until(lambda: warden.find_members(session) == ())


def test_nothing_is_left_when_the_warden_is_killed(family):
    in_session = {member.pid for member in warden.find_members(family.session)}
    os.kill(family.session, signal.SIGKILL)
    wait_until(lambda: raised_by(family))
    orphans = in_session - {member.pid for member in warden.find_members(family.session)}
    family.stop()
    assert warden.find_members(family.session) == ()
    for pid in orphans:  # out of reach: in a session of its own, and its only link to us was the warden
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("program", "status"),
    [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)],
    ids=["status", "signal"],
)
def test_a_program_that_ends_by_itself_is_an_error_with_its_status_and_log(tmp_path, program, status):
    process = start(tmp_path / "log", f"print('last words', flush=True); {program}")
    assert wait_until(lambda: raised_by(process)).startswith(f"Airflow ended by itself with exit status {status}. ")
    assert raised_by(process).endswith(f"The end of {tmp_path / 'log'}:\nlast words")
    process.stop()


def test_a_program_that_does_not_exist_is_an_error(tmp_path):
    process = WardedProcess([str(tmp_path / "no")], environment=os.environ, log_file=tmp_path / "log", grace=1)
    assert "FileNotFoundError" in wait_until(lambda: raised_by(process))
    process.stop()


def test_a_part_of_the_program_that_ends_unnoticed_ends_the_rest(tmp_path):
    program = "import subprocess, time; part = subprocess.Popen(['true']); time.sleep(600)"
    process = start(tmp_path / "log", program)
    assert "a part of the program ended by itself" in wait_until(lambda: raised_by(process))
    assert warden.find_members(process.session) == ()
    process.stop()


def test_a_signal_to_the_warden_stops_everything(family):
    os.kill(family.session, signal.SIGTERM)
    assert "exit status 143" in wait_until(lambda: raised_by(family))
    assert warden.find_members(family.session) == ()


def test_processes_are_found_without_proc_too():
    here = warden._list_processes_by_ps()[os.getpid()]
    assert here.parent == os.getppid()
    assert warden._list_processes()[os.getpid()].parent == os.getppid()
