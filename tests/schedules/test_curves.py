from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scepter_opt.schedules import curves as module
from scepter_opt.schedules.curves import (
    CURVES,
    constant,
    cosine,
    cosine_restarts,
    exponential,
    inverse_sqrt,
    linear,
    one_minus_sqrt,
    polynomial,
    power,
    step,
)
from scepter_opt.schedules.joining import Factor, hold, join, shift, values
from tests.schedules.drawn_curves import BETWEEN, ends, lengths, positive

FORMULAS: dict[str, tuple[Factor, Callable[[int], float]]] = {
    "constant": (constant(0.3), lambda _: 0.3),
    "linear": (linear(0.2, 1.5, 60), lambda k: 0.2 + 1.3 * k / 60),
    "cosine": (cosine(1.0, 0.1, 60), lambda k: 0.1 + 0.9 * (1 + math.cos(math.pi * k / 60)) / 2),
    "polynomial": (polynomial(1.0, 0.1, 60, 0.9), lambda k: 0.1 + 0.9 * (1 - k / 60) ** 0.9),
    "exponential": (exponential(1.0, 1e-3, 60), lambda k: math.exp(math.log(1e-3) * k / 60)),
    "inverse_sqrt": (inverse_sqrt(2.0, 25), lambda k: 2 / math.sqrt(1 + k / 25)),
    "one_minus_sqrt": (one_minus_sqrt(1.0, 0.0, 60), lambda k: 1 - math.sqrt(k / 60)),
    "power": (power(2.0, 25, 0.8), lambda k: 2 * (25 / (25 + k)) ** 0.8),
    "power with a floor": (power(2.0, 25, 0.8, floor=0.9), lambda k: max(0.9, 2 * (25 / (25 + k)) ** 0.8)),
    "power towards": (power(2.0, 25, 0.8, towards=0.5), lambda k: 0.5 + 1.5 * (25 / (25 + k)) ** 0.8),
    "step every": (step(1.0, 0.1, every=7), lambda k: 0.1 ** math.floor(k / 7)),
    "step at": (step(1.0, 0.1, at=[7, 20, 21]), lambda k: 0.1 ** ((k >= 7) + (k >= 20) + (k >= 21))),
    # transformers' get_cosine_with_hard_restarts_schedule_with_warmup, after the warm-up
    "cosine_restarts": (
        cosine_restarts(1.0, 0.0, 60, cycles=4),
        lambda k: (1 + math.cos(math.pi * ((4 * k / 60) % 1))) / 2 if k < 60 else 0.0,
    ),
}

# Each curve


