"""Checkpoints by name: what is saved finds its parameter, and where a config has changed a policy decides."""

from __future__ import annotations

from .api import load, restore, save, state
from .report import LoadReport

__all__ = ["LoadReport", "load", "restore", "save", "state"]
