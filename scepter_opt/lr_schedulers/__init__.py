"""Schedulers: the registry, the base class, and one class per scheduler."""

from typing import TYPE_CHECKING, Any

from .base_scheduler import BaseScheduler, SchedulerConfig
from .registry import LR_SCHEDULERS

if TYPE_CHECKING:
    from .api import build_lr_scheduler

__all__ = ["LR_SCHEDULERS", "BaseScheduler", "SchedulerConfig", "build_lr_scheduler"]


def __getattr__(name: str) -> Any:
    # composing imports this package, and needs nothing that builds
    if name != "build_lr_scheduler":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from .api import build_lr_scheduler

    return build_lr_scheduler
