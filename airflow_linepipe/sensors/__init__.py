"""Sensors: tasks that wait."""

from __future__ import annotations
