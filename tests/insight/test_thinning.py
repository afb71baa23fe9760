"""Fewer points, the same picture: measured against the curve's formula, between the points too."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scepter_opt
from scepter_opt.insight.thinning import thinned

MILLION = 1_000_000


def farthest(x: list[float], y: list[float], kept: list[int]) -> float:
    """The greatest distance of the line through the kept points, as a share of the range."""
    line = np.interp(x, [x[i] for i in kept], [y[i] for i in kept])
    return float(np.abs(line - np.array(y)).max() / (max(y) - min(y)))


def test_a_million_steps_of_warm_up_and_cosine_are_few_points_and_nowhere_a_thousandth_off() -> None:
    node = {
        "NAME": "PhasesLR",
        "PHASES": {
            "warmup": {"CURVE": "linear", "FROM": 0, "TO": 1, "LENGTH": 50_000},
            "decay": {"CURVE": "cosine", "TO": 0.1},
        },
    }
    rates = scepter_opt.preview(node, MILLION, 0.3)["default"]
    kept = thinned(range(MILLION), rates, corners=[50_000])
    assert len(kept) < 1_000
    assert {0, 50_000, MILLION - 1} <= set(kept)
    # the formula, by numpy
    tick = np.arange(MILLION)
    share = (tick - 50_000) / 950_000
    truth = 0.3 * np.where(tick < 50_000, tick / 50_000, 0.1 + 0.9 * (1 + np.cos(np.pi * share)) / 2)
    line = np.interp(tick, kept, [rates[i] for i in kept])
    assert np.abs(line - truth).max() < 0.001 * 0.3


def test_both_ends_of_every_jump_stay() -> None:
    stairs = [0.5 ** (tick // 100) for tick in range(1_000)]
    jumps = {place for tick in range(100, 1_000, 100) for place in (tick - 1, tick)}
    assert thinned(range(1_000), stairs) == sorted({0, 999} | jumps)


def test_points_where_a_line_turns_stay() -> None:
    triangles = [abs(tick % 200 - 100) / 100 for tick in range(1_001)]
    assert thinned(range(1_001), triangles) == list(range(0, 1_001, 100))


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60))
def test_any_line_is_near_its_thinned_one(y: list[float]) -> None:
    x = [float(i * i) for i in range(len(y))]
    kept = thinned(x, y)
    assert kept[0] == 0
    assert kept[-1] == len(y) - 1
    if max(y) - min(y) > 1e-6:
        assert farthest(x, y, kept) < 1e-4


def test_corners_stay_where_nothing_bends() -> None:
    assert thinned(range(10), [float(tick) for tick in range(10)], corners=[4, 40]) == [0, 4, 9]


def test_noise_of_too_many_points_keeps_its_outline_and_its_corners() -> None:
    chance = random.Random(0)
    y = [math.sin(tick / 5_000) + chance.random() / 10 for tick in range(20_000)]
    kept = thinned(range(20_000), y, corners=[77], most=400)
    assert len(kept) <= 401
    assert {0, 77, 19_999, y.index(max(y)), y.index(min(y))} <= set(kept)


@pytest.mark.parametrize("y", [[], [1.0], [1.0, 2.0]])
def test_two_points_and_less_are_left_alone(y: list[float]) -> None:
    assert thinned(range(len(y)), y) == list(range(len(y)))
