"""The base of every scheduler: its Config's keys become torch's keywords, in one place for all."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from ..components.component import Component
from ..config.base import Config
from ..config.fields import Bounds, CheckedAs, Later, OptionalWholeFromOne, WholeFromOne
from ..config.plain import plain
from ..errors import ConfigError, Problem
from .metrics import Metric, metric_of

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
    """What one tick of the scheduler is, an optimizer step or an epoch: for what calls it, such as Driver."""
    FREQUENCY: WholeFromOne = 1
    """Intervals per tick: for what calls it, such as Driver."""
    MONITOR: str | None = None
    """Name of the metric, of those that the loop measures, for a scheduler whose step takes one."""
    TOTAL_STEPS: OptionalWholeFromOne = None
    """Ticks of the run; null takes the run's length from the call."""
    FINISH: Annotated[Any, Later("scepter_opt.schedules.finishing.FinishKeys")] = None
    """A last curve from where the run stands: {CURVE: one_minus_sqrt, TO: 0, LENGTH: 10%}; the schedule ends there."""

    horizon: ClassVar[str] = ""
    """The key that says after how many ticks the schedule ends; where it is null the run's total fills it."""
    reached: ClassVar[tuple[str, ...]] = ()
    """Keys that are ticks of the run, at which something changes: without effect where the run is over before."""
    after_end: ClassVar[str] = ""
    """What the rate does from the end on, where an end before the run's is worth a word."""
    turns: ClassVar[bool] = False
    """Whether the rate goes the other way after the end, so that a longer run is worth a word too."""
    needs_rate: ClassVar[bool] = True
    """Whether the groups must have a rate."""
    absolute_rates: ClassVar[tuple[str, ...]] = ()
    """Keys that are rates, absolute, of which torch takes one per group."""
    absolute_floor: ClassVar[str] = ""
    """A key that is the lowest rate, absolute, of which torch takes one for all groups."""
    refused_in: ClassVar[Mapping[str, str]] = {}
    """Schedulers that cannot hold this one as a part, by name, each with the reason."""

    def conflicts_with(self, optimizer: Any) -> Iterable[Problem]:
        """What cannot be with this optimizer's Config; keys are relative to the scheduler's node."""
        return ()

    def remarks(self) -> Iterable[Problem]:
        """What the node says without effect; keys are relative to it."""
        return ()

    def remarks_with(self, optimizer: Any) -> Iterable[Problem]:
        """What is easily overlooked beside this optimizer's Config; keys are relative to the scheduler's node."""
        return ()

    def remarks_at(self, optimizer: Any) -> Iterable[Problem]:
        """The same beside an optimizer; keys are relative to the node."""
        return ()

    def remarks_on(self, fitted: Self, run: Horizon) -> Iterable[Problem]:
        """What is easily overlooked in a run of this length.

        Args:
            fitted: The same Config with its end filled in.
            run: The length of the run.
        """
        total = fitted.TOTAL_STEPS
        if total is None:
            return
        from ..config.validation import fields

        for key in self.reached:
            value, default = getattr(self, key), fields(type(self))[key].default
            # the end of a curve may be that of the run; a drop there would come after its last step
            last = total - 1 if isinstance(value, list) else total
            if value != default and max(value if isinstance(value, list) else [value or 0], default=0) > last:
                message = f"the run is over after {total} ticks, and never comes to it. Are these epochs, or steps?"
                yield Problem(key, message, value)
        end = getattr(self, self.horizon) if self.after_end else None
        if end is not None and end < total:
            message = f"the run has {total} ticks: {self.after_end} from {self._place(end, run)} on."
            yield Problem(self.horizon, message, end)

    def _place(self, tick: int, run: Horizon) -> str:
        """A tick in optimizer steps, where it is known how many make one."""
        from ..schedules.horizon import steps_per_tick

        try:
            return f"step {int(tick) * steps_per_tick(self.INTERVAL.value, int(self.FREQUENCY), run.steps_per_epoch)}"
        except ValueError:
            return f"tick {int(tick)}"

    def rehearsal(self) -> tuple[list[Problem], list[Problem]]:
        """What the build would find out, as far as it can be known without the length of the run."""
        from ..schedules.horizon import Horizon, UnknownYet

        if self.FINISH and self.FINISH.AT is None:
            return [], []  # the schedule before it is the checkpoint's, and is not built
        remarks = list(self.remarks())
        try:
            remarks += self.remarks_on(self.try_out(Horizon()), Horizon())
        except UnknownYet:
            pass
        except ConfigError as error:
            return list(error.problems), []
        return [], remarks

    def try_out(self, run: Horizon) -> Self:
        """The Config that a build in such a run would use.

        Raises:
            UnknownYet: The run has to be known better.
            ConfigError: No build in such a run can succeed.
        """
        return self.with_horizon(run)

    def with_horizon(self, run: Horizon) -> Self:
        """The same Config with the total and its own end filled in where they were left open and are known.

        Raises:
            UnknownYet: The end is needed and unknown.
            ConfigError: The total is said twice and differently.
        """
        filled: dict[str, Any] = {"TOTAL_STEPS": self._total(run)}
        if self.horizon and filled.get(self.horizon, getattr(self, self.horizon)) is None:
            filled[self.horizon] = self.ticks_of(run) if filled["TOTAL_STEPS"] is None else filled["TOTAL_STEPS"]
        changed = any(getattr(self, key) != value for key, value in filled.items())
        return dataclasses.replace(self, **filled) if changed else self

    def _total(self, run: Horizon) -> int | None:
        """Ticks of the run, said by the config or by the call; None where neither does.

        Raises:
            ConfigError: Both say it, and differently.
        """
        said = None if self.TOTAL_STEPS is None else int(self.TOTAL_STEPS)
        if run.total_steps is None:
            return said
        try:
            ticks = self.ticks_of(run)
        except ConfigError:
            # a length in epochs that is not known stops only what needs it
            if self.horizon and getattr(self, self.horizon) is None:
                raise
            return said
        if said is None or self._agree(said, ticks, run):
            return ticks if said is None else said
        message = f"the call's total_steps makes {ticks}; leave one of them out, or make them equal."
        raise ConfigError([Problem("TOTAL_STEPS", message + self._hint_of_length(said, ticks), said)])

    def _agree(self, said: int, ticks: int, run: Horizon) -> bool:
        """Whether a total in the config and the call's mean the same run; steps do where nothing is made of them."""
        return said == ticks or (not self.horizon and said == run.total_steps)

    def _hint_of_length(self, said: int, ticks: int) -> str:
        return ""

    def ticks_of(self, run: Horizon) -> int:
        """The length of the run in ticks of this scheduler.

        Raises:
            UnknownYet: It is unknown.
        """
        from ..schedules.horizon import UnknownYet, ticks

        key = self.horizon or "TOTAL_STEPS"
        if run.total_steps is None:
            message = "is needed: without it the schedule has no end. Write it, or give total_steps to the call."
            raise UnknownYet([Problem(key, message)])
        try:
            return ticks(run.total_steps, self.INTERVAL.value, int(self.FREQUENCY), run.steps_per_epoch)
        except ValueError as error:
            raise UnknownYet([Problem(key, f"{error}.")]) from error

    def describe(self) -> str:
        """The schedule in one line, for the log: what the node says that is not its default."""
        from ..config.validation import fields

        known = fields(type(self))
        left_out = {"NAME", "TOTAL_STEPS"} - {self.horizon}
        # the total is the run's, and told only by what makes something of it
        items = [
            (key, plain(value)) for key, value in self.items() if key not in left_out and value != known[key].default
        ]
        said = [f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}" for key, value in items]
        return f"{self.NAME}: {', '.join(said)}" if said else self.NAME


