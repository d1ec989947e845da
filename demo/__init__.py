"""The demo: two months of flights through a linepipe pipeline, on a real Airflow."""

from __future__ import annotations
