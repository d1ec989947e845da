"""WHAT a function and a value are: equal texts for those that do the same (for the cache)."""

from __future__ import annotations

from airflow_linepipe.fingerprint.fingerprint import Fingerprint, fingerprint_function, fingerprint_value
from airflow_linepipe.fingerprint.origin import package_version

__all__ = ["Fingerprint", "fingerprint_function", "fingerprint_value", "package_version"]
