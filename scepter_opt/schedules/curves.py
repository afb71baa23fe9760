"""Curves as pure functions from tick to factor, at the same cost for every tick.

A curve counts ticks from its own start: exactly `start` at tick 0, exactly `end` from tick `length` on.
Arguments that make no curve and ticks below 0 are a ValueError.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate, pairwise
from math import pi, sin, sqrt
from typing import Annotated, Any, Final, Literal, final

from ..config.fields import Bounds, CheckedAs, NonNegative, Positive
from .arguments import at_edge, number, repeated, rising, stretch, stretches_before
from .horizon import whole
from .joining import Factor, join


def constant(value: float) -> Factor:
    """One factor for every tick (optax's `constant_schedule`).

    >>> constant(0.5)(1000)
    0.5
    """
    value = number("value", value)
    return lambda k: value if k > 0 else at_edge(k, value, value)


def linear(start: float, end: float, length: int) -> Factor:
    """A straight line (gradual warm-up, arXiv:1706.02677): start + (end - start) * k/length.

    >>> [linear(0.0, 1.0, 4)(k) for k in range(6)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """
    start, end, length = number("start", start), number("end", end), whole("length", length)
    span, half = end - start, length / 2

    def curve(k: int) -> float:
        # Each half is measured from the end it is near: monotone, and all digits kept where that end is 0.
        if 0 < k < half:
            return start + span * (k / length)
        return end - span * ((length - k) / length) if 0 < k < length else at_edge(k, start, end)

    return curve


def cosine(start: float, end: float, length: int) -> Factor:
    """Half a cosine (SGDR, arXiv:1608.03983): end + (start - end) * (1 + cos(pi * k/length)) / 2.

    >>> [round(cosine(1.0, 0.0, 4)(k), 3) for k in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    start, end, length = number("start", start), number("end", end), whole("length", length)
    span, half, angle = end - start, length / 2, pi / (2 * length)

    def curve(k: int) -> float:
        # (1 - cos(2a)) / 2 is sin(a)**2, which keeps its digits near 0; in two halves as in linear.
        if 0 < k < half:
            share = sin(angle * k)
            return start + span * (share * share)
        share = sin(angle * (length - k))
        return end - span * (share * share) if 0 < k < length else at_edge(k, start, end)

    return curve


def polynomial(start: float, end: float, length: int, power: float = 1.0) -> Factor:
    """A power of the share that is left (torch's PolynomialLR): end + (start - end) * (1 - k/length)**power.

    >>> [polynomial(1.0, 0.0, 4, power=2.0)(k) for k in range(6)]
    [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]
    """
    start, end, length = number("start", start), number("end", end), whole("length", length)
    span, power = start - end, number("power", power, above=0)
    return lambda k: end + span * ((length - k) / length) ** power if 0 < k < length else at_edge(k, start, end)


def exponential(start: float, end: float, length: int) -> Factor:
    """The same ratio every tick, ends above 0 (torch's ExponentialLR): start * (end/start)**(k/length).

    >>> [round(exponential(1.0, 0.01, 4)(k), 4) for k in range(6)]
    [1.0, 0.3162, 0.1, 0.0316, 0.01, 0.01]
    """
    start, end = number("start", start, above=0), number("end", end, above=0)
    # The rounded ratio may carry the last ticks past an end that is close to the start.
    length, ratio, clamp = whole("length", length), end / start, min if start < end else max
    return lambda k: clamp(start * ratio ** (k / length), end) if 0 < k < length else at_edge(k, start, end)


def power(start: float, timescale: float, power: float, floor: float = 0.0, towards: float = 0.0) -> Factor:
    """A power of the ticks, without an end: towards + (start - towards) * (T / (T + k))**power, at least `floor`.

    >>> [power(1.0, timescale=100, power=1.0, floor=0.1)(k) for k in (0, 300, 99900)]
    [1.0, 0.25, 0.1]
    """
    start, scale, exponent = number("start", start), number("timescale", timescale, above=0), number("power", power, 0)
    floor, towards = number("floor", floor), number("towards", towards)
    if floor > start:
        raise ValueError(f"floor = {floor:g}: above the start, {start:g}")
    # FLOOR cuts the curve off, TOWARDS bends it: the two ways in which a decay without an end is kept off 0
    span = start - towards
    return lambda k: max(floor, towards + span * (scale / (scale + k)) ** exponent) if k > 0 else at_edge(k, start, 0.0)


def inverse_sqrt(start: float, timescale: float, floor: float = 0.0, towards: float = 0.0) -> Factor:
    """Noam's decay (arXiv:1706.03762): a power of 0.5.

    >>> [inverse_sqrt(1.0, timescale=100)(k) for k in (0, 300, 9900)]
    [1.0, 0.5, 0.1]
    """
    return power(start, timescale, 0.5, floor, towards)


def one_minus_sqrt(start: float, end: float, length: int) -> Factor:
    """The cool-down of Hägele et al. 2024 (arXiv:2405.18392): start + (end - start) * sqrt(k/length).

    >>> [round(one_minus_sqrt(1.0, 0.0, 4)(k), 3) for k in range(6)]
    [1.0, 0.5, 0.293, 0.134, 0.0, 0.0]
    """
    start, end, length = number("start", start), number("end", end), whole("length", length)
    span = end - start
    return lambda k: start + span * sqrt(k / length) if 0 < k < length else at_edge(k, start, end)


def step(start: float, gamma: float, *, every: int | Fraction | None = None, at: Sequence[int] | None = None) -> Factor:
    """Times `gamma` after every so many ticks or at some (torch's StepLR, MultiStepLR), without an end.

    >>> [step(1.0, 0.5, every=2)(k) for k in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    >>> [step(1.0, 0.5, at=[1, 4])(k) for k in range(6)]
    [1.0, 0.5, 0.5, 0.5, 0.25, 0.25]
    """
    start, gamma = number("start", start), number("gamma", gamma, above=0)
    if (every is None) == (at is None):
        raise ValueError(f"every = {every!r} and at = {at!r}: exactly one of them must be given")
    if at is None:
        length = stretch("every", every)  # type: ignore[arg-type]  # not None, as `at` is
        if isinstance(length, int):
            return lambda k: repeated(start, gamma, k // length) if k > 0 else at_edge(k, start, start)
        return lambda k: repeated(start, gamma, stretches_before(k, length)) if k > 0 else at_edge(k, start, start)
    # the products are made once: a drop is looked up, not computed again at every tick
    drops = rising("at", at)
    levels = [repeated(start, gamma, i) for i in range(len(drops) + 1)]
    return lambda k: levels[bisect_right(drops, k)] if k > 0 else at_edge(k, start, start)


def cosine_restarts(
    start: float, end: float, length: int, cycles: int, length_mult: float = 1.0, decay: float = 1.0
) -> Factor:
    """Cosines to `end`, one after the other, that share `length` (SGDR, arXiv:1608.03983).

    Each is `length_mult` times as long as the one before, with boundaries rounded to ticks, and starts at
    `decay` times its start (timm's `cycle_mul` and `cycle_decay`).

    >>> [round(cosine_restarts(1.0, 0.0, 6, cycles=2, length_mult=2.0, decay=0.5)(k), 2) for k in range(7)]
    [1.0, 0.5, 0.5, 0.43, 0.25, 0.07, 0.0]
    """
    start, end, length = number("start", start), number("end", end), whole("length", length)
    cycles, decay = whole("cycles", cycles), number("decay", decay, above=0)
    length_mult = number("length_mult", length_mult, above=0)
    if cycles > length:
        raise ValueError(f"cycles = {cycles}: more than there are ticks, {length}")
    # Measured by the longest cycle, so that no power overflows.
    longest = cycles - 1 if length_mult > 1 else 0
    sums = list(accumulate(length_mult ** (i - longest) for i in range(cycles)))
    bounds = [round(length * done / sums[-1]) for done in sums]
    lengths = [stop - begin for begin, stop in pairwise([0, *bounds])]
    if 0 in lengths:
        raise ValueError(f"length_mult = {length_mult}: one of {cycles} cycles in {length} ticks gets none")
    starts = [repeated(start, decay, i) for i in range(cycles)]
    # a last cycle that began below its floor would rise to it: each of the others would still fall
    if (starts[-1] - end) * (start - end) < 0:
        raise ValueError(f"decay = {decay}: the last cycle starts at {starts[-1]:g}, past the end {end:g}")
    return join([cosine(top, end, ticks) for top, ticks in zip(starts, lengths, strict=True)], bounds[:-1])


@final
@dataclass(frozen=True)
class Key:
    """A key of a curve beside FROM, TO and LENGTH: an argument of its constructor, in capitals."""

    type: Any
    """What its value is; of a length the constructor is given ticks."""
    documentation: str
    """One sentence."""
    length: Literal["", "one", "several"] = ""
    """Whether it is written as a length, or as a list of them."""
    required: bool = False
    """Whether the curve cannot be without it."""


@final
@dataclass(frozen=True)
class Curve:
    """What a configuration must know of a curve."""

    make: Callable[..., Factor]
    """The constructor; its keyword arguments are the keys in lower case."""
    keys: Mapping[str, Key] = field(default_factory=dict)
    """Its own keys."""
    to: Literal["required", "optional", "follows"] = "required"
    """TO is required: make(FROM, TO, LENGTH); optional: make(TO or FROM); follows from keys: make(FROM)."""

    @property
    def phase_keys(self) -> tuple[str, ...]:
        """The keys of a phase of this curve."""
        return ("CURVE", "LENGTH", *_ENDS[self.to], "CLOCK", *self.keys)


_ENDS = {
    "required": ("FROM", "FROM_VALUE", "TO", "TO_VALUE", "INCLUDE", "HOLD"),
    "optional": ("FROM", "FROM_VALUE", "TO", "TO_VALUE"),
    "follows": ("FROM", "FROM_VALUE", "HOLD"),
}


_POWER = "Exponent: of the share of the phase that is left, or of the ticks."
_TIMESCALE = Key(
    float, "Ticks, three times as many as which halve the factor; by default the ticks before the phase.", "one"
)
_ENDLESS = {
    "FLOOR": Key(NonNegative, "Lowest factor."),
    "TOWARDS": Key(NonNegative, "Factor that the curve comes ever nearer to; by default 0."),
}
_CYCLES = Annotated[int | float, CheckedAs(Annotated[int, Bounds(ge=1, le=10_000)])]

# The one place that knows of a curve: the keys of a phase, their checks and what their messages say are made of it.
CURVES: Final[Mapping[str, Curve]] = {
    "constant": Curve(constant, {}, "optional"),
    "linear": Curve(linear),
    "cosine": Curve(cosine),
    "polynomial": Curve(polynomial, {"POWER": Key(Positive, _POWER)}),
    "power": Curve(
        power, {"POWER": Key(Positive, _POWER, required=True), "TIMESCALE": _TIMESCALE, **_ENDLESS}, "follows"
    ),
    "exponential": Curve(exponential),
    "inverse_sqrt": Curve(inverse_sqrt, {"TIMESCALE": _TIMESCALE, **_ENDLESS}, "follows"),
    "one_minus_sqrt": Curve(one_minus_sqrt),
    "step": Curve(
        step,
        {
            "GAMMA": Key(Positive, "Factor of each drop.", required=True),
            "EVERY": Key(float, "Length between drops.", "one"),
            "AT": Key(list[float], "Lengths after which the drops come, increasing.", "several"),
        },
        "follows",
    ),
    "cosine_restarts": Curve(
        cosine_restarts,
        {
            "CYCLES": Key(_CYCLES, "Number of cycles in the phase.", required=True),
            "LENGTH_MULT": Key(Positive, "Length of each cycle, as a factor of the one before."),
            "DECAY": Key(Positive, "Start of each cycle, as a factor of the one before."),
        },
    ),
}
"""Every curve by its name in a configuration."""
