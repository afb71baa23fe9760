from __future__ import annotations

import inspect
import math
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scepter_opt.schedules import curves as schedules
from scepter_opt.schedules.curves import (
    CURVES,
    Factor,
    constant,
    cosine,
    cosine_restarts,
    exponential,
    inverse_sqrt,
    join,
    linear,
    one_minus_sqrt,
    polynomial,
    shift,
    step,
    values,
)

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

FORMULAS: dict[str, tuple[Factor, Callable[[int], float]]] = {
    "constant": (constant(0.3), lambda _: 0.3),
    "linear": (linear(0.2, 1.5, 60), lambda k: 0.2 + 1.3 * k / 60),
    "cosine": (cosine(1.0, 0.1, 60), lambda k: 0.1 + 0.9 * (1 + math.cos(math.pi * k / 60)) / 2),
    "polynomial": (polynomial(1.0, 0.1, 60, 0.9), lambda k: 0.1 + 0.9 * (1 - k / 60) ** 0.9),
    "exponential": (exponential(1.0, 1e-3, 60), lambda k: math.exp(math.log(1e-3) * k / 60)),
    "inverse_sqrt": (inverse_sqrt(2.0, 25), lambda k: 2 / math.sqrt(1 + k / 25)),
    "one_minus_sqrt": (one_minus_sqrt(1.0, 0.0, 60), lambda k: 1 - math.sqrt(k / 60)),
    "step every": (step(1.0, 0.1, every=7), lambda k: 0.1 ** math.floor(k / 7)),
    "step at": (step(1.0, 0.1, at=[7, 20, 21]), lambda k: 0.1 ** ((k >= 7) + (k >= 20) + (k >= 21))),
    # transformers' get_cosine_with_hard_restarts_schedule_with_warmup, after the warm-up
    "cosine_restarts": (
        cosine_restarts(1.0, 0.0, 60, cycles=4),
        lambda k: (1 + math.cos(math.pi * ((4 * k / 60) % 1))) / 2 if k < 60 else 0.0,
    ),
}

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


# Joining


@given(schedules_and_lengths())
def test_each_joined_part_counts_from_its_own_start_and_the_last_value_holds(
    parts: tuple[list[Factor], list[int]],
) -> None:
    curves, given_lengths = parts
    joined = join(curves, sums(given_lengths))
    expected = [curve(k) for curve, length in zip(curves, given_lengths, strict=True) for k in range(length)]
    assert list(values(joined, 0, len(expected))) == expected
    last = curves[-1](given_lengths[-1])
    assert joined(len(expected)) == joined(len(expected) + 10**7) == last


@given(schedules_and_lengths())
def test_the_last_part_goes_on_where_its_end_is_left_out(parts: tuple[list[Factor], list[int]]) -> None:
    curves, given_lengths = parts
    joined, begin = join(curves, sums(given_lengths)[:-1]), sum(given_lengths[:-1])
    assert [joined(begin + k) for k in range(50)] == [curves[-1](k) for k in range(50)]


@given(schedules_and_lengths(), st.integers(0, 80), st.integers(0, 80))
def test_values_in_bulk_equal_single_ticks(parts: tuple[list[Factor], list[int]], start: int, length: int) -> None:
    curves, given_lengths = parts
    for joined in (join(curves, sums(given_lengths)), join(curves, sums(given_lengths)[:-1]), curves[0]):
        ticks = range(start, start + length)
        assert list(values(joined, ticks.start, ticks.stop)) == [joined(k) for k in ticks]


@given(schedules_and_lengths(), st.data())
def test_nested_equals_flattened(parts: tuple[list[Factor], list[int]], data: st.DataObject) -> None:
    curves, given_lengths = parts
    flat, cut = join(curves, sums(given_lengths)), data.draw(st.integers(0, len(curves) - 1))
    inner = join(curves[cut:], sums(given_lengths[cut:]))
    nested = join([*curves[:cut], inner], [*sums(given_lengths[:cut]), sum(given_lengths)])
    assert values(nested, 0, 80) == values(flat, 0, 80)
    assert not any(isinstance(curve, schedules.Joined) for _, _, curve in nested.parts)
    assert [begin for begin, _, _ in nested.parts] == [begin for begin, _, _ in flat.parts]


