"""Tables of rates that other libraries publish in their tests, each said by a node and equal to 1e-12."""

from __future__ import annotations

from math import cos, pi, sqrt
from typing import Any

import pytest

import scepter_opt
from scepter_opt import Horizon
from tests.lr_schedulers.recipes import near

Phases = dict[str, dict[str, Any]]


def linear(length: Any = None, start: float | None = None, to: float = 1.0, **keys: Any) -> dict[str, Any]:
    return {"CURVE": "linear", "TO": to, **({} if start is None else {"FROM": start}), **_length(length), **keys}


def cosine(length: Any = None, to: float = 0.0, **keys: Any) -> dict[str, Any]:
    return {"CURVE": "cosine", "TO": to, **_length(length), **keys}


def square(length: Any = None, to: float = 0.0) -> dict[str, Any]:
    return {"CURVE": "polynomial", "POWER": 2, "TO": to, **_length(length)}


def drops(gamma: float, **keys: Any) -> dict[str, Any]:
    return {"CURVE": "step", "GAMMA": gamma, **keys}


def _length(length: Any) -> dict[str, Any]:
    return {} if length is None else {"LENGTH": length}


HOLD = {"CURVE": "constant"}
# mosaicml/composer, tests/optim/test_scheduler.py at 02c872e: runs of 1000 epochs of 1000 batches, or a share of them.
# The table there is rounded to a thousandth; places that are no round share are computed.
COMPOSER: list[tuple[Phases, float, dict[int, float]]] = [
    ({"a": drops(0.1, EVERY=10)}, 1, {5: 1.0, 15: 0.1, 35: 0.001}),
    ({"a": drops(0.8, EVERY="0.2%")}, 1, {1000: 1.0, 3000: 0.8, 7000: 0.512}),
    ({"a": drops(0.5, EVERY="1 epoch")}, 1, {500: 1.0, 1500: 0.5, 3500: 0.125}),
    ({"a": drops(0.5, EVERY=5)}, 0.5, {3: 1.0, 8: 0.5, 18: 0.125}),
    ({"a": drops(0.1, AT=[10, 30, 70])}, 1, {5: 1.0, 20: 0.1, 50: 0.01, 100: 0.001}),
    ({"a": drops(0.5, AT=[100, "1 epoch", "1%"])}, 1, {50: 1.0, 500: 0.5, 5000: 0.25, 50000: 0.125}),
    ({"a": drops(0.5, AT=[400, "4 epochs", "1%"])}, 4, {200: 1.0, 2000: 0.5, 20000: 0.25, 200000: 0.125}),
    ({"a": linear(to=0)}, 1, {100000: 0.9, 200000: 0.8, 400000: 0.6}),
    ({"a": linear(start=0, to=2)}, 1, {100000: 0.2, 200000: 0.4, 400000: 0.8}),
    ({"a": linear("25%", 0), "b": HOLD}, 1, {100000: 0.4, 200000: 0.8, 400000: 1.0}),
    ({"a": linear("25%", 0), "b": HOLD}, 2, {100000: 0.2, 200000: 0.4, 400000: 0.8}),
    ({"a": {"CURVE": "exponential", "TO": 0.5**1000}}, 1, {1000: 0.5, 2000: 0.25, 4000: 0.0625}),
    ({"a": {"CURVE": "exponential", "TO": 0.5**1000}}, 2, {2000: 0.5, 4000: 0.25, 8000: 0.0625}),
    (
        {"a": cosine()},
        1,
        {0: 1.0, 333333: (1 + cos(pi * 0.333333)) / 2, 500000: 0.5, 666667: (1 + cos(pi * 0.666667)) / 2, 1000000: 0.0},
    ),
    ({"a": cosine(30, 0.5)}, 1, {0: 1.0, 10: 0.875, 15: 0.75, 20: 0.625, 30: 0.5, 50: 0.5}),
    ({"a": cosine(6, 0.5)}, 0.2, {0: 1.0, 2: 0.875, 3: 0.75, 4: 0.625, 6: 0.5, 10: 0.5}),
    (
        {"a": {"CURVE": "cosine_restarts", "TO": 0, "CYCLES": 2, "LENGTH": 60}},
        1,
        {0: 1.0, 10: 0.75, 15: 0.5, 20: 0.25, 30: 1.0, 40: 0.75},
    ),
    (
        {"a": {"CURVE": "cosine_restarts", "TO": 0, "CYCLES": 4, "LENGTH_MULT": 1.5, "LENGTH": "2.4375%"}, "b": HOLD},
        1,
        {0: 1.0, 1000: 0.75, 3000: 1.0, 4500: 0.75, 7500: 1.0, 14250: 1.0},
    ),
    (
        {"a": {"CURVE": "cosine_restarts", "TO": 0.5, "CYCLES": 2, "LENGTH_MULT": 2, "LENGTH": "45 epochs"}},
        0.5,
        {0: 1.0, 5000: 0.875, 15000: 1.0, 25000: 0.875},
    ),
    ({"a": square()}, 1, {0: 1.0, 100000: 0.81, 200000: 0.64, 500000: 0.25}),
    ({"a": square(100, 0.5)}, 1, {0: 1.0, 10: 0.905, 20: 0.82, 50: 0.625}),
    ({"a": square(50, 0.5)}, 0.5, {0: 1.0, 10: 0.82, 20: 0.68, 50: 0.5}),
    (
        {"a": linear(10, 0), "b": drops(0.1, AT=[20, 40], CLOCK="schedule")},
        1,
        {0: 0.0, 5: 0.5, 15: 1.0, 25: 0.1, 45: 0.01},
    ),
    (
        {"a": linear(10, 0), "b": drops(0.5, AT=["1 epoch", "2 epochs"], CLOCK="schedule")},
        0.5,
        {0: 0.0, 5: 0.5, 15: 1.0, 1500: 0.5, 2500: 0.25},
    ),
    (
        {"a": linear(5, 0), "b": drops(0.5, AT=["1 epoch", "2 epochs"], CLOCK="schedule")},
        0.5,
        {0: 0.0, 5: 1.0, 15: 1.0, 1500: 0.5, 2500: 0.25},
    ),
    ({"a": linear("1000 epochs", 0)}, 1, {0: 0.0, 100000: 0.1, 1000000: 1.0}),
    ({"a": linear("500 epochs", 0), "b": HOLD}, 1, {0: 0.0, 250000: 0.5, 500000: 1.0, 750000: 1.0, 1000000: 1.0}),
    ({"a": linear("500 epochs", 0, 3), "b": HOLD}, 1, {0: 0.0, 250000: 1.5, 500000: 3.0, 500500: 3.0, 502000: 3.0}),
    ({"a": linear("0.05%", 0), "b": HOLD}, 1, {0: 0.0, 250: 0.5, 500: 1.0, 499750: 1.0}),
    (
        {"a": linear("500 epochs", 0), "b": linear(to=0)},
        1,
        {0: 0.0, 250000: 0.5, 500000: 1.0, 750000: 0.5, 1000000: 0.0},
    ),
    (
        {"a": linear("500 epochs", 0, 3), "b": linear("1 epoch", to=2)},
        0.501,
        {0: 0.0, 250000: 1.5, 500000: 3.0, 500500: 2.5, 501000: 2.0, 502000: 2.0},
    ),
    (
        {"a": linear("0.05%", 0), "b": linear(to=0)},
        1,
        {0: 0.0, 250: 0.5, 500: 1.0, 499750: 1 - 499250 / 999500},
    ),
    ({"a": linear(500, 0), "b": linear(to=0)}, 0.5, {0: 0.0, 250: 0.5, 500: 1.0, 249875: 1 - 249375 / 499500}),
    ({"a": linear(250, 0), "b": linear(to=0)}, 0.5, {0: 0.0, 125: 0.5, 250: 1.0, 249875: 1 - 249625 / 499750}),
    (
        {"a": linear("90%", 0), "b": cosine()},
        1,
        {0: 0.0, 450000: 0.5, 900000: 1.0, 933333: (1 + cos(pi * 0.33333)) / 2, 950000: 0.5, 1000000: 0.0},
    ),
    (
        {"a": linear("90%", 0), "b": cosine(to=0.5)},
        0.01,
        {0: 0.0, 4500: 0.5, 9000: 1.0, 9333: 0.5 + (1 + cos(pi * 0.333)) / 4, 9500: 0.75, 10000: 0.5},
    ),
    (
        {"a": linear("90%", 0), "b": square()},
        1,
        {0: 0.0, 450000: 0.5, 900000: 1.0, 913397: 0.86603**2, 929289: 0.70711**2, 1000000: 0.0},
    ),
    (
        {"a": linear("90%", 0), "b": square(to=0.5)},
        0.01,
        {0: 0.0, 4500: 0.5, 9000: 1.0, 9134: 0.5 + 0.866**2 / 2, 9293: 0.5 + 0.707**2 / 2, 10000: 0.5},
    ),
]


