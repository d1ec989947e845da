"""Node functions, bindings and runs for the tests of the library half."""

from __future__ import annotations

from airflow_linepipe.plan import ArtifactBinding, GivenBinding
from airflow_linepipe.runtime import run_plan


def load(*values):
    return values


def clean(*values):
    return values


def fit(*values):
    return values


def save(*values):
    return None


def made(producer, name):
    return ArtifactBinding(producer=producer, name=name)


def from_outside(name):
    return GivenBinding(name=name)


def ran(plan, *, given, outputs=None):
    """Name and value of everything that leaves a plan, as soon as it is made."""
    for step in run_plan(plan, given=given, outputs=outputs):
        yield from step.outputs.items()
