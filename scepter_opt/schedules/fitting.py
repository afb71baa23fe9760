"""Lengths of phases fitted to a run: exact first, then boundaries are rounded to ticks, so that they always sum up."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import ConfigError, Problem, join_key
from .arguments import rounded
from .curves import CURVES
from .horizon import Horizon, UnknownYet, ticks_per_epoch
from .lengths import Length
from .phases import Clock, Phase, takes_rest


def epoch_ticks(config: Any, run: Horizon) -> Fraction | None:
    """Ticks of an epoch under a scheduler's INTERVAL and FREQUENCY; None where it is unknown."""
    try:
        return ticks_per_epoch(config.INTERVAL.value, int(config.FREQUENCY), run.steps_per_epoch)
    except ValueError:  # where no length is in epochs, none is needed
        return None


@dataclass(frozen=True)
class Place:
    """Where phases stand in the schedule."""

    key: str
    """Their key, for the messages."""
    begin: Fraction = Fraction(0)
    """The exact tick at which the first of them begins."""
    room: Fraction | None = None
    """The ticks that there are for them; None where that is unknown."""
    nested: bool = False
    """Whether another phase holds them."""
    first: bool = True
    """Whether no phase stands before them."""


@dataclass(frozen=True)
class Fitting:
    """What lengths are measured by."""

    total: int | None
    """Ticks of the schedule; None where it is unknown."""
    epoch: Fraction | None
    """Ticks of an epoch; None where it is unknown."""
    exact: bool
    """Whether lengths must fill the total, because the config says it."""
    truncate: bool
    """Whether the run may end before the phases do."""
    total_key: str = "TOTAL_STEPS"
    """The key that can say the total, empty where only the call can."""
    clock: Clock = Clock.phase
    """The clock of the phases after the first that say none."""
    first_step: int = 0
    """Ticks of the schedule before the run begins, by which phases may be longer than the run."""

    def fit(self, phases: Mapping[str, Phase], key: str) -> dict[str, Phase]:
        """The phases with every length in ticks and their clock said; a last one that needs no end may have none.

        Args:
            phases: Checked phases; those that are left out are not among the fitted ones.
            key: Where they stand, for the messages.

        Raises:
            UnknownYet: The total or the length of an epoch is needed and unknown.
            ConfigError: The lengths do not fit.
        """
        return self._fit(phases, Place(key, room=None if self.total is None else Fraction(self.total)))

    # A level of phases is fitted in three steps: the exact length of each that says one, as a fraction of a tick if it
    # must be (_length); the rest to the one that says none (_rest), or the sum against the room (_check_sum); then the
    # boundaries between them to whole ticks (_fit). Phases inside a phase are a level of their own, whose room is the
    # exact length of the phase that holds them, not the rounded one: so they end where it ends.

    def _fit(self, phases: Mapping[str, Phase], place: Place) -> dict[str, Phase]:
        fitted = {}
        begin, first = place.begin, place.first
        there = {name: phase for name, phase in phases.items() if not phase.left_out}
        # a phase that is left out still stands before the next: a sweep of its length down to 0 changes nothing else
        first = first and next(iter(phases), None) in there
        for name, length in self._lengths(there, place).items():
            phase, key = phases[name], join_key(place.key, name)
            end = None if length is None else begin + length
            # rounded once, as boundaries of the whole schedule: lengths that were rounded each would not sum up
            ticks = None if end is None else rounded(end) - rounded(begin)
            if phase.PHASES:
                inside = Place(f"{key}.PHASES", begin, length, nested=True, first=first)
                changed: dict[str, Any] = {"PHASES": self._fit(phase.PHASES, inside)}
            else:
                changed = self._inner(phase, key, length, Clock.phase if first else self.clock)
            fitted[name] = dataclasses.replace(phase, LENGTH=ticks, **changed)
            begin, first = begin if end is None else end, False
        return fitted

    def _lengths(self, phases: Mapping[str, Phase], place: Place) -> dict[str, Fraction | None]:
        """The exact length of each phase of a level; None for a last one without an end."""
        said = {
            name: self._length(phase, join_key(place.key, name), place.room)
            for name, phase in phases.items()
            if not takes_rest(phase)
        }
        used = sum(said.values(), Fraction(0))
        sum_of = " + ".join(f"{_show(length)} ({name})" for name, length in said.items())
        sum_of += f" = {_show(used)}" if len(said) > 1 else ""
        open_ones = [name for name in phases if name not in said]
        if not open_ones:
            self._check_sum(place, sum_of, used)
            return dict(said)
        (name,) = open_ones  # phases are checked: only one takes the rest
        is_last = name == list(phases)[-1]
        rest = self._rest(phases[name], join_key(place.key, name), place, used, sum_of, is_last)
        return {each: said.get(each, rest) for each in phases}

    def _rest(
        self, phase: Phase, key: str, place: Place, used: Fraction, sum_of: str, is_last: bool
    ) -> Fraction | None:
        """The length of the phase that takes what the others, `used` ticks together, leave."""
        if place.room is None:
            # a last phase that is the same however long it is needs no end, and so no total
            if not is_last or not _endless(phase):
                raise UnknownYet([self._needed(key, "takes the rest")])
            return None
        if used < place.room:
            return place.room - used
        if self.truncate and not place.nested:
            return Fraction(0)
        message = f"takes the rest, and nothing is left: {sum_of or 0} of {_show(place.room)} ticks."
        raise ConfigError([Problem(key, message + _way_out(place.nested))])

    def _check_sum(self, place: Place, sum_of: str, used: Fraction) -> None:
        room, nested = place.room, place.nested
        if room is None:
            return
        where = "the phase that holds them" if nested else "the run"
        if used > room + (0 if nested else self.first_step) and (nested or not self.truncate):
            message = f"{sum_of} ticks, more than the {_show(room)} of {where}.{_way_out(nested)}"
            raise ConfigError([Problem(place.key, message)])
        # a run may be longer than its phases, whose last value then holds, unless the config said the total itself
        if used < room and (nested or self.exact):
            where = "the phase that holds them has" if nested else "TOTAL_STEPS is"
            message = f"{sum_of} ticks, but {where} {_show(room)}: leave out one LENGTH, and that phase takes the rest."
            raise ConfigError([Problem(place.key, message)])

    def _length(self, phase: Phase, key: str, room: Fraction | None) -> Fraction:
        if phase.LENGTH is not None:
            return self._ticks(phase.LENGTH, f"{key}.LENGTH", room)
        # the phases in it say how long it is, in ticks or epochs; a share would be of the very length that is asked for
        inner = phase.PHASES.items()
        return sum((self._length(part, f"{key}.PHASES.{name}", None) for name, part in inner), Fraction(0))

    def _ticks(self, length: Length, key: str, room: Fraction | None) -> Fraction:
        if length.unit == "ticks":
            return length.amount
        if length.unit == "share":
            if room is None:
                raise UnknownYet([self._needed(key, f"= {_show(100 * length.amount)}% is a share")])
            return length.amount * room
        if self.epoch is None:
            message = f"{_show(length.amount)} epochs cannot be counted: give steps_per_epoch to the call."
            raise UnknownYet([Problem(key, message)])
        return length.amount * self.epoch

    def _needed(self, key: str, reason: str) -> Problem:
        if not self.total_key:
            return Problem(key, f"{reason} of the total: give total_steps to the call.".removeprefix("= "))
        message = f"is needed: {key} {reason} of it. Write it, or give total_steps to the call."
        return Problem(self.total_key, message)

    def _inner(self, phase: Phase, key: str, length: Fraction | None, clock: Clock) -> dict[str, Any]:
        """A phase's clock, and the lengths inside it in ticks; shares are of what the clock counts."""
        clock = phase.CLOCK or clock
        # 30 % of a phase that is read by the schedule's clock is 30 % of the schedule, or its drops would come early
        if clock is Clock.schedule:
            length = None if self.total is None else Fraction(self.total)
        keys = {name: described.length for name, described in CURVES[phase.shape].keys.items()}
        changed: dict[str, Any] = {"CLOCK": clock}
        for name, kind in {"HOLD": "one", **keys}.items():
            if not kind or name not in phase:
                continue
            # of an AT the ticks are whole, as the drops are; what repeats may keep a fraction
            if kind == "one":
                changed[name] = _stretch(self._ticks(phase[name], f"{key}.{name}", length), name)
            else:
                each = [self._ticks(item, f"{key}.{name}[{i}]", length) for i, item in enumerate(phase[name])]
                changed[name] = [max(1, rounded(ticks)) for ticks in each]
        return changed


def _stretch(ticks: Fraction, name: str) -> int | Fraction:
    """What repeats keeps the fraction of its length, so that the hundredth boundary is not a hundred roundings off."""
    if ticks.denominator == 1 or name == "TIMESCALE":
        return max(1, rounded(ticks))
    return max(Fraction(1), ticks)


def _endless(phase: Phase) -> bool:
    """Whether a phase is the same however long it is."""
    if phase.PHASES:
        return _endless(next(reversed(phase.PHASES.values())))
    return CURVES[phase.shape].to != "required"


def _way_out(nested: bool) -> str:
    return "" if nested else " Shorten the phases, or let TRUNCATE: true end the run before they do."


def _show(ticks: Fraction) -> str:
    return str(ticks.numerator) if ticks.denominator == 1 else f"{float(ticks):.6g}"
