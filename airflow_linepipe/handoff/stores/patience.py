"""How long to wait for a storage, and how often to ask it again."""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

__all__ = ["Patience"]

Result = TypeVar("Result")

# Of these errors of a disk or a network another attempt may know nothing any more. EREMOTEIO and EBUSY are what s3fs
# makes of InternalError and SlowDown.
_DISK: Final = ("EAGAIN", "EBUSY", "EINTR", "EIO", "EREMOTEIO", "ESTALE", "ETIMEDOUT")
_CONNECTION: Final = ("ECONNABORTED", "ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH", "EPIPE")
_PASSING: Final = frozenset(getattr(errno, name) for name in (*_DISK, *_CONNECTION) if hasattr(errno, name))
# Errors of the network that are no OSErrors, by the names of their classes.
_BOTOCORE: Final = ("HTTPClientError", "ResponseStreamingError", "IncompleteReadError")
_OTHER_CLIENTS: Final = ("ClientConnectionError", "ClientPayloadError", "TransportError")
_AZURE: Final = ("ServiceRequestError", "ServiceResponseError", "ServerError")
_NETWORK: Final = frozenset((*_BOTOCORE, *_OTHER_CLIENTS, *_AZURE))
# Botocore counts these among its HTTPClientErrors.
_LASTING: Final = frozenset(("SSLError", "ProxyConnectionError", "InvalidProxiesConfigError"))
_BYTES_A_SECOND: Final = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """When to give a request up, and when to try it again.

    Attributes:
        timeout: The seconds that a request may take, besides one for each MiB it moves.
        attempts: How often a request is tried at most.
        pause: The seconds before the second attempt, give or take a half; before each later one twice as many.
    """

    timeout: float = 60.0
    attempts: int = 4
    pause: float = 0.5

    def seconds(self, nbytes: int) -> float:
        """The seconds that a request of this size may take."""
        return self.timeout + nbytes / _BYTES_A_SECOND

    def call(self, request: Callable[[], Result]) -> Result:
        """Do a request, again and again as long as what fails may pass.

        Raises:
            FileNotFoundError: Nothing is there.
            PermissionError: It is not allowed.
            ConnectionError: The network failed each time, in a way of a library's own.
            OSError: The storage failed in another way.
        """
        for attempt in range(1, self.attempts + 1):
            try:
                return request()
            except Exception as error:  # each library has errors of its own
                if not _is_passing(error):
                    raise
                if attempt == self.attempts:
                    raise _builtin(error) from error
            time.sleep(self.pause * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311  (no secret)
        raise AssertionError


def _is_passing(error: Exception) -> bool:
    if isinstance(error, TimeoutError | ConnectionError):
        return True
    if isinstance(error, OSError):
        # s3fs makes an OSError of an answer that it has no errno for, such as one without a body.
        return error.errno in _PASSING
    names = {kind.__name__ for kind in type(error).__mro__}
    return not _NETWORK.isdisjoint(names) and _LASTING.isdisjoint(names)


def _builtin(error: Exception) -> OSError:
    if isinstance(error, TimeoutError) and not str(error):
        return TimeoutError("it did not answer in time")
    return error if isinstance(error, OSError) else ConnectionError(f"{type(error).__name__}: {error}")
