"""What stays in a storage and what goes: a policy, what claims that artifacts stay, and the collection itself."""

from __future__ import annotations

from airflow_linepipe.handoff.retention.claims import claim_publication, claim_use
from airflow_linepipe.handoff.retention.collection import Collected, collect
from airflow_linepipe.handoff.retention.decision import Removal, Temporaries
from airflow_linepipe.handoff.retention.policy import Retention
from airflow_linepipe.handoff.retention.survey import StoredRun

__all__ = [
    "Collected",
    "Removal",
    "Retention",
    "StoredRun",
    "Temporaries",
    "claim_publication",
    "claim_use",
    "collect",
]
