"""What a user's own tests need."""

from __future__ import annotations

from airflow_linepipe.errors import StandaloneError
from airflow_linepipe.testing.records import DagRunRecord, TaskRecord, XComRecord
from airflow_linepipe.testing.standalone import StandaloneAirflow

__all__ = ["DagRunRecord", "StandaloneAirflow", "StandaloneError", "TaskRecord", "XComRecord"]
