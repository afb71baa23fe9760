"""Configurations of others as nodes of this package."""

from .api import convert
from .result import Conversion

__all__ = ["Conversion", "convert"]