class BaseScheduler(Component):
    """Builds a scheduler from a Config. A subclass names its class by `target`, or overrides `__call__`.

    Args:
        cfg: The checked Config; without a nested `Config` class one through which any key is read.
        logger: Anything with `info`, or None.
    """

    common = SchedulerConfig
    filled = ("total_steps",)
    stand_in = "scepter_opt.runtime.named_schedulers.by_name"
    metric: ClassVar[Metric] = "none"
    """Whether the step of what is built takes a metric: read by whatever calls it."""

    @classmethod
    def facts_of(cls, target: type) -> dict[str, Any]:
        """Whether the step of another's class takes a metric."""
        return {"metric": metric_of(target.step)}  # type: ignore[attr-defined]  # a scheduler's class

    @classmethod
    def config_namespace(cls, target: type) -> dict[str, Any]:
        """That a class which requires a total needs one, and that epochs and their steps may stand for it."""
        from ..components.signatures import parameters_of

        parameters = parameters_of(target)
        total = parameters.get("total_steps")
        required = total is not None and total.default is total.empty
        by_epochs = total is not None and {"epochs", "steps_per_epoch"} <= parameters.keys()
        return ({"horizon": "TOTAL_STEPS"} if required else {}) | ({"_total": total_by_epochs} if by_epochs else {})

    def __call__(self, optimizer: Optimizer) -> LRScheduler:
        """Build the scheduler.

        Args:
            optimizer: torch's optimizer whose rates it sets.
        """
        scheduler: LRScheduler = self.construct(optimizer)
        if str(self.target).startswith("torch.") and self.cfg.get("LAST_EPOCH", -1) >= 0:
            from .continuing import go_on

            go_on(scheduler)
        return scheduler

    def construct(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the target; the run's total, a key of every scheduler, goes to those that take one."""
        from ..components.keywords import has_keyword, target_class

        total = self.cfg.get("TOTAL_STEPS")
        # common keys are not handed to the class, but this one means the same as a keyword that some have
        if self.target and total is not None and has_keyword(target_class(self.target), "total_steps"):
            keywords = {"total_steps": total, **keywords}
        return super().construct(*arguments, **keywords)


@dataclass(kw_only=True)
class TorchSchedulerConfig(SchedulerConfig):
    """The keys of nearly all of torch's schedulers."""

    LAST_EPOCH: Annotated[int | float, CheckedAs(Annotated[int, Bounds(ge=-1)])] = -1
    """Tick to go on after, at the rates of an unbroken run from `initial_lr`; -1 starts anew."""


def total_by_epochs(self: Any, run: Horizon) -> int | None:
    """The total of a class that takes EPOCHS with STEPS_PER_EPOCH in its place, as torch's OneCycleLR does.

    Raises:
        ConfigError: It is said twice and differently.
    """
    if self.EPOCHS is None or self.STEPS_PER_EPOCH is None:
        return SchedulerConfig._total(self, run)
    total = int(self.EPOCHS * self.STEPS_PER_EPOCH)
    if self.TOTAL_STEPS not in (None, total):
        message = f"EPOCHS and STEPS_PER_EPOCH make {total}; leave one of them out, or make them equal."
        raise ConfigError([Problem("TOTAL_STEPS", message, self.TOTAL_STEPS)])
    return SchedulerConfig._total(dataclasses.replace(self, TOTAL_STEPS=total), run)
