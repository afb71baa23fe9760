"""FINISH: a last curve that begins where a run stands, whatever its schedule was."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, final

from ..config.fields import Bounds, Nested
from ..errors import ConfigError, Problem, did_you_mean
from . import curves
from .arguments import rounded
from .fitting import Fitting
from .horizon import UnknownYet, whole
from .joining import Joined
from .lengths import Length
from .phases import Phase, check_phase
from .timeline import Piece, Timeline

# What a phase has and this has not: it begins where the run stands, and what it counts from is its own beginning.
_OF_PHASES = ("FROM", "FROM_VALUE", "CLOCK", "PHASES")
KEYS = ("CURVE", "TO", "TO_VALUE", "LENGTH", "INCLUDE", "HOLD", "AT")
"""What can be said, beside the curve's own keys."""
CURVES = tuple(name for name, curve in curves.CURVES.items() if curve.to == "required")
"""Those that lead to an end."""


@final
@dataclass(kw_only=True, repr=False)
class Finish(Phase):
    """A curve from the factor at which each group stands to TO, and where it begins."""

    AT: Annotated[int, Bounds(ge=0)] | None = None
    """Tick at which it begins; null is where a checkpoint is loaded."""

    def span(self, start: int, total: int | None, epoch: Fraction | None) -> int:
        """The ticks from its beginning to its end.

        Args:
            start: Ticks before it.
            total: Ticks of the run, where they were given.
            epoch: Ticks of an epoch, where they are known.

        Raises:
            ConfigError: It has no end, or another than the run's.

        >>> finish = Finish(CURVE="linear", TO=0.0, LENGTH=Length.parse("10%"))
        >>> finish.span(900, None, None)
        100
        """
        length = self.LENGTH
        if length is None:
            return _rest(start, total)
        exact = _exact(length, start, epoch)
        ticks = rounded(start + exact) - start
        if ticks < 1:
            message = f"is of the run that ends with it, and after {start} ticks that is none: give it in ticks."
            raise ConfigError([Problem("FINISH.LENGTH", message, str(length))])
        if total not in (None, start + ticks):
            message = (
                f"FINISH begins after {start} ticks and takes {ticks}, so the run ends at {start + ticks}: give that, "
                "or leave out FINISH.LENGTH, which then takes the rest."
            )
            raise ConfigError([Problem("TOTAL_STEPS", message, total)])
        return ticks

    def curve(self, factor: float, ticks: int, epoch: Fraction | None, own: float) -> Joined:
        """The factor at every tick, counted from its beginning.

        Args:
            factor: Where it begins.
            ticks: How long it is.
            epoch: Ticks of an epoch, where they are known.
            own: The optimizer's own rate, which TO_VALUE is divided by.

        Raises:
            ConfigError: There is no such curve.
        """
        if factor == 0 and self.CURVE == "exponential":
            message = "never leaves 0, and there a group's rate stands: take another curve."
            raise ConfigError([Problem("FINISH.CURVE", message, self.CURVE)])
        keys = {key: value for key, value in self.items() if key != "AT"}
        phase = Phase(**keys | {"LENGTH": Length(Fraction(ticks), "ticks")})
        fitting = Fitting(ticks, epoch, exact=False, truncate=False, total_key="")
        fitted = dataclasses.replace(fitting.fit({"FINISH": phase}, "")["FINISH"], FROM=factor)
        return Timeline((Piece("FINISH", fitted, 0, ticks),)).curve(own)

    def describe(self) -> str:
        """It in one line, for the log."""
        end = f"{self.TO:g}" if self.TO is not None else f"the value {self.TO_VALUE:g}"
        length = "the rest" if self.LENGTH is None else f"{self.LENGTH}"
        where = "where a checkpoint stands" if self.AT is None else f"tick {self.AT}"
        return f"FINISH: {self.CURVE} to {end} over {length}, from {where} on"


@dataclass(frozen=True)
class FinishKeys(Nested):
    """A curve with its end and its length, and where it begins."""

    def check(self, value: Any, owner: type, imports: bool | None) -> tuple[Any, list[Problem]]:
        form = "must be a curve to an end: {CURVE: one_minus_sqrt, TO: 0, LENGTH: 10%}."
        if not isinstance(value, Mapping):
            return None, [Problem("", form, value)]
        written = {
            key: item for key, item in value.items() if item is not None or key not in Finish.__dataclass_fields__
        }
        at, curve = written.pop("AT", None), written.get("CURVE")
        problems = [
            Problem(key, f"FINISH has no such key. It has {', '.join(KEYS)}.", written.pop(key))
            for key in _OF_PHASES
            if key in written
        ]
        if curve not in CURVES:
            which = f"one of {', '.join(CURVES)}, which lead to an end."
            said = Problem("CURVE", f"must be {which}{did_you_mean(curve, CURVES)}", curve)
            problems.append(said if "CURVE" in written else Problem("CURVE", f"is required: {which}"))
            written.pop("CURVE", None)
        phase, wrong = check_phase(written, imports, without=_OF_PHASES)
        problems += wrong if "CURVE" in written else [problem for problem in wrong if problem.key != "CURVE"]
        if phase is not None and phase.LENGTH is not None and not 0 < phase.LENGTH.amount < _whole_of(phase.LENGTH):
            message = "must be above 0, and as a share below 100%: a part of the run is over when it begins."
            problems.append(Problem("LENGTH", message, str(phase.LENGTH)))
        try:
            at = None if at is None else whole("AT", at, 0)
        except ValueError:
            problems.append(Problem("AT", "must be a whole number of at least 0: the tick at which it begins.", at))
        return (None, problems) if problems else (Finish(**dict(phase.items()), AT=at), [])


def _rest(start: int, total: int | None) -> int:
    """What a run of so many ticks leaves."""
    if total is None:
        message = "is needed: without it FINISH takes the rest of the run, and how long that is was not given."
        raise UnknownYet([Problem("FINISH.LENGTH", message)])
    if start >= total:
        message = f"takes the rest of the run, and nothing is left: {start} of {total} ticks are done. Give it one."
        raise ConfigError([Problem("FINISH.LENGTH", message)])
    return total - start


def _exact(length: Length, start: int, epoch: Fraction | None) -> Fraction:
    """A length in ticks; a share is of the run that ends with it."""
    if length.unit == "share":
        return start * length.amount / (1 - length.amount)
    if length.unit == "ticks":
        return length.amount
    if epoch is None:
        raise UnknownYet([Problem("FINISH.LENGTH", "is in epochs: give steps_per_epoch to the call.", str(length))])
    return length.amount * epoch


def _whole_of(length: Length) -> float:
    return 1 if length.unit == "share" else float("inf")
