"""What signs the records that are believed: an Airflow Variable."""

from __future__ import annotations

import secrets
import time
from typing import Final

from airflow.sdk import Variable

__all__ = ["SECRET_VARIABLE", "known_secret", "signing_secret"]

# Airflow masks what has "secret" in its name.
SECRET_VARIABLE: Final = "linepipe_cache_secret"  # noqa: S105  (its name)
# Longer than another task needs from finding none to having set its own.
_PAUSE: Final = 1.0


def signing_secret() -> str:
    """The secret, made when it is first needed."""
    found = known_secret()
    if not found:
        Variable.set(
            SECRET_VARIABLE,
            secrets.token_urlsafe(32),
            description="Signs the records of airflow-linepipe: those signed otherwise are not believed.",
        )
        # Of two tasks that make one at once, the later one's stays; what the other would sign is not believed.
        time.sleep(_PAUSE)
        found = str(Variable.get(SECRET_VARIABLE))
    return found


def known_secret() -> str:
    """The secret, or "" as long as nobody has signed anything."""
    return str(Variable.get(SECRET_VARIABLE, default=None) or "")
