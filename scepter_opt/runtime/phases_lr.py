"""Schedules of phases: a torch scheduler whose rates, and other settings, follow from its position alone."""

from __future__ import annotations

import warnings
from math import prod
from operator import is_
from sys import maxsize
from typing import Any, final

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..schedules.group_settings import RATE, Setting, rules_of
from ..schedules.joining import Factor, Joined
from ..schedules.record import BUILT_FROM
from ..schedules.timeline import Curves, Timelines
from .named_schedulers import say_differences

_RATE = Setting(RATE)


class TimelinesLR(LRScheduler):
    """A scheduler that multiplies settings of the groups by curves. Abstract.

    Base values are read from the groups (`initial_lr`, `initial_weight_decay` ...); a group that is added later brings
    its own. Curves, and which groups they are for, are kept until a piece of a curve ends or the groups change. It has
    `total_steps`, the tick from which the last values hold, where there is an end.

    Args:
        optimizer: torch's optimizer.
        timelines: Curves of the rate, of other settings, and of rules.
        last_epoch: Position to go on from; -1 starts anew.

    Raises:
        ConfigError: A curve cannot be made of the optimizer's values.
    """

    def __init__(self, optimizer: Optimizer, timelines: Timelines, last_epoch: int = -1) -> None:
        self.timelines = timelines
        self._forget()
        super().__init__(optimizer, last_epoch)

    @property
    def total_steps(self) -> int:
        """The tick from which the last values hold."""
        if self._end is None:  # who asks whether there is one, as Accelerate does, compares with it
            raise AttributeError("the schedule has no end")
        return self._end

    @property
    def _end(self) -> int | None:
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
        # One group may be put in the place of another. Where all follow one curve that makes no difference, and what is
        # written is the list itself; where they do not, each is looked at.
        same = groups is self._list and len(groups) == self._count
        if not (same and self._begin <= tick < self._stop and (self._alike or all(map(is_, groups, self._groups)))):
            self._prepare(tick)
            if self._end is not None and tick == self._end + 1:
                message = f"the schedule of {self._end} ticks is over: its last values hold."
                warnings.warn(message, UserWarning, stacklevel=2)
        try:
            for key, base, curve, origin, members in self._plain:
                factor = curve(tick - origin)
                for group in members:
                    group[key] = group[base] * factor
        except KeyError:  # of a group put in the place of another, which has no base value yet
            self._update_lr(tick)
            return
        if self._odd:
            self._write_odd(tick)

    def get_lr(self) -> list[Any]:
        """The rate of each group at the present position."""
        tick = max(0, self.last_epoch)
        rates = []
        for group in self.optimizer.param_groups:
            factors = [curve(tick) for curve in self._curves(_RATE, group)]
            rates.append(_RATE.base(group) * (prod(factors[1:], start=factors[0]) * self.scale()))
        return rates

    def get_last_lr(self) -> list[Any]:
        """The rate of each group at the present position; tensors are copies."""
        return self.get_lr()

    def state_dict(self) -> dict[str, Any]:
        """The position, the total that it was reached under, and what the schedule was built from."""
        built_from = {BUILT_FROM: getattr(self, BUILT_FROM)} if hasattr(self, BUILT_FROM) else {}
        return {"last_epoch": self.last_epoch, "total_steps": self._end, **built_from}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go to a saved position and write the rates of it."""
        told = say_differences(self, state_dict, held="configuration")
        self._take_counters(state_dict)
        held = self._is_part or self.last_epoch < 0
        self.last_epoch = state_dict["last_epoch"]
        self._step_count = self.last_epoch + 1
        saved, total = state_dict.get("total_steps", self._end), self._end
        if saved != total and not told:
            message = f"the state was saved in a schedule of {saved} ticks, and this one has {total}: this one holds."
            warnings.warn(message, UserWarning, stacklevel=2)
        self._forget()
        # a part of torch's SequentialLR writes when it is its turn
        if self.last_epoch >= 0 and not held:
            self._update_lr(self.last_epoch)

    def _take_counters(self, state_dict: dict[str, Any]) -> None:
        """Take what a subclass counts beside the position."""

    def __getstate__(self) -> dict[str, Any]:
        # what is kept for speed holds closures, which do not pickle, and the groups of the optimizer that was copied
        kept = ("_begin", "_stop", "_list", "_groups", "_alike", "_count", "_plain", "_odd", "_made")
        return {key: value for key, value in self.__dict__.items() if key not in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    # What torch keeps as lists beside the groups, and older versions of it set. Read from the groups, they are right
    # for groups that were added, regrouped or loaded since.

    @property
    def base_lrs(self) -> list[Any]:
        """The rate of each group before any schedule."""
        return [_RATE.base(group) for group in self.optimizer.param_groups]

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

    # torch steps a part once more as SequentialLR takes it in: the second first step tells a part from a whole.

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
        self._list: list[dict[str, Any]] | None = None
        self._groups: list[dict[str, Any]] = []
        self._alike = False
        self._plain: list[tuple[str, str, Factor, int, list[dict[str, Any]]]] = []
        self._odd: list[tuple[Setting, Factor, int, dict[str, Any]]] = []
        self._made = Curves(self.timelines)

    def _prepare(self, tick: int) -> None:
        """Find the pieces of the curves that `tick` is in, and the groups that each is for.

        Groups of one curve make one track: its factor is computed once a tick, and written as each group's base times
        it. What cannot be written so, a tensor or one of two betas, is set group by group.
        """
        groups = self.optimizer.param_groups
        self._list, self._groups, self._count, self._begin = groups, list(groups), len(groups), tick
        # the first tick after the end is met here, and warned of
        self._stop = self._end + 1 if self._end is not None and tick <= self._end else maxsize
        self._odd = []
        tracks: dict[Any, tuple[str, str, Factor, int, list[dict[str, Any]]]] = {}
        for name in self.timelines.names:
            setting = Setting.of(name, groups)
            for group in filter(setting.is_in, groups):
                curves = self._curves(setting, group)
                if not curves:  # of a rule that the group is not of
                    continue
                setting.base(group)
                # curves are made once for a value, so groups of one curve hold the same object
                key = (setting, *map(id, curves))
                if not setting.is_plain(group):
                    self._odd.append((setting, *self._piece(setting, curves, tick), group))
                elif key in tracks:
                    tracks[key][-1].append(group)
                else:
                    piece = self._piece(setting, curves, tick)
                    tracks[key] = (setting.key, setting.base_key, *piece, [group])
        self._plain = list(tracks.values())
        self._alike = not self._odd and all(len(members) == len(groups) for *_, members in self._plain)
        if self._alike:
            self._plain = [(*track, groups) for *track, _ in self._plain]  # type: ignore[misc]  # the same, and its list

    def _curves(self, setting: Setting, group: dict[str, Any]) -> list[Joined]:
        """The curves whose product a group's setting is multiplied by."""
        return self._made.of(setting.name, rules_of(group)[0], setting.own(self.optimizer, group))

    def _piece(self, setting: Setting, curves: list[Joined], tick: int) -> tuple[Factor, int]:
        """One function for the ticks from `tick` to before the first of these curves' pieces ends, and its 0."""
        # Pieces are unpacked as far as they go, so that a tick calls one function however deep the schedule is; where
        # several curves multiply, each counts from its own 0, and the first one's is everybody's.
        scale = self.scale() if setting == _RATE else 1.0
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


@final
class PhasesLR(TimelinesLR):
    """Phases of the rate, of other settings, and of rules. Its state is its position."""
