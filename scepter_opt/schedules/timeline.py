"""Fitted phases as one curve over the whole schedule."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

from ..errors import ABSENT, ConfigError, Problem, join_key
from .curves import CURVES, constant
from .horizon import UnknownYet
from .joining import Factor, Joined, hold, join, shift
from .phases import Clock, Include, Phase


@dataclass(frozen=True)
class Piece:
    """A phase with its place on the schedule's clock."""

    key: str
    phase: Phase
    begin: int
    end: int | None


@dataclass(frozen=True)
class Timeline:
    """Phases one after the other, as data: it can be compared, pickled and printed."""

    pieces: tuple[Piece, ...]
    """Every phase that holds no others, in order."""
    first_step: int = 0
    """The schedule's tick at the first step."""

    @classmethod
    def of(cls, phases: Mapping[str, Phase], key: str, first_step: int = 0) -> Timeline:
        """The timeline of fitted phases; where all are left out, the factor 1."""
        return cls(tuple(_flat(phases, key, 0)) or cls.constant().pieces, first_step)

    @classmethod
    def constant(cls) -> Timeline:
        """The factor 1, without an end."""
        return cls((Piece("", Phase(CURVE="constant"), 0, None),))

    # a FIRST_STEP moves where the run begins, not how long the schedule is: the end stays that of the phases
    @property
    def end(self) -> int | None:
        """Ticks of the schedule, after which the last value holds; None where there is no end."""
        return self.pieces[-1].end

    def curve(self, own: float = 1.0) -> Joined:
        """The factor at every tick.

        Args:
            own: The optimizer's own value of the setting, which FROM_VALUE and TO_VALUE are divided by.

        Raises:
            ConfigError: The phases make no curve, or `own` is 0 and is to be divided by.
        """
        # Phases that were rounded to 0 ticks have no place on the clock, but they lead somewhere: what comes after them
        # begins at their end, as it would after one tick of them.
        curves: list[Factor] = []
        ends: list[int] = []
        stands = 1.0  # the factor at which the phase before ended
        for piece in self.pieces:
            try:
                curve = self._curve(piece, stands, own)
                if piece.end is not None:
                    stands = _end_of(piece, curve, stands, own)
            except ValueError as error:
                if isinstance(error, ConfigError):
                    raise
                raise ConfigError([Problem(piece.key, f"{_in_keys(str(error))}.")]) from error
            if piece.end != piece.begin:
                curves.append(curve)
                ends += [] if piece.end is None else [piece.end]
        # the end itself and not the curve's last tick, which may be a stair, or short of an end that is not included
        if self.end is not None:
            curves.append(constant(stands))
        joined = join(curves, ends)
        return shift(joined, self.first_step) if self.first_step else joined

    def _curve(self, piece: Piece, stands: float, own: float) -> Factor:
        """The curve of a phase from its first tick on."""
        phase, kind = piece.phase, CURVES[piece.phase.shape]
        start, end = _factor(piece, "FROM", own, stands), _factor(piece, "TO", own, None)
        if kind.to == "optional":
            return constant(start if end is None else end)
        if kind.to == "required" and piece == self.pieces[0] and not {"FROM", "FROM_VALUE"} & set(phase) and end == 1.0:
            message = "is required: the first phase begins at 1 without it, and ends at the optimizer's own value too."
            raise ConfigError([Problem(f"{piece.key}.FROM", message)])
        # A curve is made from where its clock begins, and read from where the phase begins: with the schedule's clock
        # the phases before hide its beginning.
        origin = 0 if phase.CLOCK is Clock.schedule else piece.begin
        keys = {key.lower(): phase[key] for key in kind.keys if key in phase}
        if "TIMESCALE" in kind.keys and "timescale" not in keys:
            keys["timescale"] = _ticks_before(piece)
        if kind.to == "follows":
            _refuse_growth(piece)
            curve, lead = kind.make(start, **keys), 0
        else:
            length, lead = _length_and_lead(phase, self._until(piece) - origin)
            curve = kind.make(start, end, max(1, length), **keys)
        # first the ends, then the stairs, then the clock: stairs are of values at ticks, counted from the clock's 0
        curve = shift(curve, lead) if lead else curve
        curve = hold(curve, phase.HOLD) if phase.HOLD is not None else curve
        return shift(curve, piece.begin - origin) if piece.begin > origin else curve

    def _until(self, piece: Piece) -> int:
        """The tick at which a curve that goes to an end reaches it, by its clock."""
        until = self.end if piece.phase.CLOCK is Clock.schedule else piece.end
        if until is None:
            message = "the schedule's clock needs its end: give total_steps to the call."
            raise UnknownYet([Problem(f"{piece.key}.CLOCK", message)])
        return until


