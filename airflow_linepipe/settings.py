"""The ``[linepipe]`` section of Airflow's configuration, read when it is needed and never at import."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from airflow_linepipe.errors import SettingError
from airflow_linepipe.handoff import COMPRESSIONS, Compression, Patience, check_storage
from airflow_linepipe.plan import did_you_mean

__all__ = ["allow_pickle", "check_profile", "compression", "patience", "storage", "xcom_threshold"]

Number = TypeVar("Number", int, float)

_SECTION = "linepipe"
_OPTIONS = ("storage", "allow_pickle")


def storage() -> str:
    """``[linepipe] storage``, or the profile's: the URL below which artifacts are written.

    Raises:
        SettingError: There is no such profile.
    """
    from airflow.sdk import conf

    home = os.environ.get("AIRFLOW_HOME") or str(Path.home() / "airflow")
    url = _profile().get("storage", conf.get(_SECTION, "storage"))
    return str(url).replace("{AIRFLOW_HOME}", str(Path(home).expanduser()))


def allow_pickle() -> bool:
    """``[linepipe] allow_pickle``, or the profile's: whether pickles may be written and opened.

    Raises:
        SettingError: There is no such profile.
    """
    from airflow.sdk import conf

    return bool(_profile().get("allow_pickle", conf.getboolean(_SECTION, "allow_pickle")))


def compression() -> Compression | Literal["auto"]:
    """``[linepipe] compression``: how tables are compressed in storage.

    Raises:
        SettingError: It is none that there is.
    """
    from airflow.sdk import conf

    text = str(conf.get(_SECTION, "compression")).strip().lower()
    for known in COMPRESSIONS:
        if text == known:
            return known
    message = f"[linepipe] compression is '{text}': write {', '.join(COMPRESSIONS[:-1])} or {COMPRESSIONS[-1]}."
    raise SettingError(message)


def patience() -> Patience:
    """``[linepipe] storage_timeout`` and ``storage_attempts``: how long to wait for a storage, and how often to ask.

    Raises:
        SettingError: One of them is no such number.
    """
    return Patience(timeout=_number("storage_timeout", float), attempts=_number("storage_attempts", int))


def _number(option: str, kind: Callable[[str], Number]) -> Number:
    from airflow.sdk import conf

    text = str(conf.get(_SECTION, option))
    try:
        number = kind(text)
    except ValueError:
        number = kind("0")
    if not 0 < number < math.inf:
        message = f"[linepipe] {option} is '{text}': give it a number above 0."
        raise SettingError(message)
    return number


def xcom_threshold() -> int:
    """``[linepipe] xcom_threshold``: the most bytes of JSON that the XCom backend leaves in the database.

    Raises:
        SettingError: It is no number of bytes.
    """
    from airflow.sdk import conf

    text = str(conf.get(_SECTION, "xcom_threshold")).strip()
    if not text.isdecimal():
        message = f"[linepipe] xcom_threshold is '{text}': give it a number of bytes, 0 to store every value."
        raise SettingError(message)
    return int(text)


def check_profile() -> None:
    """Make sure that ``[linepipe] profile`` is one of ``[linepipe] profiles``, and that it can be used.

    Raises:
        SettingError: It is not, or its storage is no URL.
        StorageUnavailableError: The file system of its storage is not installed.
    """
    url = _profile().get("storage")
    if url is not None:
        check_storage(url)


def _profile() -> Mapping[str, Any]:
    """What the chosen profile sets; nothing if none is chosen."""
    from airflow.sdk import conf

    chosen = str(conf.get(_SECTION, "profile"))
    if not chosen:
        return {}
    profiles = _profiles(str(conf.get(_SECTION, "profiles")))
    if chosen not in profiles:
        hint = did_you_mean(chosen, profiles, otherwise=f"[linepipe] profiles has {', '.join(profiles) or 'none'}.")
        message = f"[linepipe] profile is '{chosen}', and there is no such profile: {hint}"
        raise SettingError(message)
    for option, value in profiles[chosen].items():
        expected = str if option == "storage" else bool
        if option not in _OPTIONS or not isinstance(value, expected):
            message = (
                f"[linepipe] profiles: '{chosen}' sets {option} to {value!r}: give storage a URL, or allow_pickle "
                "true or false."
            )
            raise SettingError(message)
    return profiles[chosen]


def _profiles(text: str) -> Mapping[str, Mapping[str, Any]]:
    try:
        profiles = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        message = f"[linepipe] profiles is no JSON: {error}."
        raise SettingError(message) from error
    if not isinstance(profiles, dict) or not all(isinstance(options, dict) for options in profiles.values()):
        message = f'[linepipe] profiles is {text}: write it as {{"dev": {{"storage": "file:///…"}}, …}}.'
        raise SettingError(message)
    return profiles
