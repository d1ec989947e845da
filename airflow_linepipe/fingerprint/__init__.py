"""WHAT a function is: its code and everything of its author's own that it reaches, as one short text."""

from __future__ import annotations

from airflow_linepipe.fingerprint.function import FunctionFingerprint, fingerprint_function

__all__ = ["FunctionFingerprint", "fingerprint_function"]