@pytest.mark.parametrize("name", FORMULAS)
def test_a_curve_equals_its_formula(name: str) -> None:
    curve, formula = FORMULAS[name]
    assert [curve(k) for k in range(61)] == pytest.approx([formula(k) for k in range(61)], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("shape", BETWEEN)
@given(ends(), lengths, st.integers(0, 10**15))
def test_ends_are_exact_and_the_last_value_holds(
    shape: str, start_and_end: tuple[float, float], length: int, after: int
) -> None:
    start, end = start_and_end
    curve = BETWEEN[shape](start, end, length)
    assert curve(0) == start
    assert curve(length) == end
    assert curve(length + after) == end


@pytest.mark.parametrize("shape", BETWEEN)
@given(ends(), lengths, st.data())
def test_a_curve_between_two_ends_never_turns_nor_leaves_them(
    shape: str, start_and_end: tuple[float, float], length: int, data: st.DataObject
) -> None:
    start, end = start_and_end
    curve = BETWEEN[shape](start, end, length)
    around = [0, length // 2 - 1, length // 2, length - 1]
    k = max(0, data.draw(st.one_of(st.integers(0, length - 1), st.sampled_from(around))))
    path = [start, curve(k), curve(k + 1), end]
    assert path == sorted(path, reverse=start > end)


@pytest.mark.parametrize("shape", BETWEEN)
@given(ends(), st.integers(1, 200))
def test_every_tick_of_a_short_curve_is_in_order(shape: str, start_and_end: tuple[float, float], length: int) -> None:
    start, end = start_and_end
    path = list(values(BETWEEN[shape](start, end, length), 0, length + 1))
    assert path == sorted(path, reverse=start > end)


@given(positive, positive, st.integers(0, 10**12))
def test_curves_without_an_end_only_fall(start: float, timescale: float, k: int) -> None:
    for curve in (inverse_sqrt(start, timescale), step(start, 0.5, every=7), step(start, 0.5, at=[1, 9, 10**9])):
        assert curve(0) == start
        assert start >= curve(k) >= curve(k + 1) >= 0


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_the_last_tick_before_zero_keeps_its_digits(shape: str) -> None:
    # The textbook formulas subtract two numbers close to 1 here, and lose up to eleven digits.
    n = 1_000_000
    exact = {"linear": 1 / n, "cosine": (math.pi / (2 * n)) ** 2}[shape]
    assert BETWEEN[shape](1.0, 0.0, n)(n - 1) == pytest.approx(exact, rel=1e-11, abs=0)
    assert BETWEEN[shape](0.0, 1.0, n)(1) == pytest.approx(exact, rel=1e-11, abs=0)


@given(st.integers(1, 10**6), st.integers(0, 10**7))
def test_noam_is_a_linear_warm_up_and_inverse_sqrt(warmup: int, k: int) -> None:
    noam = join([linear(0.0, 1.0, warmup), inverse_sqrt(1.0, warmup)], [warmup])
    assert noam(k) == pytest.approx(min(k / warmup, math.sqrt(warmup / max(k, 1))), rel=1e-12)


@pytest.mark.parametrize("every", [Fraction(100, 3), Fraction(3, 2), Fraction(7, 4)])
def test_drops_at_fractions_of_ticks_never_drift(every: Fraction) -> None:
    curve = step(1.0, 0.5, every=every)
    drops = [math.floor(i * every + Fraction(1, 2)) for i in range(1, 200)]
    for k in range(drops[-1]):
        assert curve(k) == 0.5 ** sum(drop <= k for drop in drops)


def test_a_step_may_grow_until_it_leaves_the_floats() -> None:
    doubling = step(1.0, 2.0, every=10)
    assert doubling(95) == 512.0
    with pytest.raises(ValueError, match=r"1.0 \* 2.0\*\*1024: too large for a number"):
        doubling(10_240)


def test_numbers_come_out_as_floats() -> None:
    assert all(
        isinstance(curve(k), float) for curve in (linear(0, 1, 2), constant(1), step(1, 1, every=1)) for k in (0, 9)
    )


# Cosine with restarts


@given(st.integers(40, 10**6), st.integers(1, 5), st.floats(0.5, 2.0), st.floats(0.1, 1.0))
def test_restarts_share_the_length_and_each_starts_at_its_decayed_start(
    length: int, cycles: int, length_mult: float, decay: float
) -> None:
    curve = cosine_restarts(1.0, 0.0, length, cycles, length_mult, decay)
    total = sum(length_mult**i for i in range(cycles))
    for i in range(cycles):
        share = sum(length_mult**j for j in range(i)) / total
        begins = [k for k in {math.floor(share * length), math.ceil(share * length)} if curve(k) == decay**i]
        assert begins
    assert curve(length) == curve(length + 1) == 0.0


def test_restarts_follow_timms_closed_form() -> None:
    # timm's CosineLRScheduler with t_initial=10, cycle_mul=2, cycle_decay=0.5, cycle_limit=3
    curve, begin = cosine_restarts(1.0, 0.01, 70, cycles=3, length_mult=2.0, decay=0.5), 0
    for i, cycle in enumerate((10, 20, 40)):
        for t in range(cycle):
            expected = 0.01 + 0.5 * (0.5**i - 0.01) * (1 + math.cos(math.pi * t / cycle))
            assert curve(begin + t) == pytest.approx(expected, rel=1e-12)
        begin += cycle
    assert curve(70) == 0.01


def test_many_growing_restarts_do_not_overflow() -> None:
    with pytest.raises(ValueError, match=r"length_mult = 10\.0: one of 400 cycles in 1000 ticks gets none"):
        cosine_restarts(1.0, 0.0, 1000, cycles=400, length_mult=10.0)
    assert cosine_restarts(1.0, 0.0, 1000, cycles=1000)(999) == 1.0


# Bad input


@pytest.mark.parametrize("shape", BETWEEN)
@pytest.mark.parametrize("length", [0, -1, 0.5, True, math.nan, "5", None])
def test_a_length_that_is_no_whole_positive_number_is_refused(shape: str, length: Any) -> None:
    with pytest.raises(ValueError, match=r"length = .*: must be a whole number of at least 1"):
        BETWEEN[shape](1.0, 0.5, length)


@pytest.mark.parametrize("shape", BETWEEN)
@pytest.mark.parametrize("end", [math.nan, math.inf, -math.inf, True, "1", None])
def test_an_end_that_is_no_finite_number_is_refused(shape: str, end: Any) -> None:
    with pytest.raises(ValueError, match=r"end = .*: must be a finite number"):
        BETWEEN[shape](1.0, end, 5)
    with pytest.raises(ValueError, match=r"start = .*: must be a finite number"):
        BETWEEN[shape](end, 1.0, 5)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_negative_tick_is_refused(name: str) -> None:
    curve = FORMULAS[name][0]
    for read in (curve, join([curve], []), shift(curve, 5)):
        with pytest.raises(ValueError, match="tick -1: ticks count from 0"):
            read(-1)


REFUSED: dict[str, Callable[[], object]] = {
    "start = 0.0: must be a finite number above 0": lambda: exponential(0.0, 1.0, 5),
    "end = -1.0: must be a finite number above 0": lambda: exponential(1.0, -1.0, 5),
    "power = 0: must be a finite number above 0": lambda: polynomial(1.0, 0.0, 5, 0),
    "floor = 2: above the start, 1": lambda: inverse_sqrt(1.0, 10, floor=2),
    "timescale = 0: must be a finite number above 0": lambda: inverse_sqrt(1.0, 0),
    "gamma = -0.1: must be a finite number above 0": lambda: step(1.0, -0.1, every=2),
    "every = None and at = None: exactly one of them must be given": lambda: step(1.0, 0.1),
    "every = 2 and at = [2]: exactly one of them must be given": lambda: step(1.0, 0.1, every=2, at=[2]),
    "every = 0: must be a whole number of at least 1": lambda: step(1.0, 0.1, every=0),
    "at[0] = 0: must be a whole number of at least 1": lambda: step(1.0, 0.1, at=[0, 2]),
    "at = [2, 2]: each must be above the one before": lambda: step(1.0, 0.1, at=[2, 2]),
    "cycles = 0: must be a whole number of at least 1": lambda: cosine_restarts(1.0, 0.0, 5, 0),
    "cycles = 6: more than there are ticks, 5": lambda: cosine_restarts(1.0, 0.0, 5, 6),
    "length_mult = 0.0: must be a finite number above 0": lambda: cosine_restarts(1.0, 0.0, 5, 2, 0.0),
    "decay = 0.0: must be a finite number above 0": lambda: cosine_restarts(1.0, 0.0, 5, 2, 1.0, 0.0),
    "decay = 0.1: the last cycle starts at 0.1, past the end 0.5": lambda: cosine_restarts(1.0, 0.5, 9, 2, 1.0, 0.1),
    "0 curves, 0 boundaries: only the last may have no end": lambda: join([], []),
    "2 curves, 0 boundaries: only the last may have no end": lambda: join([constant(1), constant(2)], []),
    "1 curves, 2 boundaries: only the last may have no end": lambda: join([constant(1)], [1, 2]),
    "boundaries[0] = 0: must be a whole number of at least 1": lambda: join([constant(1)], [0]),
    "boundaries = [3, 2]: each must be above the one before": lambda: join([constant(1), constant(2)], [3, 2]),
    "ticks = -1: must be a whole number of at least 0": lambda: shift(constant(1), -1),
    "start = -1: must be a whole number of at least 0": lambda: values(constant(1), -1, 5),
    "tick = -1: must be a whole number of at least 0": lambda: join([constant(1)], []).piece(-1),
    "hold = 0: must be a whole number of at least 1": lambda: hold(constant(1), 0),
}


@pytest.mark.parametrize("message", REFUSED)
def test_arguments_that_make_no_curve_are_refused_by_name(message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        REFUSED[message]()


# The table


def test_every_curve_is_in_the_table() -> None:
    public = {
        name
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    }
    assert set(CURVES) == public


@pytest.mark.parametrize("name", CURVES)
def test_the_table_agrees_with_the_constructors_signature(name: str) -> None:
    curve = CURVES[name]
    assert curve.make.__name__ == name
    positional = {"required": ["start", "end", "length"], "optional": ["value"], "follows": ["start"]}[curve.to]
    parameters = inspect.signature(curve.make).parameters
    assert set(parameters) == {*positional, *(key.lower() for key in curve.keys)}
    assert list(parameters)[: len(positional)] == positional
    for key, described in curve.keys.items():
        assert described.documentation.endswith(".")
        # what the constructor cannot do without, a phase must say, or it follows from the phases before
        needed = parameters[key.lower()].default is inspect.Parameter.empty
        assert needed == (described.required or key == "TIMESCALE")
