"""SCEPTER's own schedulers: a factor in closed form on each group's base rate."""

from __future__ import annotations

import math
import warnings
from abc import abstractmethod
from typing import Any, ClassVar, final

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..schedules.group_settings import RATE, Setting, copied
from ..schedules.record import BUILT_FROM, position_of
from .named_schedulers import ByName, say_differences

_RATE = Setting(RATE)


class FactorLR(ByName):
    """A scheduler whose rates are the base rates times a factor of the position alone.

    It resumes and pickles, since its state is numbers; groups that are added later bring their own base rate. A loaded
    state does not bring its lengths with it: those that it was built with hold.
    """

    lengths: ClassVar[tuple[str, ...]] = ()
    """Attributes that are numbers of its steps."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to a saved position, and where lengths differ write the rates that this schedule has there."""
        own = {name: getattr(self, name) for name in self.lengths}
        other = {name: state_dict[name] for name in own if state_dict.get(name, own[name]) != own[name]}
        is_part = self._is_part
        super().load_state_dict({**state_dict, **own, "_is_part": is_part} | self._built_from(state_dict))
        for name, saved in other.items():
            message = f"the state was saved with {name} {saved}, and this schedule has {own[name]}: this one holds."
            warnings.warn(message, UserWarning, stacklevel=2)
        # a part of torch's SequentialLR writes when it is its turn
        if other and self.last_epoch >= 0 and not is_part:
            for group, rate in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
                _RATE.write(group, rate)
            self._last_lr = [copied(group["lr"]) for group in self.optimizer.param_groups]

    def _built_from(self, state_dict: dict[str, Any]) -> dict[str, Any]:
        """What a loaded state says that it was built from, with the lengths that hold."""
        own, saved = getattr(self, BUILT_FROM, None), state_dict.get(BUILT_FROM)
        if not own or not saved:
            return {}
        lengths = {name.upper() for name in self.lengths}
        parts = {
            part: saved[part] | {k: v for k, v in own[part].items() if k in lengths} for part in ("node", "fitted")
        }
        return {BUILT_FROM: {**own, **parts}}

    def _initial_step(self) -> None:
        self._is_part = hasattr(self, "_step_count")
        super()._initial_step()

    @abstractmethod
    def factor(self, position: int) -> float:
        """The factor after `position` scheduler steps."""

    def get_lr(self) -> list[Any]:
        """The rate of each group at the present position."""
        factor = self.factor(self.last_epoch)
        return [_RATE.base(group) * factor for group in self.optimizer.param_groups]


@final
class NoneLR(LRScheduler):
    """No schedule: it counts its steps, and writes nothing, so that rates that are set by hand or loaded stay."""

    def __init__(self, optimizer: Optimizer) -> None:
        # torch's constructor notes the present rate as the first one, by which a later scheduler would go
        before = [dict(group) for group in optimizer.param_groups]
        super().__init__(optimizer)
        for group, own in zip(optimizer.param_groups, before, strict=True):
            if "initial_lr" not in own:
                del group["initial_lr"]

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        self._last_lr = self.get_lr()

    def get_lr(self) -> list[Any]:
        """The present rate of each group."""
        return [copied(group["lr"]) for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[Any]:
        """The present rate of each group."""
        return self.get_lr()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting from where a state stands."""
        say_differences(self, state_dict, held="configuration")
        self.last_epoch = position_of(state_dict)
        self._step_count = self.last_epoch + 1


@final
class LinoPolyLR(FactorLR):
    """A polynomial from the base rate to 0, which then holds.

    Args:
        optimizer: torch's optimizer.
        end_epoch: Scheduler steps until the rate is 0; above 0.
        power: Exponent.
        last_epoch: Position to go on from; -1 starts anew.
    """

    lengths = ("end_epoch",)

    def __init__(self, optimizer: Optimizer, end_epoch: int, power: float = 1.0, last_epoch: int = -1) -> None:
        self.end_epoch = end_epoch
        self.power = power
        super().__init__(optimizer, last_epoch)

    def factor(self, position: int) -> float:
        """(1 - t / end) ** power, with t held at the end."""
        return float((1 - min(position, self.end_epoch) / self.end_epoch) ** self.power)


@final
class WarmupToConstantLR(FactorLR):
    """A linear warm-up from 0 to the base rate, which then holds.

    Args:
        optimizer: torch's optimizer.
        warmup_steps: Scheduler steps of the warm-up; 0 is none.
        last_epoch: Position to go on from; -1 starts anew.
    """

    lengths = ("warmup_steps",)

    def __init__(self, optimizer: Optimizer, warmup_steps: int = 10000, last_epoch: int = -1) -> None:
        self.warmup_steps = warmup_steps
        super().__init__(optimizer, last_epoch)

    def factor(self, position: int) -> float:
        """min(1, t / warm-up)."""
        return min(1.0, position / self.warmup_steps) if self.warmup_steps else 1.0


@final
class StepAnnealingLR(FactorLR):
    """A linear warm-up, then annealing to 0, never below an absolute floor.

    Args:
        optimizer: torch's optimizer.
        warmup_steps: Scheduler steps of the warm-up.
        total_steps: Scheduler steps until the rate is 0; above 0.
        decay_mode: `cosine`, `linear`, or `none`, which holds the base rate.
        min_lr: Floor of every rate, absolute.
        last_step: n starts at position n + 1.
    """

    lengths = ("warmup_steps", "total_steps")

    def __init__(
        self,
        optimizer: Optimizer,
        warmup_steps: int,
        total_steps: int,
        decay_mode: str = "cosine",
        min_lr: float = 0.0,
        last_step: int = -1,
    ) -> None:
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps
        self.decay_mode = decay_mode
        self.min_lr = min_lr
        for group in optimizer.param_groups:
            _RATE.base(group)
        super().__init__(optimizer, last_step)

    def factor(self, position: int) -> float:
        """The factor before the floor."""
        if position <= self.warmup_steps:
            return position / self.warmup_steps if self.warmup_steps else 1.0
        if self.decay_mode == "none":
            return 1.0
        span = self.total_steps - self.warmup_steps
        done = min(1.0, (position - self.warmup_steps) / span) if span > 0 else 1.0
        return (math.cos(math.pi * done) + 1) / 2 if self.decay_mode == "cosine" else 1 - done

    def get_lr(self) -> list[Any]:
        """The rate of each group at the present position, at least the floor."""
        return [max(rate, self.min_lr) for rate in super().get_lr()]
