"""The year: twelve months of flights through the three DAGs on a real Airflow, and the same without Airflow."""

from __future__ import annotations