@pytest.mark.parametrize(("phases", "share", "table"), COMPOSER)
def test_composers_table(phases: Phases, share: float, table: dict[int, float]) -> None:
    run = Horizon(round(1_000_000 * share), steps_per_epoch=1000)
    curve = scepter_opt.schedule({"PHASES": phases}, run)
    assert [curve(tick) for tick in table] == near(table.values())


# huggingface/transformers, tests/optimization/test_optimization.py at 1001bb0: rates of 10 steps from 10.
# What is rounded there to hundredths is computed.
TRANSFORMERS: list[tuple[Phases, list[float]]] = [
    ({"a": HOLD}, [10.0] * 10),
    ({"a": linear(4, 0), "b": HOLD}, [0.0, 2.5, 5.0, 7.5, *[10.0] * 6]),
    ({"a": linear(2, 0), "b": linear(to=0)}, [0.0, 5.0, 10.0, 8.75, 7.5, 6.25, 5.0, 3.75, 2.5, 1.25]),
    ({"a": linear(2, 0), "b": cosine()}, [0.0, 5.0, *(5 * (1 + cos(pi * t / 8)) for t in range(8))]),
    (
        {"a": linear(2, 0), "b": {"CURVE": "cosine_restarts", "CYCLES": 2, "TO": 0}},
        [0.0, 5.0, *(5 * (1 + cos(pi * t / 4)) for t in (0, 1, 2, 3) * 2)],
    ),
    (
        {"a": linear(2, 0), "b": {"CURVE": "polynomial", "POWER": 2, "TO_VALUE": 1e-7}},
        [0.0, 5.0, *(1e-7 + (10 - 1e-7) * (1 - t / 8) ** 2 for t in range(8))],
    ),
]


