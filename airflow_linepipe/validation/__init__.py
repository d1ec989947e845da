"""WHETHER data is as expected: Great Expectations on a table in memory, in a database, or by a checkpoint."""

from __future__ import annotations

from airflow_linepipe.validation.checkpoint import validate_checkpoint
from airflow_linepipe.validation.database import validate_table
from airflow_linepipe.validation.expectations import Expectations, check_expectations
from airflow_linepipe.validation.file import FileKind, kind_of, read_table
from airflow_linepipe.validation.frame import validate_frame
from airflow_linepipe.validation.outcome import ExpectationOutcome, Outcome
from airflow_linepipe.validation.report import report_html
from airflow_linepipe.validation.severity import SEVERITIES, Severity
from airflow_linepipe.validation.split import split_rows
from airflow_linepipe.validation.suite import as_suite

__all__ = [
    "SEVERITIES",
    "ExpectationOutcome",
    "Expectations",
    "FileKind",
    "Outcome",
    "Severity",
    "as_suite",
    "check_expectations",
    "kind_of",
    "read_table",
    "report_html",
    "split_rows",
    "validate_checkpoint",
    "validate_frame",
    "validate_table",
]
