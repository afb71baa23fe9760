"""Fitted phases as one curve over the whole schedule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ABSENT, ConfigError, Problem, join_key
from .curves import CURVES, Factor, Joined, constant, join, shift
from .fitting import UnknownYet
from .phases import Clock, Phase


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
    clock: Clock = Clock.phase
    """The clock of the phases after the first that say none."""
    first_step: int = 0
    """The schedule's tick at the first step."""

    @classmethod
    def of(cls, phases: Mapping[str, Phase], key: str, clock: Clock, first_step: int) -> Timeline:
        """The timeline of phases whose lengths are ticks."""
        return cls(tuple(_flat(phases, key, 0)), clock, first_step)

    @classmethod
    def constant(cls) -> Timeline:
        """The factor 1, without an end."""
        return cls((Piece("", Phase(CURVE="constant"), 0, None),))

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
        curves: list[Factor] = []
        ends: list[int | None] = []
        stands = 1.0
        for position, piece in enumerate(self.pieces):
            try:
                curve = self._curve(piece, position, stands, own)
                length = None if piece.end is None else piece.end - piece.begin
                if length is not None:
                    stands = curve(length) if length else _end(piece, stands, own)
            except ValueError as error:
                if isinstance(error, ConfigError):
                    raise
                raise ConfigError([Problem(piece.key, f"{_in_keys(str(error))}.")]) from error
            if length != 0:
                curves.append(curve)
                ends.append(piece.end)
        whole = join(curves, [end for end in ends if end is not None])
        return shift(whole, self.first_step) if self.first_step else whole

    def _curve(self, piece: Piece, position: int, stands: float, own: float) -> Factor:
        """The curve of a phase from its first tick on."""
        phase = piece.phase
        start, end = _start(piece, stands, own), _end(piece, stands, own)
        kind = CURVES[phase.shape]
        if kind.to == "optional":
            return constant(end)
        clock = phase.CLOCK or (self.clock if position else Clock.phase)
        origin = 0 if clock is Clock.schedule else piece.begin
        keys: dict[str, Any] = {key.lower(): phase[key] for key in kind.keys if key in phase}
        if phase.shape == "inverse_sqrt" and "timescale" not in keys:
            if piece.begin == 0:
                message = "is required in the first phase: no ticks come before it."
                raise ConfigError([Problem(f"{piece.key}.TIMESCALE", message)])
            keys["timescale"] = piece.begin
        if kind.to == "follows":
            curve = kind.make(start, **keys)
        else:
            until = self.pieces[-1].end if clock is Clock.schedule else piece.end
            if until is None:
                message = "the schedule's clock needs its end: give total_steps to the call."
                raise UnknownYet([Problem(f"{piece.key}.CLOCK", message)])
            curve = kind.make(start, end, max(1, until - origin), **keys)
        return shift(curve, piece.begin - origin) if piece.begin > origin else curve


@dataclass(frozen=True)
class Timelines:
    """What a PhasesLR does to every setting of every group, as data."""

    rate: Timeline
    """The learning rate's."""
    settings: Mapping[str, Timeline] = field(default_factory=dict)
    """Those of other settings, by the optimizer's keys."""
    rules: Mapping[str, Timeline] = field(default_factory=dict)
    """Those that multiply the rate of a rule's groups, by rule."""


def _flat(phases: Mapping[str, Phase], key: str, begin: int) -> Iterator[Piece]:
    for name, phase in phases.items():
        place = join_key(key, name)
        end = None if phase.LENGTH is None else begin + phase.LENGTH
        if phase.PHASES:
            yield from _flat(phase.PHASES, f"{place}.PHASES", begin)
        else:
            yield Piece(place, phase, begin, end)
        begin = begin if end is None else end


def _in_keys(message: str) -> str:
    """A curve's complaint with the keys for its arguments."""
    name, separator, rest = message.partition(" = ")
    return {"start": "FROM", "end": "TO"}.get(name, name.upper()) + separator + rest if separator else message


def _start(piece: Piece, stands: float, own: float) -> float:
    return _factor(piece, "FROM", own, stands)


def _end(piece: Piece, stands: float, own: float) -> float:
    return _factor(piece, "TO", own, _start(piece, stands, own))


def _factor(piece: Piece, end: str, own: float, otherwise: float) -> float:
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