@pytest.mark.parametrize(("phases", "table"), TRANSFORMERS)
def test_transformers_table(phases: Phases, table: list[float]) -> None:
    shown = scepter_opt.preview({"NAME": "PhasesLR", "PHASES": phases}, 10, 10.0)
    assert list(shown["default"]) == near(table)


# allenai/OLMo-core, src/test/optim/scheduler_test.py at 046abcf: rates from 10 in a run of 10,000 steps.
OLMO: list[tuple[dict[str, Any], dict[int, float]]] = [
    (HOLD, {5_000: 10.0, 10_000: 10.0}),
    (linear(7_000, to=0.2), {5_000: 10.0 - 8.0 * (2_000 / 7_000), 10_000: 2.0}),
    (
        {"CURVE": "inverse_sqrt", "TOWARDS": 0.2},
        {5_000: 2.0 + 8.0 * sqrt(3_000 / 5_000), 10_000: 2.0 + 8.0 * sqrt(3_000 / 10_000)},
    ),
    (cosine(7_000, to=0.2), {5_000: 2.0 + 8.0 * (1 + cos(pi * 2_000 / 7_000)) / 2, 10_000: 2.0}),
]


@pytest.mark.parametrize(("phase", "table"), OLMO)
def test_olmos_table(phase: dict[str, Any], table: dict[int, float]) -> None:
    warmup = {"CURVE": "linear", "FROM_VALUE": 4.0, "TO": 1.0, "LENGTH": 3_000}
    shown = scepter_opt.preview({"NAME": "PhasesLR", "PHASES": {"warmup": warmup, "main": phase}}, 10_001, 10.0)
    column = shown["default"]
    assert [column[tick] for tick in (0, 1_000, 3_000)] == near([4.0, 6.0, 10.0])
    assert [column[tick] for tick in table] == near(table.values())


# huggingface/pytorch-image-models, tests/test_scheduler.py at 0514e98: rates from 0.1 by epochs.
TIMM: list[tuple[Phases, dict[int, float]]] = [
    (
        {"a": {"CURVE": "cosine", "TO_VALUE": 0.001, "LENGTH": 100}},
        {0: 0.1, 50: 0.001 + 0.5 * 0.099 * (1 + cos(pi * 0.5)), 100: 0.001},
    ),
    (
        {"a": {"CURVE": "cosine_restarts", "CYCLES": 2, "TO_VALUE": 0.001, "LENGTH": 100}},
        {49: 0.001 + 0.5 * 0.099 * (1 + cos(pi * 49 / 50)), 50: 0.1, **dict.fromkeys(range(100, 110), 0.001)},
    ),
    ({"a": drops(0.5, EVERY=10)}, {9: 0.1, 10: 0.05, 20: 0.025}),
    ({"a": drops(0.5, AT=[10, 20, 30])}, {8: 0.1, 9: 0.1, 10: 0.05, 11: 0.05, 19: 0.05, 20: 0.025, 31: 0.0125}),
    ({"a": {"CURVE": "polynomial", "POWER": 1, "TO_VALUE": 0.001, "LENGTH": 100}}, {0: 0.1, 100: 0.001}),
    # the warm-up before the main schedule, which then begins at its own tick 0
    (
        {"a": {"CURVE": "linear", "FROM_VALUE": 0.001, "TO": 1, "LENGTH": 5}, "b": cosine(100)},
        {**{t: 0.001 + t * 0.099 / 5 for t in range(5)}, 5: 0.1},
    ),
]


@pytest.mark.parametrize(("phases", "table"), TIMM)
def test_timms_table(phases: Phases, table: dict[int, float]) -> None:
    column = scepter_opt.preview({"NAME": "PhasesLR", "PHASES": phases}, 120, 0.1)["default"]
    assert [column[tick] for tick in table] == near(table.values())
