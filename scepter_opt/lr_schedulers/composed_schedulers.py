"""torch's schedulers that hold others: one after the other, or all at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from ..components.checking import inspect_named
from ..components.keywords import construct, target_class
from ..config.base import Conflict, OpenConfig
from ..config.fields import Nested
from ..config.validation import fields
from ..errors import Problem, below
from ..schedules.fitting import epoch_ticks
from ..schedules.horizon import Horizon
from .base_scheduler import BaseScheduler, SchedulerConfig, TorchSchedulerConfig
from .official_schedulers import INCREASING, Milestones
from .registry import LR_SCHEDULERS

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from typing_extensions import Self


@dataclass(frozen=True)
class Parts(Nested):
    """Named nodes of schedulers, in order."""

    holder: str
    """NAME of the scheduler that holds them."""

    def check(self, value: Any, owner: type, imports: bool | None) -> tuple[Any, list[Problem]]:
        if not isinstance(value, Mapping) or not value:
            return None, [Problem("", "must be named nodes: {warmup: {NAME: LinearLR, ...}, ...}.", value)]
        return inspect_named(value.items(), LR_SCHEDULERS, imports, self._refusals)

    def _refusals(self, position: int, node: Any, config: Any) -> list[Problem]:
        if config is None or isinstance(config, OpenConfig):
            return []
        problems = []
        if self.holder in config.refused_in:
            message = f"cannot be part of {self.holder}: {config.refused_in[self.holder]}."
            problems.append(Problem("NAME", message, config.NAME))
        elif self.holder == "SequentialLR" and position and "SCHEDULERS" in config:
            message = f"cannot take over in mid-training: torch runs it only as the first part of {self.holder}."
            problems.append(Problem("NAME", message, config.NAME))
        if config.get("SETTINGS"):
            message = f"belongs on a scheduler of its own: {self.holder} hands over nothing but the rate."
            problems.append(Problem("SETTINGS", message))
        for key in ("INTERVAL", "FREQUENCY", "MONITOR"):
            value = getattr(config, key)
            if value != fields(type(config))[key].default:
                problems.append(Problem(key, f"belongs on the {self.holder} that holds this node.", value))
        return problems


class _Composed(BaseScheduler):
    """Builds the parts, then their holder. Abstract."""

    def _parts(self, optimizer: Optimizer) -> list[LRScheduler]:
        parts = []
        for name, config in self.cfg.SCHEDULERS.items():
            with below(f"SCHEDULERS.{name}"):
                parts.append(config.component(config, self.logger)(optimizer))
        return parts


@LR_SCHEDULERS.register_class()
class SequentialLR(_Composed):
    """Schedulers one after the other, each from its milestone on."""

    target = "torch.optim.lr_scheduler.SequentialLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        conflicts: ClassVar[tuple[Conflict, ...]] = (
            INCREASING,
            Conflict(
                ("MILESTONES", "SCHEDULERS"),
                lambda c: len(c.MILESTONES) != len(c.SCHEDULERS) - 1,
                "one milestone is needed between each scheduler and the next.",
            ),
        )
        SCHEDULERS: Annotated[Any, Parts("SequentialLR")] = field(default_factory=dict)
        """Named nodes of schedulers, in order."""
        MILESTONES: Milestones
        """Ticks at which the next scheduler takes over, increasing."""

        def with_horizon(self, run: Horizon) -> Self:
            starts = [0, *(int(milestone) for milestone in self.MILESTONES)]
            parts = {}
            for position, (name, config) in enumerate(self.SCHEDULERS.items()):
                with below(f"SCHEDULERS.{name}"):
                    parts[name] = _filled(self, config, run, starts[position : position + 2])
            return dataclasses.replace(self, SCHEDULERS=parts)

    def __call__(self, optimizer: Optimizer) -> LRScheduler:
        scheduler: LRScheduler = self.construct(optimizer, schedulers=self._parts(optimizer))
        return scheduler


def _filled(holder: SchedulerConfig, part: Any, run: Horizon, span: list[int]) -> Any:
    """A part whose open end is the tick at which the next takes over, or the end of the run."""
    if isinstance(part, OpenConfig):
        return part
    end = span[1] if len(span) == 2 else None
    if end is None and run.total_steps is not None and part.horizon:
        end = holder.ticks_of(run)
    length = None if end is None else end - span[0]
    if length is not None and length < 1:
        return part
    epoch = epoch_ticks(holder, run)
    whole = int(epoch) if epoch is not None and epoch.denominator == 1 else None
    return part.with_horizon(Horizon(length, whole))


@LR_SCHEDULERS.register_class()
class ChainedScheduler(_Composed):
    """Schedulers all at once, each changing the rate that the others have made."""

    target = "torch.optim.lr_scheduler.ChainedScheduler"

    @dataclass(kw_only=True)
    class Config(SchedulerConfig):
        SCHEDULERS: Annotated[Any, Parts("ChainedScheduler")] = field(default_factory=dict)
        """Named nodes of schedulers, in order."""

        def with_horizon(self, run: Horizon) -> Self:
            parts = {}
            for name, config in self.SCHEDULERS.items():
                with below(f"SCHEDULERS.{name}"):
                    parts[name] = _filled(self, config, run, [0])
            return dataclasses.replace(self, SCHEDULERS=parts)

    def __call__(self, optimizer: Optimizer) -> LRScheduler:
        scheduler: LRScheduler = construct(target_class(self.target), self._parts(optimizer), optimizer=optimizer)
        return scheduler
