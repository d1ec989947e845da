"""The ``[linepipe]`` section of Airflow's configuration, read when it is needed and never at import."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["allow_pickle", "storage"]

_SECTION = "linepipe"


def storage() -> str:
    """``[linepipe] storage``: the URL below which artifacts are written."""
    from airflow.sdk import conf

    home = os.environ.get("AIRFLOW_HOME") or str(Path.home() / "airflow")
    return str(conf.get(_SECTION, "storage")).replace("{AIRFLOW_HOME}", str(Path(home).expanduser()))


def allow_pickle() -> bool:
    """``[linepipe] allow_pickle``: whether pickles may be written and opened."""
    from airflow.sdk import conf

    return bool(conf.getboolean(_SECTION, "allow_pickle"))