@dataclass(frozen=True)
class Timelines:
    """What a PhasesLR does to every setting of every group, as data, by the optimizer's keys: LEARNING_RATE is one."""

    settings: Mapping[str, Timeline]
    """Those of all groups."""
    rules: Mapping[str, Mapping[str, Timeline]] = field(default_factory=dict)
    """Those that multiply them for the groups of a rule, by rule."""

    @property
    def rate(self) -> Timeline:
        """The learning rate's."""
        return self.settings["LEARNING_RATE"]

    @property
    def names(self) -> list[str]:
        """Every setting that is scheduled, for all groups or for some."""
        return list(dict.fromkeys([*self.settings, *(name for rule in self.rules.values() for name in rule)]))

    def keyed(self) -> Iterator[tuple[str, str, str, Timeline]]:
        """Each timeline with its key, its setting, and its rule; the rule is empty for those of all groups."""
        for rule, timelines in {"": self.settings, **self.rules}.items():
            for name, timeline in timelines.items():
                alone = f"RULES.{rule}" if rule else "PHASES"
                key = alone if name == "LEARNING_RATE" else f"{alone}.SETTINGS.{name}" if rule else f"SETTINGS.{name}"
                yield key, name, rule, timeline


class Curves:
    """The curves of timelines, each made once for each of the optimizer's own values.

    Args:
        timelines: What they are made of.
    """

    def __init__(self, timelines: Timelines) -> None:
        self._keyed = list(timelines.keyed())
        self._made: dict[tuple[str, float], Joined] = {}

    def of(self, setting: str, rules: Collection[str], own: float) -> list[Joined]:
        """The curves whose product a setting is multiplied by, in groups of these rules.

        Args:
            setting: The optimizer's key.
            rules: The rules that a group's parameters all have.
            own: The optimizer's own value of the setting.

        Raises:
            ConfigError: The phases make no curve of this value.
        """
        curves = []
        for key, name, rule, timeline in self._keyed:
            if name == setting and (not rule or rule in rules):
                if (key, own) not in self._made:
                    self._made[key, own] = timeline.curve(own)
                curves.append(self._made[key, own])
        return curves


@final
class PlainSchedule:
    """A timeline as a function of the tick. It pickles as the data that it is made of.

    Args:
        timeline: The phases; FROM_VALUE and TO_VALUE are factors here.

    Raises:
        ConfigError: The phases make no curve.
    """

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self._curve = timeline.curve()

    def __call__(self, k: int) -> float:
        """The value at tick `k`."""
        return self._curve(k)

    def __reduce__(self) -> Any:
        # curves are closures, which do not pickle; phases do
        return type(self), (self.timeline,)


def _flat(phases: Mapping[str, Phase], key: str, begin: int) -> Iterator[Piece]:
    for name, phase in phases.items():
        place = join_key(key, name)
        end = None if phase.LENGTH is None else begin + phase.LENGTH
        if phase.PHASES:
            yield from _flat(phase.PHASES, f"{place}.PHASES", begin)
        else:
            yield Piece(place, phase, begin, end)
        begin = begin if end is None else end


def _length_and_lead(phase: Phase, ticks: int) -> tuple[int, int]:
    """The steps from one end of a curve to the other, and those that lie before its first tick: INCLUDE in numbers.

    The values at k of n ticks are those at k/n, (k+1)/n, k/(n-1) or (k+1)/(n+1).
    """
    return {
        Include.start: (ticks, 0),
        Include.end: (ticks, 1),
        Include.both: (ticks - 1, 0),
        Include.neither: (ticks + 1, 1),
    }[phase.INCLUDE or Include.start]


def _ticks_before(piece: Piece) -> int:
    if piece.begin == 0:
        message = "is required in the first phase: no ticks come before it."
        raise ConfigError([Problem(f"{piece.key}.TIMESCALE", message)])
    return piece.begin


def _refuse_growth(piece: Piece) -> None:
    """Refuse what grows without end, since it would leave the numbers in mid-training."""
    # with an end the factor there is computed, and refused where it is too large
    if piece.end is None and piece.phase.get("GAMMA", 1.0) > 1:
        message = "the factor grows without an end: give the phase a LENGTH, or total_steps to the call."
        raise UnknownYet([Problem(f"{piece.key}.GAMMA", message, piece.phase["GAMMA"])])


def _in_keys(message: str) -> str:
    """A curve's complaint with the keys for its arguments."""
    name, separator, rest = message.partition(" = ")
    return {"start": "FROM", "end": "TO"}.get(name, name.upper()) + separator + rest if separator else message


def _end_of(piece: Piece, curve: Factor, stands: float, own: float) -> float:
    """The factor at which a phase ends, whichever of its ticks come near it."""
    # its TO is the end, although with INCLUDE or HOLD none of its ticks may reach it
    end: float | None = _factor(piece, "TO", own, None)
    if end is not None:
        return end
    # a phase that was rounded away still leads from its start to its end
    length = 0 if piece.end is None else piece.end - piece.begin
    start: float = _factor(piece, "FROM", own, stands)
    return curve(length) if length else start


def _factor(piece: Piece, end: str, own: float, otherwise: float | None) -> Any:
    """The factor at one end of a phase, whichever way it is said."""
    if end in piece.phase:
        return float(piece.phase[end])
    value = piece.phase.get(f"{end}_VALUE", ABSENT)
    if value is ABSENT:
        return otherwise
    if own == 0:
        message = "no factor makes this of the optimizer's own value, which is 0: give the optimizer a value."
        raise ConfigError([Problem(f"{piece.key}.{end}_VALUE", message, value)])
    return float(value) / own
