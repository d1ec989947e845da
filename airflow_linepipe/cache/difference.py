"""What has changed since a step was called last, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from airflow_linepipe.cache.ledger import Remembered
from airflow_linepipe.cache.recipe import BOUND, Recipe
from airflow_linepipe.handoff import Seal

__all__ = ["describe_changes"]

_MAX_CHANGES: Final = 4


def describe_changes(before: Remembered, recipe: Recipe, seal: Seal) -> str:
    """What of a recipe differs from what a step was made of, in a few words and with the run of then.

    Args:
        before: What it was made of.
        recipe: What it is made of now.
        seal: What has blinded the digests.
    """
    changes = list(_changes(before, recipe, seal))
    if changes != [f"{BOUND} changed"]:
        changes = [change for change in changes if not change.startswith(BOUND)]
    changes = changes or ["the order of what it is made of changed"]
    if len(changes) > _MAX_CHANGES:
        changes[_MAX_CHANGES:] = [f"{len(changes) - _MAX_CHANGES} more"]
    return f"{', '.join(changes)} (run {before.run_id})"


def _changes(before: Remembered, recipe: Recipe, seal: Seal) -> Iterator[str]:
    for name, ingredient in recipe.ingredients.items():
        if name not in before.ingredients:
            yield f"{name} is new"
            continue
        digest, shown = before.ingredients[name]
        if seal.blind(ingredient.digest) != digest:
            told = shown and ingredient.shown and shown != ingredient.shown
            yield f"{name} {shown} → {ingredient.shown}" if told else f"{name} changed"
    for name in before.ingredients:
        if name not in recipe.ingredients:
            yield f"{name} is gone"
