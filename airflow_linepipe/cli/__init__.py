"""The command ``airflow-linepipe``."""

from __future__ import annotations

from airflow_linepipe.cli.command import main

__all__ = ["main"]
