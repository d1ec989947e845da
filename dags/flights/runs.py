"""Which month a run is about."""

from __future__ import annotations

_TOLD = (
    "triggering_asset_events.values() | sum(start=[]) | map(attribute='extra')"
    " | selectattr('month', 'string') | map(attribute='month') | list"
)
_DATE = "(dag_run.logical_date or dag_run.run_after).strftime('%Y-%m')"

MONTH = f"{{{{ params.month or ({_TOLD} + ['']) | max or {_DATE} }}}}"
"""A template: the run's param, the latest month that the events which started it tell of, or its date."""
