"""The base of every scheduler: its Config's keys become torch's keywords, in one place for all."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from ..components.component import Component
from ..config.base import Config
from ..config.fields import As, Bounds, Length
from ..errors import ConfigError, Problem

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from typing_extensions import Self

    from ..schedules.horizon import Horizon


class Interval(str, enum.Enum):
    """What a tick of a scheduler is."""

    step = "step"
    epoch = "epoch"


@dataclass(kw_only=True)
class SchedulerConfig(Config):
    """The keys that every scheduler has."""

    INTERVAL: Interval = Interval.step
    """What one tick of the scheduler is: an optimizer step or an epoch."""
    FREQUENCY: Length = 1
    """Intervals per tick."""
    MONITOR: str | None = None
    """Name of the metric that the scheduler is given at each tick."""

    horizon: ClassVar[str] = ""
    """The key that says after how many ticks the schedule ends; where it is null the call's total fills it."""
    absolute_rates: ClassVar[tuple[str, ...]] = ()
    """Keys that are rates, absolute, of which torch takes one per group."""
    absolute_floor: ClassVar[str] = ""
    """A key that is the lowest rate, absolute, of which torch takes one for all groups."""
    refused_in: ClassVar[Mapping[str, str]] = {}
    """Schedulers that cannot hold this one as a part, by name, each with the reason."""

    def conflicts_with(self, optimizer: Any) -> Iterable[Problem]:
        """What cannot be with this optimizer's Config; keys are relative to the scheduler's node."""
        return ()

    def with_horizon(self, run: Horizon) -> Self:
        """The same Config with its end filled in from the length of the run where it was left open.

        Raises:
            ConfigError: The end is needed and unknown, or it is said twice and differently.
        """
        if not self.horizon:
            return self
        said = getattr(self, self.horizon)
        if said is None:
            filled: Any = {self.horizon: self.ticks_of(run)}
            return dataclasses.replace(self, **filled)
        if self.horizon == "TOTAL_STEPS" and run.total_steps is not None and said != self.ticks_of(run):
            message = f"the call's total_steps makes {self.ticks_of(run)}; leave one of them out, or make them equal."
            raise ConfigError([Problem(self.horizon, message, said)])
        return self

    def ticks_of(self, run: Horizon) -> int:
        """The length of the run in ticks of this scheduler."""
        if run.total_steps is None:
            message = "is needed: without it the schedule has no end. Write it, or give total_steps to the call."
            raise ConfigError([Problem(self.horizon, message)])
        from ..schedules.horizon import ticks

        try:
            return ticks(run.total_steps, self.INTERVAL.value, int(self.FREQUENCY), run.steps_per_epoch)
        except ValueError as error:
            raise ConfigError([Problem(self.horizon, f"{error}.")]) from error


class BaseScheduler(Component):
    """Builds a scheduler from a Config. A subclass names its class by `target`, or overrides `__call__`.

    Args:
        cfg: The checked Config; without a nested `Config` class one through which any key is read.
        logger: Anything with `info`, or None.
    """

    common = SchedulerConfig

    def __call__(self, optimizer: Optimizer) -> LRScheduler:
        """Build the scheduler.

        Args:
            optimizer: torch's optimizer whose rates it sets.
        """
        scheduler: LRScheduler = self.construct(optimizer)
        return scheduler


@dataclass(kw_only=True)
class TorchSchedulerConfig(SchedulerConfig):
    """The keys of nearly all of torch's schedulers."""

    LAST_EPOCH: Annotated[int | float, As(Annotated[int, Bounds(ge=-1)])] = -1
    """Tick to go on from; -1 starts anew."""
