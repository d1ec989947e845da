"""Node functions and bindings for the tests of the plan."""

from __future__ import annotations

from airflow_linepipe.plan import ArtifactBinding


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
