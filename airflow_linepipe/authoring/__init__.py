"""A whole pipeline as a task group or a DAG."""

from __future__ import annotations
