"""Triggers: what waits in the triggerer, for sensors and for assets."""

from __future__ import annotations
