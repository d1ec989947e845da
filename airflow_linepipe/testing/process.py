"""A program that runs until it is stopped, and of which nothing is left then."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from airflow_linepipe.errors import StandaloneError
from airflow_linepipe.testing import warden

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["WardedProcess"]

_POLL_SECONDS = 0.1
_KILL_SECONDS = 10.0
_TAIL_LINES = 40


class WardedProcess:
    """A program under a warden (see `warden`), from its start on.

    Args:
        command: The program's path and its arguments.
        environment: Its environment variables.
        log_file: Where everything it prints goes; overwritten.
        grace: Seconds between SIGTERM and SIGKILL when it is stopped.
    """

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str], log_file: Path, grace: float) -> None:
        self._log_file = log_file
        with log_file.open("wb") as log:
            # Should Ctrl-C come before this returns, the pipe is closed with the lost object, and the warden sees it.
            self._warden = subprocess.Popen(  # noqa: S603
                [sys.executable, warden.__file__, str(grace), *command],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C in a terminal reaches the caller only, who decides to stop.
                start_new_session=True,
            )

    @property
    def session(self) -> int:
        """The id of the session that the program and its warden are in."""
        return self._warden.pid

    def check(self) -> None:
        """Raise if the program has ended.

        Raises:
            StandaloneError: With the exit status and the end of the log.
        """
        status = self._warden.poll()
        if status is not None:
            msg = f"Airflow ended by itself with exit status {status}. {self.tail()}"
            raise StandaloneError(msg)

    def tail(self) -> str:
        """Return the end of the log, below a line that says where it is from."""
        lines = self._log_file.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        return f"The end of {self._log_file}:\n" + "\n".join(lines)

    def stop(self) -> None:
        """End the program and everything it started.

        Raises:
            StandaloneError: If something is left that cannot be ended.
        """
        # A fork of this process that still runs would hold the pipe open, so the signal comes first. From then on the
        # warden needs nobody, should a second Ctrl-C come here.
        self._warden.terminate()
        self._warden.communicate()
        if self._warden.returncode >= 0 and self._warden.returncode != warden.LEFTOVERS:
            return
        # The warden was killed, or could not do it.
        deadline = time.monotonic() + _KILL_SECONDS
        while leftovers := warden.kill_members(self.session):
            if time.monotonic() > deadline:
                msg = f"Airflow was stopped, but these processes could not be ended: {leftovers}."
                raise StandaloneError(msg)
            time.sleep(_POLL_SECONDS)
