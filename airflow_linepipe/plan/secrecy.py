"""Which values must not be shown: they look like a secret, by their name or by a login in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["looks_secret"]

_NAME: Final = re.compile(
    r"(^|[._])(pwd|pass|pass(word|wd|phrase)|credentials?|auth(orization)?|secret|token|(api|private|access)_?key|"
    r"keyfile_dict)($|[._])|pass(word|wd|phrase)|secret|token",
    re.IGNORECASE,
)
# A login in a URL, or a "password=…" in one or in a DSN.
_TEXT: Final = re.compile(r"://[^/\s]*@|\b(pass\w*|pwd|token|sig|signature|secret|\w*key)\s*=", re.IGNORECASE)


def looks_secret(name: str, value: Any) -> bool:
    """Whether a value must not be shown.

    Args:
        name: The name under which a node reads it, such as "config.db.password".
        value: Plain JSON; of lists and mappings each item counts.
    """
    if _NAME.search(name):
        return True
    if isinstance(value, Mapping):
        return any(looks_secret(str(key), item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return any(looks_secret("", item) for item in value)
    return isinstance(value, str) and bool(_TEXT.search(value))
