"""Operators that run linepipe nodes."""

from __future__ import annotations
