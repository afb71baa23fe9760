"""Curves one after the other as one curve, and a curve read later, in stairs, or in bulk."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeAlias, final

from .arguments import at_edge, rising, rounded, stretch, stretches_before
from .horizon import whole

Factor: TypeAlias = Callable[[int], float]
"""From a tick, 0 or above, to the factor at that tick."""


@final
class Joined:
    """Curves one after the other, in flat parts: (first tick, tick where the curve's own 0 lies, curve)."""

    def __init__(self, parts: Sequence[tuple[int, int, Factor]]) -> None:
        self.parts = tuple(parts)
        self._begins = [begin for begin, _, _ in parts]

    def __call__(self, k: int) -> float:
        """The factor at tick `k`."""
        _, origin, curve = self.parts[bisect_right(self._begins, k) - 1]
        return curve(k - origin) if k >= 0 else at_edge(k, 0.0, 0.0)

    # for loops that write a factor at every tick: most ticks lie in the piece of the tick before
    def piece(self, k: int) -> tuple[Factor, int, int]:
        """(curve, origin, stop) for loops: from `k` to below `stop` the factor is `curve(tick - origin)`."""
        after = bisect_right(self._begins, whole("tick", k, at_least=0))
        _, origin, curve = self.parts[after - 1]
        return curve, origin, self._begins[after] if after < len(self.parts) else sys.maxsize


def join(curves: Sequence[Factor], boundaries: Sequence[int]) -> Joined:
    """Curves one after the other, each counted from its own start (optax's `join_schedules`).

    `boundaries` are the ticks at which each curve ends. The last curve's end may be left out: then it goes
    on as it does by itself; otherwise its factor there holds.

    >>> fall = lambda k: 1 - k / 4
    >>> [join([fall, fall], [2, 5])(k) for k in range(7)]
    [1.0, 0.75, 1.0, 0.75, 0.5, 0.25, 0.25]
    """
    if not curves or len(curves) - len(boundaries) not in (0, 1):
        raise ValueError(f"{len(curves)} curves, {len(boundaries)} boundaries: only the last may have no end")
    bounds = [0, *rising("boundaries", boundaries)]
    if len(curves) < len(bounds):
        last = curves[-1](bounds[-1] - bounds[-2])
        curves = [*curves, lambda _: last]
    # What is joined again is joined flat: a curve of a curve of a curve costs one bisection, not three, and a loop over
    # pieces sees each of them.
    parts = [
        (begin + inner_begin, begin + origin, inner)
        for curve, begin, stop in zip(curves, bounds, [*bounds[1:], sys.maxsize], strict=True)
        for inner_begin, origin, inner in _parts(curve)
        if begin + inner_begin < stop
    ]
    return Joined(parts)


def shift(curve: Factor, ticks: int) -> Joined:
    """A curve from its own tick `ticks` on: a first step that has a rate, a curve read by another clock.

    >>> shift(lambda k: k / 4, 1)(0)
    0.25
    """
    # parts that are over are dropped; of the one that is running only its origin moves, below 0
    parts, ticks = _parts(curve), whole("ticks", ticks, at_least=0)
    first = bisect_right([begin for begin, _, _ in parts], ticks) - 1
    return Joined([(max(0, begin - ticks), origin - ticks, inner) for begin, origin, inner in parts[first:]])


def hold(curve: Factor, length: int | Fraction) -> Factor:
    """A curve in stairs: the factor at the beginning of each stretch of `length` ticks, whose boundaries are rounded.

    >>> [hold(lambda k: k / 4, 2)(k) for k in range(5)]
    [0.0, 0.0, 0.5, 0.5, 1.0]
    """
    length = stretch("hold", length)
    if isinstance(length, int):
        ticks = length
        return lambda k: curve(k - k % ticks) if k > 0 else curve(k)

    # the boundary is rounded and the index counted exactly: no stretch drifts, however many come before it
    def stairs(k: int) -> float:
        return curve(rounded(Fraction(stretches_before(k, length) * length))) if k > 0 else curve(k)

    return stairs


def values(curve: Factor, start: int, stop: int) -> array[float]:
    """The factors of the ticks from `start` to below `stop`, in 8 bytes each.

    >>> values(lambda k: k / 4, 1, 4)
    array('d', [0.25, 0.5, 0.75])
    """
    start, stop = whole("start", start, at_least=0), whole("stop", stop, at_least=0)
    # piece by piece, so that a million ticks cost no million bisections
    factors, parts = array("d"), _parts(curve)
    for (begin, origin, inner), until in zip(parts, [*(begin for begin, _, _ in parts[1:]), stop], strict=True):
        factors.extend(map(inner, range(max(begin, start) - origin, min(until, stop) - origin)))
    return factors


def _parts(curve: Factor) -> Sequence[tuple[int, int, Factor]]:
    return curve.parts if isinstance(curve, Joined) else ((0, 0, curve),)