@given(st.lists(st.tuples(shapes_between, positive, st.integers(1, 10**6)), min_size=2, max_size=5), positive)
def test_parts_that_begin_where_the_one_before_ended_join_without_a_jump(
    shapes: list[tuple[str, float, int]], start: float
) -> None:
    curves, boundaries, tick, level = [], [], 0, start
    for shape, end, length in shapes:
        curves.append(BETWEEN[shape](level, end, length))
        tick, level = tick + length, end
        boundaries.append(tick)
    joined = join(curves, boundaries)
    for before, boundary, (_, end, length) in zip(curves, boundaries, shapes, strict=True):
        assert joined(boundary) == before(length) == end


@given(schedules_and_lengths(), st.integers(0, 60), st.integers(0, 60))
def test_a_shifted_curve_is_read_that_many_ticks_later(
    parts: tuple[list[Factor], list[int]], ticks: int, again: int
) -> None:
    curves, given_lengths = parts
    joined = join(curves, sums(given_lengths))
    assert [begin for begin, _, _ in shift(joined, ticks).parts].count(0) == 1
    assert values(shift(joined, ticks), 0, 60) == values(joined, ticks, ticks + 60)
    assert values(shift(shift(joined, ticks), again), 0, 60) == values(joined, ticks + again, ticks + again + 60)


def test_a_part_may_be_read_by_the_clock_of_the_whole() -> None:
    # timm's default: after the warm-up the cosine is read at t/total, as if it had begun with the run
    timm = join([linear(0.0, 1.0, 5), shift(cosine(1.0, 0.0, 100), 5)], [5, 100])
    assert timm(4) == 0.8
    assert [timm(k) for k in range(5, 101)] == [cosine(1.0, 0.0, 100)(k) for k in range(5, 101)]


@given(schedules_and_lengths(), st.integers(0, 60))
def test_a_piece_gives_the_same_factors_up_to_its_stop(parts: tuple[list[Factor], list[int]], k: int) -> None:
    curves, given_lengths = parts
    joined = join(curves, sums(given_lengths))
    curve, origin, stop = joined.piece(k)
    assert stop > k
    assert [curve(i - origin) for i in range(k, min(stop, 80))] == [joined(i) for i in range(k, min(stop, 80))]


# Cost


@pytest.fixture
def four_parts() -> schedules.Joined:
    return join(
        [linear(0.0, 1.0, 10_000), constant(1.0), cosine(1.0, 0.1, 500_000), one_minus_sqrt(0.1, 0.0, 90_000)],
        [10_000, 400_000, 900_000],
    )


def calls_of(curve: schedules.Factor, tick: int) -> int:
    """How many functions, Python's and built-in ones, the value at a tick takes."""
    count = 0

    def listen(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(listen)
    try:
        curve(tick)
    finally:
        sys.setprofile(None)
    return count


def test_a_million_ticks_take_less_than_ten_megabytes(four_parts: schedules.Joined) -> None:
    assert sys.getsizeof(values(four_parts, 0, 1_000_000)) < 10e6


def test_tick_ten_million_costs_what_tick_ten_costs(four_parts: schedules.Joined) -> None:
    endless = join([four_parts, step(1.0, 0.5, every=10**6)], [10**6])
    for curve in (four_parts, endless, step(1.0, 0.1, every=30), inverse_sqrt(1.0, 10)):
        assert calls_of(curve, 10**7) <= calls_of(curve, 10) + 3


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
}


@pytest.mark.parametrize("message", REFUSED)
def test_arguments_that_make_no_curve_are_refused_by_name(message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        REFUSED[message]()


# The table


def test_every_curve_is_in_the_table() -> None:
    public = {
        name
        for name, function in inspect.getmembers(schedules, inspect.isfunction)
        if function.__module__ == schedules.__name__ and not name.startswith("_")
    }
    assert set(CURVES) == public - {"join", "shift", "values"}


@pytest.mark.parametrize("name", CURVES)
def test_the_table_agrees_with_the_constructors_signature(name: str) -> None:
    curve = CURVES[name]
    assert curve.make.__name__ == name
    positional = {"required": ["start", "end", "length"], "optional": ["value"], "follows": ["start"]}[curve.to]
    assert list(inspect.signature(curve.make).parameters) == [*positional, *(key.lower() for key in curve.keys)]
    assert all(text.endswith(".") for text in curve.keys.values())
