"""What the constructors of curves refuse, in words that name the argument."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor, inf
from numbers import Real

from .horizon import whole


def number(name: str, value: float, above: float = -inf) -> float:
    """Return a finite number as a float.

    Raises:
        ValueError: It is none, or not above the bound.
    """
    if isinstance(value, Real) and not isinstance(value, bool) and above < value < inf:
        return float(value)
    raise ValueError(f"{name} = {value!r}: must be a finite number{' above 0' if above == 0 else ''}")


def rising(name: str, ticks: Sequence[int]) -> list[int]:
    """Return ticks of at least 1, each above the one before.

    Raises:
        ValueError: They are none.
    """
    checked = [whole(f"{name}[{i}]", tick) for i, tick in enumerate(ticks)]
    if all(before < after for before, after in pairwise(checked)):
        return checked
    raise ValueError(f"{name} = {checked}: each must be above the one before")


def stretch(name: str, value: int | Fraction) -> int | Fraction:
    """Return the length of stretches that follow each other: whole, or a fraction of ticks of at least 1.

    Raises:
        ValueError: It is none.
    """
    return value if isinstance(value, Fraction) and value >= 1 else whole(name, value)


def stretches_before(tick: int, length: int | Fraction) -> int:
    """How many stretches are over at a tick, each boundary rounded to the nearest tick.

    >>> [stretches_before(tick, Fraction(5, 2)) for tick in range(9)]  # boundaries at 3, 5 and 8
    [0, 0, 0, 1, 1, 2, 2, 2, 3]
    """
    # boundary i is the whole number from i * length - 1/2 up, and only those up to the tick count
    return tick // length if isinstance(length, int) else ceil((2 * tick + 1) / (2 * length)) - 1


def rounded(boundary: Fraction) -> int:
    """The tick nearest to an exact boundary; halves go up."""
    return floor(boundary + Fraction(1, 2))


def at_edge(k: int, start: float, end: float) -> float:
    """The factor at tick 0 and from the last tick on, exactly.

    Raises:
        ValueError: The tick is below 0.
    """
    if k < 0:
        raise ValueError(f"tick {k}: ticks count from 0")
    return start if k == 0 else end


def repeated(start: float, gamma: float, times: int) -> float:
    """A factor multiplied some times.

    Raises:
        ValueError: The product is too large for a float.
    """
    # a float power raises where it is too large, a product is silently infinite
    try:
        product = start * gamma**times
    except OverflowError:
        product = inf
    if -inf < product < inf:
        return product
    raise ValueError(f"{start} * {gamma}**{times}: too large for a number")
