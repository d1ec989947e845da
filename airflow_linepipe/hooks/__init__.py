"""From Airflow's connections, settings and context to the library's exchange."""

from __future__ import annotations
