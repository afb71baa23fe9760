"""Optimizers: the registry, the base class, and one class per optimizer."""

from .base_optimizer import BaseOptimize, OptimizerConfig
from .registry import OPTIMIZERS, build_optimizer

__all__ = ["OPTIMIZERS", "BaseOptimize", "OptimizerConfig", "build_optimizer"]
