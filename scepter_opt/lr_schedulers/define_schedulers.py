"""Schedules that torch has no class for: none at all, and SCEPTER's polynomial."""

from __future__ import annotations

from dataclasses import dataclass

from ..fields import OptionalLength
from .base_scheduler import BaseScheduler, SchedulerConfig, TorchSchedulerConfig
from .registry import LR_SCHEDULERS


@LR_SCHEDULERS.register_class()
class NoneLR(BaseScheduler):
    """No schedule: every rate stays as it is."""

    target = "scepter_opt.runtime.scepter_schedulers.NoneLR"

    @dataclass(kw_only=True)
    class Config(SchedulerConfig):
        pass


@LR_SCHEDULERS.register_class()
class LinoPolyLR(BaseScheduler):
    """A polynomial from the full rate to 0, which then holds (SCEPTER)."""

    target = "scepter_opt.runtime.scepter_schedulers.LinoPolyLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        horizon = "END_EPOCH"
        END_EPOCH: OptionalLength = None
        """Ticks until the rate is 0; null takes the run's length from the call."""
        POWER: float = 1.0
        """Exponent of the polynomial."""
