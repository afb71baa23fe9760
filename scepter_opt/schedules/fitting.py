"""Lengths of phases fitted to a run: exact first, then boundaries are rounded to ticks, so that they always sum up."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

from ..errors import ConfigError, Problem, join_key
from .curves import CURVES
from .horizon import Horizon, ticks_per_epoch
from .lengths import Span, span
from .phases import Clock, Phase, takes_rest


class UnknownYet(ConfigError):
    """The total, or the length of an epoch, is needed and unknown: the call can give it."""


def epoch_ticks(config: Any, run: Horizon) -> Fraction | None:
    """Ticks of an epoch under a scheduler's INTERVAL and FREQUENCY; None where it is unknown."""
    try:
        return ticks_per_epoch(config.INTERVAL.value, int(config.FREQUENCY), run.steps_per_epoch)
    except ValueError:  # where no length is in epochs, none is needed
        return None


@dataclass(frozen=True)
class Ruler:
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

    def fit(self, phases: Mapping[str, Phase], key: str) -> dict[str, Phase]:
        """The same phases with every length in ticks; a last phase that needs no end may have none.

        Args:
            phases: Checked phases.
            key: Where they stand, for the messages.

        Raises:
            UnknownYet: The total or the length of an epoch is needed and unknown.
            ConfigError: The lengths do not fit.
        """
        room = None if self.total is None else Fraction(self.total)
        return self._fit(phases, key, Fraction(0), room, nested=False)

    def _fit(
        self, phases: Mapping[str, Phase], key: str, begin: Fraction, room: Fraction | None, nested: bool
    ) -> dict[str, Phase]:
        fitted = {}
        for name, length in self._lengths(phases, key, room, nested).items():
            phase, place = phases[name], join_key(key, name)
            end = None if length is None else begin + length
            ticks = None if end is None else _rounded(end) - _rounded(begin)
            if phase.PHASES:
                changed: dict[str, Any] = {
                    "PHASES": self._fit(phase.PHASES, f"{place}.PHASES", begin, length, nested=True)
                }
            else:
                changed = self._inner(phase, place, length)
            fitted[name] = dataclasses.replace(phase, LENGTH=ticks, **changed)
            begin = begin if end is None else end
        return fitted

    def _lengths(
        self, phases: Mapping[str, Phase], key: str, room: Fraction | None, nested: bool
    ) -> dict[str, Fraction | None]:
        """The exact length of each phase of a level; None for a last one without an end."""
        lengths: dict[str, Fraction | None] = {}
        for name, phase in phases.items():
            if not takes_rest(phase):
                lengths[name] = self._length(phase, join_key(key, name), room)
        used = sum((length for length in lengths.values() if length is not None), Fraction(0))
        sum_of = " + ".join(f"{_show(length)} ({name})" for name, length in lengths.items() if length is not None)
        sum_of += f" = {_show(used)}" if len(lengths) > 1 else ""
        last = list(phases)[-1]
        for name, phase in phases.items():
            if name in lengths:
                continue
            if room is None:
                if name != last or not _endless(phase):
                    raise UnknownYet([self._needed(join_key(key, name), "takes the rest")])
                lengths[name] = None
            elif used < room:
                lengths[name] = room - used
            elif self.truncate and not nested:
                lengths[name] = Fraction(0)
            else:
                message = f"takes the rest, and nothing is left: {sum_of or 0} of {_show(room)} ticks."
                raise ConfigError([Problem(join_key(key, name), message + _way_out(nested))])
        if room is not None and lengths and not any(takes_rest(phase) for phase in phases.values()):
            self._check_sum(key, sum_of, used, room, nested)
        return {name: lengths[name] for name in phases}

    def _check_sum(self, key: str, sum_of: str, used: Fraction, room: Fraction, nested: bool) -> None:
        where = "the phase that holds them" if nested else "the run"
        if used > room and (nested or not self.truncate):
            message = f"{sum_of} ticks, more than the {_show(room)} of {where}.{_way_out(nested)}"
            raise ConfigError([Problem(key, message)])
        if used < room and (nested or self.exact):
            where = "the phase that holds them has" if nested else "TOTAL_STEPS is"
            message = f"{sum_of} ticks, but {where} {_show(room)}: leave out one LENGTH, and that phase takes the rest."
            raise ConfigError([Problem(key, message)])

    def _length(self, phase: Phase, key: str, room: Fraction | None) -> Fraction:
        if phase.LENGTH == 0:  # fitted already, and rounded away
            return Fraction(0)
        if phase.LENGTH is not None:
            return self._ticks(span(phase.LENGTH), f"{key}.LENGTH", room)
        inner = phase.PHASES.items()
        return sum((self._length(part, f"{key}.PHASES.{name}", None) for name, part in inner), Fraction(0))

    def _ticks(self, length: Span, key: str, room: Fraction | None) -> Fraction:
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

    def _inner(self, phase: Phase, key: str, length: Fraction | None) -> dict[str, Any]:
        """The lengths inside a phase, in ticks."""
        if phase.CLOCK is Clock.schedule:
            length = None if self.total is None else Fraction(self.total)
        changed: dict[str, Any] = {}
        if phase.TIMESCALE is not None:
            changed["TIMESCALE"] = max(1, _rounded(self._ticks(span(phase.TIMESCALE), f"{key}.TIMESCALE", length)))
        if phase.EVERY is not None:
            changed["EVERY"] = max(1, _rounded(self._ticks(span(phase.EVERY), f"{key}.EVERY", length)))
        if phase.AT is not None:
            drops = [self._ticks(span(item), f"{key}.AT[{i}]", length) for i, item in enumerate(phase.AT)]
            changed["AT"] = [max(1, _rounded(drop)) for drop in drops]
        return changed


def _endless(phase: Phase) -> bool:
    """Whether a phase is the same however long it is."""
    if phase.PHASES:
        return _endless(next(reversed(phase.PHASES.values())))
    return CURVES[phase.shape].to != "required"


def _rounded(boundary: Fraction) -> int:
    return floor(boundary + Fraction(1, 2))


def _way_out(nested: bool) -> str:
    return "" if nested else " Shorten the phases, or let TRUNCATE: true end the run before they do."


def _show(ticks: Fraction) -> str:
    return str(ticks.numerator) if ticks.denominator == 1 else f"{float(ticks):.6g}"
