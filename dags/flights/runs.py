"""Which month a run is about."""

from __future__ import annotations

MONTH = (
    "{{ params.month or (triggering_asset_events.values() | sum(start=[]) | map(attribute='extra.month') | list"
    " + ['']) | max or (dag_run.logical_date or dag_run.run_after).strftime('%Y-%m') }}"
)
"""A template: the run's param, the latest month that the events which started it tell of, or its date."""
