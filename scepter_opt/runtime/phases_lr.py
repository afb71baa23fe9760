"""Schedules of phases: a torch scheduler whose rates, and other settings, follow from its position alone."""

from __future__ import annotations

import warnings
from math import prod
from sys import maxsize
from typing import Any, final

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..errors import ConfigError, Problem, did_you_mean
from ..schedules.curves import Factor, Joined
from ..schedules.group_settings import RATE, Setting, rules_of
from ..schedules.timeline import Timeline, Timelines


class TimelinesLR(LRScheduler):
    """A scheduler that multiplies settings of the groups by curves. Abstract.

    Base values are read from the groups (`initial_lr`, `initial_weight_decay` ...); a group that is added later brings
    its own. Curves, and which groups they are for, are kept until a piece of a curve ends or the groups change.

    Args:
        optimizer: torch's optimizer.
        timelines: Curves of the rate, of other settings, and of rules.
        last_epoch: Position to go on from; -1 starts anew.

    Raises:
        ConfigError: The optimizer lacks a setting or a rule, or a curve leaves a setting's range.
    """

    def __init__(self, optimizer: Optimizer, timelines: Timelines, last_epoch: int = -1) -> None:
        self.timelines = timelines
        self._forget()
        if isinstance(optimizer, Optimizer):
            self.optimizer = optimizer
            self._check()
        super().__init__(optimizer, last_epoch)

    @property
    def total_steps(self) -> int | None:
        """The tick from which the last values hold; None where there is none."""
        return self.timelines.rate.end

    def scale(self) -> float:
        """A factor on every rate, beside the curves."""
        return 1.0

    # The position

    def step(self, epoch: int | None = None) -> None:
        """Go on by one tick.

        Args:
            epoch: Position to go to (deprecated by torch).
        """
        if epoch is not None or self._step_count < 2:
            super().step(epoch)  # warns where torch's own would
            self._update_lr(self.last_epoch)
            return
        self._step_count += 1
        self.last_epoch = tick = self.last_epoch + 1
        groups = self.optimizer.param_groups
        if not self._begin <= tick < self._stop or groups is not self._groups or len(groups) != self._count:
            self._prepare(tick)
            if self.total_steps is not None and tick == self.total_steps + 1:
                message = f"the schedule of {self.total_steps} ticks is over: its last values hold."
                warnings.warn(message, UserWarning, stacklevel=2)
        for key, base, curve, origin, members in self._plain:
            factor = curve(tick - origin)
            for group in members:
                group[key] = group[base] * factor
        if self._odd:
            self._write_odd(tick)

    def get_lr(self) -> list[Any]:
        """The rate of each group at the present position."""
        tick = max(0, self.last_epoch)
        rates = []
        for group in self.optimizer.param_groups:
            factors = [curve(tick) for curve in self._curves(RATE, group)]
            rates.append(RATE.base(group) * (prod(factors[1:], start=factors[0]) * self.scale()))
        return rates

    def get_last_lr(self) -> list[Any]:
        """The rate of each group at the present position; tensors are copies."""
        return self.get_lr()

    def state_dict(self) -> dict[str, Any]:
        """The position, and the total that it was reached under."""
        return {"last_epoch": self.last_epoch, "total_steps": self.total_steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to a saved position and write the rates of it."""
        held = self._is_part or self.last_epoch < 0
        self.last_epoch = state_dict["last_epoch"]
        self._step_count = self.last_epoch + 1
        saved, total = state_dict.get("total_steps", self.total_steps), self.total_steps
        if saved != total:
            message = f"the state was saved in a schedule of {saved} ticks, and this one has {total}: this one holds."
            warnings.warn(message, UserWarning, stacklevel=2)
        self._forget()
        # a part of torch's SequentialLR writes when it is its turn
        if self.last_epoch >= 0 and not held:
            self._update_lr(self.last_epoch)

    def __getstate__(self) -> dict[str, Any]:
        made = ("_begin", "_stop", "_groups", "_count", "_plain", "_odd", "_made")
        return {key: value for key, value in self.__dict__.items() if key not in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    # What torch keeps as lists beside the groups, and older versions of it set

    @property
    def base_lrs(self) -> list[Any]:
        """The rate of each group before any schedule."""
        return [RATE.base(group) for group in self.optimizer.param_groups]

    @base_lrs.setter
    def base_lrs(self, value: Any) -> None:
        pass

    @property
    def _last_lr(self) -> list[Any]:
        return self.get_lr()

    @_last_lr.setter
    def _last_lr(self, value: Any) -> None:
        pass

    # What SequentialLR calls

    def _initial_step(self) -> None:
        self._is_part = hasattr(self, "_step_count")
        super()._initial_step()

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = tick = self.last_epoch + 1 if epoch is None else epoch
        self._prepare(max(0, tick))
        for key, base, curve, origin, members in self._plain:
            for group in members:
                group[key] = group[base] * curve(max(0, tick) - origin)
        self._write_odd(max(0, tick))

    # Curves and groups

    def _forget(self) -> None:
        """Make what is kept for speed anew when it is next needed."""
        self._begin, self._stop, self._count = 0, 0, -1
        self._groups: list[dict[str, Any]] | None = None
        self._plain: list[tuple[str, str, Factor, int, list[dict[str, Any]]]] = []
        self._odd: list[tuple[Setting, Factor, int, dict[str, Any]]] = []
        self._made: dict[tuple[str, float], Joined] = {}

    def _prepare(self, tick: int) -> None:
        """Find the pieces of the curves that `tick` is in, and the groups that each is for."""
        self._groups = groups = self.optimizer.param_groups
        self._count, self._begin = len(groups), tick
        end = self.total_steps
        # the first tick after the end is met here, and warned of
        self._stop = end + 1 if end is not None and tick <= end else maxsize
        self._odd = []
        tracks: dict[Any, tuple[str, str, Factor, int, list[dict[str, Any]]]] = {}
        for setting in (RATE, *map(Setting, self.timelines.settings)):
            for group in filter(setting.is_in, groups):
                setting.base(group)
                curves = self._curves(setting, group)
                key = (setting.name, setting.key(group), *map(id, curves))
                if not setting.is_plain(group):
                    self._odd.append((setting, *self._piece(setting, curves, tick), group))
                elif key in tracks:
                    tracks[key][-1].append(group)
                else:
                    piece = self._piece(setting, curves, tick)
                    tracks[key] = (setting.key(group), setting.base_key, *piece, [group])
        self._plain = list(tracks.values())

    def _curves(self, setting: Setting, group: dict[str, Any]) -> list[Joined]:
        """The curves whose product a group's setting is multiplied by."""
        own = setting.own(self.optimizer, group)
        if setting != RATE:
            return [self._curve(setting.name, self.timelines.settings[setting.name], own)]
        names, _ = rules_of(group)
        rules = {name: timeline for name, timeline in self.timelines.rules.items() if name in names}
        return [
            self._curve("", self.timelines.rate, own),
            *(self._curve(f"RULES.{name}", timeline, own) for name, timeline in rules.items()),
        ]

    def _curve(self, name: str, timeline: Timeline, own: float) -> Joined:
        if (name, own) not in self._made:
            self._made[name, own] = timeline.curve(own)
        return self._made[name, own]

    def _piece(self, setting: Setting, curves: list[Joined], tick: int) -> tuple[Factor, int]:
        """One function for the ticks from `tick` to before the first of these curves' pieces ends, and its 0."""
        scale = self.scale() if setting == RATE else 1.0
        pieces = [curve.piece(tick) for curve in curves]
        self._stop = min(self._stop, *(stop for _, _, stop in pieces))
        first, origin, _ = pieces[0]
        if len(pieces) == 1:
            return (first, origin) if scale == 1.0 else (lambda k: first(k) * scale, origin)
        others = [(curve, place - origin) for curve, place, _ in pieces[1:]]
        return lambda k: prod((curve(k - place) for curve, place in others), start=first(k)) * scale, origin

    def _write_odd(self, tick: int) -> None:
        """Set what is a tensor, or one of two betas."""
        for setting, curve, origin, group in self._odd:
            setting.write(group, setting.base(group) * curve(tick - origin))

    # What a config cannot know

    def _check(self) -> None:
        """Refuse what the optimizer does not have, before anything is written into it."""
        groups, problems = self.optimizer.param_groups, []
        names = {name for group in groups for found in rules_of(group) for name in found}
        for rule in self.timelines.rules:
            shared = next((group["name"] for group in groups if rule in rules_of(group)[1]), None)
            if shared is not None:
                message = (
                    f"its parameters share the group {shared} with others, since their settings are equal. A rule "
                    "without SET keeps the parameters that it names to themselves: add one, and name it here."
                )
                problems.append(Problem(f"RULES.{rule}", message))
            elif rule not in names:
                message = f"no group of the optimizer is made by this rule.{did_you_mean(rule, names)}"
                problems.append(Problem(f"RULES.{rule}", f"{message} There are {', '.join(sorted(names))}."))
        for setting in map(Setting, self.timelines.settings):
            bases = [float(setting.base(dict(group))) for group in groups if setting.is_in(group)]
            if not any(bases):
                has = f"the optimizer's {setting.name} is 0, and a factor on 0 stays 0: give the optimizer a value."
                lacks = f"{type(self.optimizer).__name__} has no such setting to schedule."
                problems.append(Problem(f"SETTINGS.{setting.name}", has if bases else lacks))
        if problems:
            raise ConfigError(problems)
        for setting in (RATE, *map(Setting, self.timelines.settings)):
            for group in filter(setting.is_in, groups):
                (curve, *_) = self._curves(setting, group)
                highest = float(setting.base(dict(group))) * highest_factor(curve)
                if setting.key(group) == "betas" and highest >= 1:
                    message = f"goes up to {highest:g}, and a beta must be below 1."
                    raise ConfigError([Problem(f"SETTINGS.{setting.name}", message)])


def highest_factor(curve: Joined) -> float:
    """The largest factor of a curve, whose pieces each go one way."""
    begins = [begin for begin, _, _ in curve.parts]
    lasts = [begin - 1 for begin in begins[1:]]
    return max(curve(tick) for tick in (*begins, *lasts))


@final
class PhasesLR(TimelinesLR):
    """Phases of the rate, of other settings, and of rules. Its state is its position."""
