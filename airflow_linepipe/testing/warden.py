"""Run a program for exactly as long as its owner lives, and leave nothing behind.

Started as a script, in a session of its own, with a pipe as standard input::

    python warden.py GRACE PROGRAM [ARGUMENT …]

The owner holds the pipe's other end. When that end closes, on purpose or because
the owner was killed, the warden ends the program and everything the program has
started: processes in other groups, in other sessions, and orphans alike. It does
the same when the program, or a process that it started directly, ends by itself.

Only the standard library, and no import of this package: it has to start at once.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["LEFTOVERS", "ProcessRecord", "find_members", "kill_members"]

LEFTOVERS = 70
"""Exit status when a process could not be ended even by SIGKILL."""

_SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of linux/prctl.h
_POLL_SECONDS = 0.25
_END_POLL_SECONDS = 0.05
_KILL_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessRecord:
    """What the operating system says about one process.

    Attributes:
        pid: Its id.
        parent: The id of its parent.
        state: One letter as in ``ps``; "Z" has ended and waits for its parent to notice.
        name: The program's name, cut to 15 characters on Linux.
    """

    pid: int
    parent: int
    state: str
    name: str


def _list_processes() -> dict[int, ProcessRecord]:
    """Return every process of the machine that can be seen, by id."""
    if not Path("/proc/self/stat").exists():
        return _list_processes_by_ps()
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it ended in between
                head, _, tail = (folder / "stat").read_text(errors="replace").rpartition(")")
                state, parent = tail.split()[:2]
                pid, _, name = head.partition(" (")
                found[int(pid)] = ProcessRecord(pid=int(pid), parent=int(parent), state=state, name=name)
    return found


def _list_processes_by_ps() -> dict[int, ProcessRecord]:
    """Return what `_list_processes` returns on systems without /proc, such as macOS."""
    command = ["/bin/ps", "-axo", "pid=,ppid=,state=,comm="]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()  # noqa: S603
    found = {}
    for line in lines:
        pid, parent, state, name = line.split(maxsplit=3)
        found[int(pid)] = ProcessRecord(pid=int(pid), parent=int(parent), state=state[0], name=name)
    return found


def _is_in_session(pid: int, session: int) -> bool:
    try:
        return os.getsid(pid) == session
    except OSError:
        return False


def find_members(warden: int) -> tuple[ProcessRecord, ...]:
    """Return the living processes that belong to a warden, itself excluded.

    Args:
        warden: The warden's process id, which is also the id of its session. It may have ended.

    Returns:
        Its descendants, in whatever session, and the members of its session, by id.
    """
    processes = _list_processes()

    def descends(process: ProcessRecord | None) -> bool:
        while process is not None and process.pid != process.parent:
            if process.parent == warden:
                return True
            process = processes.get(process.parent)
        return False

    return tuple(
        process
        for pid, process in sorted(processes.items())
        if pid != warden and process.state != "Z" and (descends(process) or _is_in_session(pid, warden))
    )


def kill_members(warden: int) -> tuple[ProcessRecord, ...]:
    """Send SIGKILL to the processes that belong to a warden and return them."""
    members = find_members(warden)
    for member in members:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(member.pid, signal.SIGKILL)
    return members


def _adopt_orphans() -> None:
    """Make orphaned descendants children of this process instead of init's."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap() -> tuple[dict[int, int], bool]:
    """Bury every child that has ended; return their exit statuses by id, and whether there are others."""
    ended: dict[int, int] = {}
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return ended, True
            ended[pid] = os.waitstatus_to_exitcode(status)
    except ChildProcessError:
        return ended, False


def _find_dead_parts(program: int) -> set[int]:
    """Return the direct children of the program that ended without the program noticing."""
    return {process.pid for process in _list_processes().values() if process.parent == program and process.state == "Z"}


def _end(group: int, grace: float) -> bool:
    """End the program's group politely, and whatever is left after the grace time with SIGKILL."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
    polite = time.monotonic() + grace
    final = polite + _KILL_SECONDS
    while True:
        # A subreaper without children has no descendants either: that, and not a list of processes, is the proof.
        has_children = _reap()[1]
        members = find_members(os.getpid())
        if not members and not has_children:
            return True
        if time.monotonic() > final:
            sys.stderr.write(f"warden: still there after SIGKILL: {members}\n")
            return False
        if time.monotonic() > polite:
            kill_members(os.getpid())
        time.sleep(_END_POLL_SECONDS)


def _watch(program: int, asked_to_stop: Sequence[int]) -> int:
    """Wait until the owner is gone, a signal came or the program ended; return the exit status."""
    dead_before: set[int] = set()
    while not asked_to_stop:
        # Nobody ever writes to the pipe: readable means that its other end is closed.
        if select.select([sys.stdin], [], [], _POLL_SECONDS)[0]:
            return 0
        status = _reap()[0].get(program)
        if status is not None:
            return status if status >= 0 else 128 - status
        dead = _find_dead_parts(program)
        # Twice in a row: a program that looks after its children buries them between two looks.
        if dead & dead_before:
            sys.stderr.write("warden: a part of the program ended by itself, so the rest is stopped\n")
            return 1
        dead_before = dead
    return 128 + asked_to_stop[0]


def _main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    grace, command = float(arguments[0]), list(arguments[1:])
    asked_to_stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: asked_to_stop.append(received))
    _adopt_orphans()
    program = os.posix_spawn(
        command[0],
        command,
        environment,
        setpgroup=0,
        file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
    )
    status = 1
    try:
        status = _watch(program, asked_to_stop)
    finally:
        ended = _end(program, grace)
    return status if ended else LEFTOVERS


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:], os.environ))
