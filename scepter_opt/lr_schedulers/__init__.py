"""Schedulers: the registry, the base class, and one class per scheduler."""

from .base_scheduler import BaseScheduler, SchedulerConfig
from .registry import LR_SCHEDULERS, build_lr_scheduler

__all__ = ["LR_SCHEDULERS", "BaseScheduler", "SchedulerConfig", "build_lr_scheduler"]
