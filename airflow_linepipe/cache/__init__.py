"""WHICH results of earlier runs are taken, and why the others are not."""

from __future__ import annotations

from airflow_linepipe.cache.eviction import evict
from airflow_linepipe.cache.explanation import Explanation, read_explanations
from airflow_linepipe.cache.ledger import Entry, Ledger
from airflow_linepipe.cache.policy import Cache, CacheMode, as_cache, check_ignored, part_caches
from airflow_linepipe.cache.recall import Recalled, TaskCache
from airflow_linepipe.cache.recipe import Ingredient, Recipe, identify, recipes_of
from airflow_linepipe.handoff import Seal

__all__ = [
    "Cache",
    "CacheMode",
    "Entry",
    "Explanation",
    "Ingredient",
    "Ledger",
    "Recalled",
    "Recipe",
    "Seal",
    "TaskCache",
    "as_cache",
    "check_ignored",
    "evict",
    "identify",
    "part_caches",
    "read_explanations",
    "recipes_of",
]
