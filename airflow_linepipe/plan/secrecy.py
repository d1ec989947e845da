"""Which values must not be shown: they look like a secret, by their name or by a login in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
        value: Plain JSON; of lists each item counts.
    """
    return bool(_NAME.search(name)) or any(_TEXT.search(text) for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
