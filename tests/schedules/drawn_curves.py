"""What the tests of curves and of joining them share: curves between two ends, and strategies that draw curves."""

from __future__ import annotations

import math
from collections.abc import Callable

from hypothesis import strategies as st

from scepter_opt.schedules.curves import (
    constant,
    cosine,
    exponential,
    inverse_sqrt,
    linear,
    one_minus_sqrt,
    polynomial,
    step,
)
from scepter_opt.schedules.joining import Factor, join

Between = Callable[[float, float, int], Factor]

BETWEEN: dict[str, Between] = {
    "linear": linear,
    "cosine": cosine,
    "polynomial": polynomial,
    "square": lambda start, end, length: polynomial(start, end, length, 2.0),
    "root": lambda start, end, length: polynomial(start, end, length, 0.3),
    "exponential": exponential,
    "one_minus_sqrt": one_minus_sqrt,
}
"""The curves that go from one end to the other without a turn."""

positive = st.floats(1e-6, 1e6)
lengths = st.one_of(st.integers(1, 50), st.integers(1, 10**12))
shapes_between = st.sampled_from(sorted(BETWEEN))


@st.composite
def ends(draw: st.DrawFn) -> tuple[float, float]:
    """Two factors above 0, some as close as floats can be, where rounding would show."""
    start = draw(positive)
    close = [start, math.nextafter(start, 0), math.nextafter(start, math.inf), start * (1 + 1e-13)]
    return start, draw(st.one_of(positive, st.sampled_from(close)))


@st.composite
def schedules_and_lengths(draw: st.DrawFn) -> tuple[list[Factor], list[int]]:
    """Curves of every shape with the length that each is given."""
    curves: list[Factor] = []
    given_lengths: list[int] = []
    for _ in range(draw(st.integers(1, 4))):
        length = draw(st.integers(1, 12))
        start, end = draw(ends())
        shapes: list[Factor] = [
            constant(start),
            linear(start, end, length),
            cosine(end, start, length),
            inverse_sqrt(start, length),
            step(start, 0.5, every=length),
            join([linear(0.0, start, 3), cosine(start, end, length)], [3]),
        ]
        curves.append(draw(st.sampled_from(shapes)))
        given_lengths.append(length)
    return curves, given_lengths


def sums(numbers: list[int]) -> list[int]:
    return [sum(numbers[: i + 1]) for i in range(len(numbers))]
