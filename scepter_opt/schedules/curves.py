"""Curves as pure functions from tick to factor, at the same cost for every tick.

A curve counts ticks from its own start: exactly `start` at tick 0, exactly `end` from tick `length` on.
Arguments that make no curve and ticks below 0 are a ValueError.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from math import inf, pi, sin, sqrt
from numbers import Real
from typing import Final, Literal, TypeAlias, final

from .horizon import whole

Factor: TypeAlias = Callable[[int], float]
"""From a tick, 0 or above, to the factor at that tick."""


def constant(value: float) -> Factor:
    """One factor for every tick (optax's `constant_schedule`).

    >>> constant(0.5)(1000)
    0.5
    """
    value = _number("value", value)
    return lambda k: value if k > 0 else _edge(k, value, value)


def linear(start: float, end: float, length: int) -> Factor:
    """A straight line (gradual warm-up, arXiv:1706.02677): start + (end - start) * k/length.

    >>> [linear(0.0, 1.0, 4)(k) for k in range(6)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """
    start, end, length = _number("start", start), _number("end", end), whole("length", length)
    span, half = end - start, length / 2

    def curve(k: int) -> float:
        # Each half is measured from the end it is near: monotone, and all digits kept where that end is 0.
        if 0 < k < half:
            return start + span * (k / length)
        return end - span * ((length - k) / length) if 0 < k < length else _edge(k, start, end)

    return curve


def cosine(start: float, end: float, length: int) -> Factor:
    """Half a cosine (SGDR, arXiv:1608.03983): end + (start - end) * (1 + cos(pi * k/length)) / 2.

    >>> [round(cosine(1.0, 0.0, 4)(k), 3) for k in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    start, end, length = _number("start", start), _number("end", end), whole("length", length)
    span, half, angle = end - start, length / 2, pi / (2 * length)

    def curve(k: int) -> float:
        # (1 - cos(2a)) / 2 is sin(a)**2, which keeps its digits near 0; in two halves as in linear.
        if 0 < k < half:
            share = sin(angle * k)
            return start + span * (share * share)
        share = sin(angle * (length - k))
        return end - span * (share * share) if 0 < k < length else _edge(k, start, end)

    return curve


def polynomial(start: float, end: float, length: int, power: float = 1.0) -> Factor:
    """A power of the share that is left (torch's PolynomialLR): end + (start - end) * (1 - k/length)**power.

    >>> [polynomial(1.0, 0.0, 4, power=2.0)(k) for k in range(6)]
    [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]
    """
    start, end, length = _number("start", start), _number("end", end), whole("length", length)
    span, power = start - end, _number("power", power, above=0)
    return lambda k: end + span * ((length - k) / length) ** power if 0 < k < length else _edge(k, start, end)


def exponential(start: float, end: float, length: int) -> Factor:
    """The same ratio every tick, ends above 0 (torch's ExponentialLR): start * (end/start)**(k/length).

    >>> [round(exponential(1.0, 0.01, 4)(k), 4) for k in range(6)]
    [1.0, 0.3162, 0.1, 0.0316, 0.01, 0.01]
    """
    start, end = _number("start", start, above=0), _number("end", end, above=0)
    # The rounded ratio may carry the last ticks past an end that is close to the start.
    length, ratio, clamp = whole("length", length), end / start, min if start < end else max
    return lambda k: clamp(start * ratio ** (k / length), end) if 0 < k < length else _edge(k, start, end)


def inverse_sqrt(start: float, timescale: float) -> Factor:
    """Noam's decay (arXiv:1706.03762), without an end: start * sqrt(timescale / (timescale + k)).

    >>> [inverse_sqrt(1.0, timescale=100)(k) for k in (0, 300, 9900)]
    [1.0, 0.5, 0.1]
    """
    start, scale = _number("start", start), _number("timescale", timescale, above=0)
    return lambda k: start * sqrt(scale / (scale + k)) if k > 0 else _edge(k, start, start)


def one_minus_sqrt(start: float, end: float, length: int) -> Factor:
    """The cool-down of Hägele et al. 2024 (arXiv:2405.18392): start + (end - start) * sqrt(k/length).

    >>> [round(one_minus_sqrt(1.0, 0.0, 4)(k), 3) for k in range(6)]
    [1.0, 0.5, 0.293, 0.134, 0.0, 0.0]
    """
    start, end, length = _number("start", start), _number("end", end), whole("length", length)
    span = end - start
    return lambda k: start + span * sqrt(k / length) if 0 < k < length else _edge(k, start, end)


def step(start: float, gamma: float, *, every: int | None = None, at: Sequence[int] | None = None) -> Factor:
    """Times `gamma` after every so many ticks or at some (torch's StepLR, MultiStepLR), without an end.

    >>> [step(1.0, 0.5, every=2)(k) for k in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    >>> [step(1.0, 0.5, at=[1, 4])(k) for k in range(6)]
    [1.0, 0.5, 0.5, 0.5, 0.25, 0.25]
    """
    start, gamma = _number("start", start), _number("gamma", gamma, above=0)
    if (every is None) == (at is None):
        raise ValueError(f"every = {every!r} and at = {at!r}: exactly one of them must be given")
    if at is None:
        every = whole("every", every)
        return lambda k: _times(start, gamma, k // every) if k > 0 else _edge(k, start, start)
    drops = _rising("at", at)
    levels = [_times(start, gamma, i) for i in range(len(drops) + 1)]
    return lambda k: levels[bisect_right(drops, k)] if k > 0 else _edge(k, start, start)


def cosine_restarts(
    start: float, end: float, length: int, cycles: int, length_mult: float = 1.0, decay: float = 1.0
) -> Factor:
    """Cosines to `end`, one after the other, that share `length` (SGDR, arXiv:1608.03983).

    Each is `length_mult` times as long as the one before, with boundaries rounded to ticks, and starts at
    `decay` times its start (timm's `cycle_mul` and `cycle_decay`).

    >>> [round(cosine_restarts(1.0, 0.0, 6, cycles=2, length_mult=2.0, decay=0.5)(k), 2) for k in range(7)]
    [1.0, 0.5, 0.5, 0.43, 0.25, 0.07, 0.0]
    """
    start, end, length = _number("start", start), _number("end", end), whole("length", length)
    cycles, decay = whole("cycles", cycles), _number("decay", decay, above=0)
    length_mult = _number("length_mult", length_mult, above=0)
    if cycles > length:
        raise ValueError(f"cycles = {cycles}: more than there are ticks, {length}")
    # Measured by the longest cycle, so that no power overflows.
    longest = cycles - 1 if length_mult > 1 else 0
    sums = list(accumulate(length_mult ** (i - longest) for i in range(cycles)))
    bounds = [round(length * done / sums[-1]) for done in sums]
    lengths = [stop - begin for begin, stop in pairwise([0, *bounds])]
    if 0 in lengths:
        raise ValueError(f"length_mult = {length_mult}: one of {cycles} cycles in {length} ticks gets none")
    starts = [_times(start, decay, i) for i in range(cycles)]
    if (starts[-1] - end) * (start - end) < 0:
        raise ValueError(f"decay = {decay}: the last cycle starts at {starts[-1]:g}, past the end {end:g}")
    return join([cosine(top, end, ticks) for top, ticks in zip(starts, lengths, strict=True)], bounds[:-1])


@final
class Joined:
    """Curves one after the other, in flat parts: (first tick, tick where the curve's own 0 lies, curve)."""

    def __init__(self, parts: Sequence[tuple[int, int, Factor]]) -> None:
        self.parts = tuple(parts)
        self._begins = [begin for begin, _, _ in parts]

    def __call__(self, k: int) -> float:
        """The factor at tick `k`."""
        _, origin, curve = self.parts[bisect_right(self._begins, k) - 1]
        return curve(k - origin) if k >= 0 else _edge(k, 0.0, 0.0)

    def piece(self, k: int) -> tuple[Factor, int, int]:
        """(curve, origin, stop) for loops: from `k` to below `stop` the factor is `curve(tick - origin)`."""
        after = bisect_right(self._begins, whole("tick", k, at_least=0))
        _, origin, curve = self.parts[after - 1]
        return curve, origin, self._begins[after] if after < len(self.parts) else sys.maxsize


def join(curves: Sequence[Factor], boundaries: Sequence[int]) -> Joined:
    """Curves one after the other, each counted from its own start (optax's `join_schedules`).

    `boundaries` are the ticks at which each curve ends. The last curve's end may be left out: then it goes
    on as it does by itself; otherwise its factor there holds.

    >>> [join([linear(0.0, 1.0, 2), step(1.0, 0.5, every=3)], [2, 5])(k) for k in range(7)]
    [0.0, 0.5, 1.0, 1.0, 1.0, 0.5, 0.5]
    """
    if not curves or len(curves) - len(boundaries) not in (0, 1):
        raise ValueError(f"{len(curves)} curves, {len(boundaries)} boundaries: only the last may have no end")
    bounds = [0, *_rising("boundaries", boundaries)]
    if len(curves) < len(bounds):
        curves = [*curves, constant(curves[-1](bounds[-1] - bounds[-2]))]
    parts = [
        (begin + inner_begin, begin + origin, inner)
        for curve, begin, stop in zip(curves, bounds, [*bounds[1:], sys.maxsize], strict=True)
        for inner_begin, origin, inner in _parts(curve)
        if begin + inner_begin < stop
    ]
    return Joined(parts)


def shift(curve: Factor, ticks: int) -> Joined:
    """A curve from its own tick `ticks` on: a first step that has a rate, a curve read by another clock.

    >>> shift(linear(0.0, 1.0, 4), 1)(0)
    0.25
    """
    parts, ticks = _parts(curve), whole("ticks", ticks, at_least=0)
    first = bisect_right([begin for begin, _, _ in parts], ticks) - 1
    return Joined([(max(0, begin - ticks), origin - ticks, inner) for begin, origin, inner in parts[first:]])


def values(curve: Factor, start: int, stop: int) -> array[float]:
    """The factors of the ticks from `start` to below `stop`, in 8 bytes each.

    >>> values(linear(0.0, 1.0, 4), 1, 4)
    array('d', [0.25, 0.5, 0.75])
    """
    start, stop = whole("start", start, at_least=0), whole("stop", stop, at_least=0)
    factors, parts = array("d"), _parts(curve)
    for (begin, origin, inner), until in zip(parts, [*(begin for begin, _, _ in parts[1:]), stop], strict=True):
        factors.extend(map(inner, range(max(begin, start) - origin, min(until, stop) - origin)))
    return factors


@final
@dataclass(frozen=True)
class Curve:
    """What a configuration must know of a curve; `make` has its documentation, types and defaults."""

    make: Callable[..., Factor]
    """The constructor; its keyword arguments are the keys in lower case."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Documentation of each key beside FROM, TO and LENGTH; every value is above 0."""
    to: Literal["required", "optional", "follows"] = "required"
    """TO is required: make(FROM, TO, LENGTH); optional: make(TO or FROM); follows from keys: make(FROM)."""


_TIMESCALE = "Ticks, three times as many as which halve the factor; by default the ticks before the phase."
CURVES: Final[Mapping[str, Curve]] = {
    "constant": Curve(constant, {}, "optional"),
    "linear": Curve(linear),
    "cosine": Curve(cosine),
    "polynomial": Curve(polynomial, {"POWER": "Exponent of the share of the phase that is left."}),
    "exponential": Curve(exponential),
    "inverse_sqrt": Curve(inverse_sqrt, {"TIMESCALE": _TIMESCALE}, "follows"),
    "one_minus_sqrt": Curve(one_minus_sqrt),
    "step": Curve(
        step,
        {"GAMMA": "Factor of each drop.", "EVERY": "Ticks between drops.", "AT": "Ticks of the drops."},
        "follows",
    ),
    "cosine_restarts": Curve(
        cosine_restarts,
        {
            "CYCLES": "Number of cycles in the phase.",
            "LENGTH_MULT": "Length of each cycle, as a factor of the one before.",
            "DECAY": "Start of each cycle, as a factor of the one before.",
        },
    ),
}
"""Every curve by its name in a configuration."""


def _parts(curve: Factor) -> Sequence[tuple[int, int, Factor]]:
    return curve.parts if isinstance(curve, Joined) else ((0, 0, curve),)


def _edge(k: int, start: float, end: float) -> float:
    if k < 0:
        raise ValueError(f"tick {k}: ticks count from 0")
    return start if k == 0 else end


def _number(name: str, value: float, above: float = -inf) -> float:
    if isinstance(value, Real) and not isinstance(value, bool) and above < value < inf:
        return float(value)
    raise ValueError(f"{name} = {value!r}: must be a finite number{' above 0' if above == 0 else ''}")


def _rising(name: str, ticks: Sequence[int]) -> list[int]:
    checked = [whole(f"{name}[{i}]", tick) for i, tick in enumerate(ticks)]
    if all(before < after for before, after in pairwise(checked)):
        return checked
    raise ValueError(f"{name} = {checked}: each must be above the one before")


def _times(start: float, gamma: float, times: int) -> float:
    try:
        return start * gamma**times
    except OverflowError:
        raise ValueError(f"{start} * {gamma}**{times}: too large for a number") from None
