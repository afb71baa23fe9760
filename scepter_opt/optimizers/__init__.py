"""Optimizers: the registry, the base class, and one class per optimizer."""

from typing import TYPE_CHECKING, Any

from .base_optimizer import BaseOptimize, OptimizerConfig
from .registry import OPTIMIZERS

if TYPE_CHECKING:
    from .api import build_optimizer

__all__ = ["OPTIMIZERS", "BaseOptimize", "OptimizerConfig", "build_optimizer"]


def __getattr__(name: str) -> Any:
    # composing imports this package, and needs nothing that builds
    if name != "build_optimizer":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from .api import build_optimizer

    return build_optimizer
