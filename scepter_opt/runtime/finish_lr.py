"""A schedule that is ended by a last curve from where it stands."""

from __future__ import annotations

import warnings
from fractions import Fraction
from inspect import signature
from typing import Any, final

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..errors import ConfigError, Problem, below
from ..schedules.finishing import Finish
from ..schedules.group_settings import RATE, Setting, copied
from ..schedules.joining import Joined
from ..schedules.record import BUILT_FROM, position_of
from .named_schedulers import GROUPS, WRITTEN, Saved, groups_beside, say_differences

_RATE = Setting(RATE)


@final
class FinishLR(LRScheduler):
    """Every group's rate from the factor at which it stands to an end, as factors of its own base.

    It begins where a state is loaded, of whatever scheduler: the rates are those that the optimizer then has. With a
    scheduler before it that is ticked up to its beginning. Where it began, and the factors by group, are its state, so
    that a run which was saved inside it goes on. After the end the last rates hold.

    Args:
        optimizer: torch's optimizer.
        finish: The curve.
        before: The scheduler up to `finish.AT`; None where it begins with a loaded state.
        total: Ticks of the run, where they were given.
        epoch: Ticks of an epoch, where they are known.
        key: Full key of the node.

    Raises:
        ConfigError: It has no end, or another than the run's.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        finish: Finish,
        before: Any = None,
        total: int | None = None,
        epoch: Fraction | None = None,
        key: str = "lr_scheduler",
    ) -> None:
        # not torch's: its first step would write rates, and these are to stay as they are loaded
        self.optimizer = optimizer
        self.finish = finish
        self.before = before
        self.last_epoch = 0
        self.start: int | None = None
        """The tick at which it began; None before it has."""
        self.factors: list[float] | None = None
        """By group where it began; None until the first tick after that, by which the optimizer is loaded."""
        self._run = (total, epoch)
        self._key = key
        self._length = 0
        # looked up once: a tick has no time for it, and who asks for no metric may have a position there
        self._takes_metric = before is not None and "metrics" in signature(before.step).parameters
        self._curves: list[Joined] = []
        if finish.AT is not None:
            length = finish.span(finish.AT, *self._run)
            if finish.AT == 0:
                self.start, self._length = 0, length

    @property
    def total_steps(self) -> int:
        """The tick from which the last rates hold."""
        if self.start is None:  # who asks whether there is one, as Accelerate does, compares with it
            raise AttributeError("where FINISH begins is not known yet")
        return self.start + self._length

    @property
    def base_lrs(self) -> list[Any]:
        """The rate of each group before any schedule."""
        return [_RATE.base(group) for group in self.optimizer.param_groups]

    @base_lrs.setter
    def base_lrs(self, value: Any) -> None:
        pass

    def get_last_lr(self) -> list[Any]:
        """The rate of each group at the present position; tensors are copies."""
        return [copied(group["lr"]) for group in self.optimizer.param_groups]

    get_lr = get_last_lr

    def step(self, metrics: Any = None) -> None:
        """Go on by one tick.

        Args:
            metrics: The metric, where the scheduler before it waits for one.

        Raises:
            ConfigError: No state was loaded, and nothing else says where it begins; or there is no curve from there.
        """
        if self.start is None:
            self._step_before(metrics)
            return
        with below(self._key):
            self._prepare()
        self.last_epoch += 1
        if self.last_epoch == self.total_steps + 1:
            message = f"the run of {self.total_steps} ticks is over: its last rates hold."
            warnings.warn(message, UserWarning, stacklevel=2)
        self.write_rates()

    def observe(self, metrics: Any) -> None:
        """Pass a metric that comes between two ticks to the scheduler before it."""
        if self.start is None and self.before is not None:
            self.before.observe(metrics)

    def _step_before(self, metrics: Any) -> None:
        if self.before is None:
            message = (
                "begins where a checkpoint is loaded, and none was. With AT: n it begins at tick n of this schedule."
            )
            raise ConfigError([Problem(f"{self._key}.FINISH", message)])
        self.before.step(*((metrics,) if metrics is not None and self._takes_metric else ()))
        self.last_epoch += 1
        if self.last_epoch == self.finish.AT:
            self.start, self._length = self.last_epoch, self.finish.span(self.last_epoch, *self._run)

    def _prepare(self) -> None:
        """Find where each group stands, and make its curve; groups that were added since begin where they are."""
        groups = self.optimizer.param_groups
        if len(self._curves) == len(groups):
            return
        factors = list(self.factors or [])
        factors += [_factor(group) for group in groups[len(factors) :]]
        self._curves = [
            self.finish.curve(factor, self._length, self._run[1], _RATE.own(self.optimizer, group))
            for factor, group in zip(factors, groups, strict=True)
        ]
        self.factors = factors

    # States

    def state_dict(self) -> dict[str, Any]:
        """Where it is, where it began and from which factors; and the state of the scheduler before it."""
        built_from = {BUILT_FROM: getattr(self, BUILT_FROM)} if hasattr(self, BUILT_FROM) else {}
        return {
            "last_epoch": self.last_epoch,
            "start": self.start,
            "factors": None if self.factors is None else list(self.factors),
            "before": self.before.state_dict() if self.before is not None and self.start is None else None,
            "base_lrs": [copied(rate) for rate in self.base_lrs],
            "_last_lr": self.get_last_lr(),
            GROUPS: groups_beside(self.optimizer, self.last_epoch),
            **built_from,
        }

    def start_of(self, state_dict: dict[str, Any]) -> int | None:
        """Where it begins with a state; None where the scheduler before it is still to be ticked.

        Raises:
            ConfigError: It cannot begin there.
        """
        start, at, position = state_dict.get("start"), self.finish.AT, position_of(state_dict)
        if start is None:
            if at is not None and position > at:
                message = f"the checkpoint stands after it, at tick {position}: leave AT out to begin there."
                raise ConfigError([Problem("FINISH.AT", message, at)])
            start = position if at in (None, position) else None
        if start is not None:
            self.finish.span(start, *self._run)
        return start

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Begin where the state of another scheduler stands, or go on where one of this class does.

        Raises:
            ConfigError: It cannot begin there; nothing was changed.
            ConfigWarning: It began with another node, and the configuration's holds from there.
        """
        with below(self._key):
            start = self.start_of(state_dict)
        began = state_dict.get("start") is not None
        saved = Saved.of(self.optimizer, state_dict.get(GROUPS))
        factors = state_dict["factors"] if began else None
        if factors is not None and saved is None and len(factors) != len(self.optimizer.param_groups):
            message = (
                f"the checkpoint has {len(factors)} groups, here are {len(self.optimizer.param_groups)}: no names."
            )
            raise ConfigError([Problem(f"{self._key}.FINISH", message)])
        if began:
            say_differences(self, state_dict, held="configuration")
        if not began and self.before is not None:
            self.before.load_state_dict(state_dict["before"] if "start" in state_dict else state_dict)
        elif saved is not None:
            saved.write(self.optimizer.param_groups, WRITTEN)
        self.last_epoch, self.start, self._curves = position_of(state_dict), start, []
        if start is not None:
            self._length = self.finish.span(start, *self._run)
        self.factors = factors
        if factors is not None and saved is not None:
            # of a group that is new, where all others began, if that is one place
            other = factors[0] if max(factors) - min(factors) < 1e-9 else 1.0
            self.factors = [other if origin is None else factors[origin] for origin in saved.first]
        self.write_rates()

    def write_rates(self) -> None:
        """Write the rates of the present position, once it has begun from known factors."""
        if self.start is not None and self.factors is not None:
            self._prepare()
            for group, curve in zip(self.optimizer.param_groups, self._curves, strict=True):
                _RATE.write(group, _RATE.base(group) * curve(self.last_epoch - self.start))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_curves": []}  # closures, which do not pickle


def _factor(group: dict[str, Any]) -> float:
    """What a group's rate is of its base."""
    base = float(_RATE.base(group))
    return float(group["lr"]) / base if base else 1.0
