from __future__ import annotations

import sys
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scepter_opt.schedules.curves import constant, cosine, inverse_sqrt, linear, one_minus_sqrt, step
from scepter_opt.schedules.joining import Factor, Joined, hold, join, shift, values
from tests.schedules.drawn_curves import BETWEEN, positive, schedules_and_lengths, shapes_between, sums


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
    assert not any(isinstance(curve, Joined) for _, _, curve in nested.parts)
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


@given(schedules_and_lengths(), st.fractions(1, 20, max_denominator=7))
def test_stairs_hold_the_factor_at_the_beginning_of_each_stretch(
    parts: tuple[list[Factor], list[int]], length: Fraction
) -> None:
    curves, given_lengths = parts
    joined = join(curves, sums(given_lengths))
    stairs = hold(joined, length)
    begins = [floor(i * length + Fraction(1, 2)) for i in range(81)]
    for k in range(80):
        assert stairs(k) == joined(max(begin for begin in begins if begin <= k))


# Cost


@pytest.fixture
def four_parts() -> Joined:
    return join(
        [linear(0.0, 1.0, 10_000), constant(1.0), cosine(1.0, 0.1, 500_000), one_minus_sqrt(0.1, 0.0, 90_000)],
        [10_000, 400_000, 900_000],
    )


def calls_of(curve: Factor, tick: int) -> int:
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


def test_a_million_ticks_take_less_than_ten_megabytes(four_parts: Joined) -> None:
    assert sys.getsizeof(values(four_parts, 0, 1_000_000)) < 10e6


def test_tick_ten_million_costs_what_tick_ten_costs(four_parts: Joined) -> None:
    endless = join([four_parts, step(1.0, 0.5, every=10**6)], [10**6])
    for curve in (four_parts, endless, step(1.0, 0.1, every=30), inverse_sqrt(1.0, 10)):
        assert calls_of(curve, 10**7) <= calls_of(curve, 10) + 3
