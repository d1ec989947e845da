"""One at a time: who needs what somebody else is already making waits for it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

__all__ = ["alone"]

_FILE: Final = "file://"
# What file systems say that have none.
_WITHOUT_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP})

_held: set[int] = set()


def _let_go() -> None:
    """A child that was forked off would keep the locks, and for longer than its parent lives."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


@contextmanager
def alone(uri: str) -> Iterator[bool]:
    """Hold a lock until the ``with`` ends or the process does.

    Args:
        uri: The lock's file. Only a file system has locks: elsewhere everybody goes on at once.

    Yields:
        Whether somebody else has held it meanwhile: what was to be made may be there now.
    """
    path = Path(uri.removeprefix(_FILE))
    if not uri.startswith(_FILE) or os.name != "posix":
        yield False
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor, has_waited = _lock(path)
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise
        yield False
        return
    _held.add(descriptor)
    try:
        yield has_waited
    finally:
        _held.discard(descriptor)
        # Removed while it is held: who waits for it sees that it is another one, and begins again.
        with suppress(FileNotFoundError):
            path.unlink()
        with suppress(OSError):  # closed, in a child
            os.close(descriptor)


def _lock(path: Path) -> tuple[int, bool]:
    import fcntl

    has_waited = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            has_waited = True
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_at(descriptor, path):
            return descriptor, has_waited
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
