"""Plateaus, functions, restarts and averaging in the situations of torch's own tests, through configs."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import SWALR

import scepter_opt
from scepter_opt import ConfigError
from tests.lr_schedulers.torch_situations import build, near, rates_of, sgd

FUNCTIONS = "tests.lr_schedulers.functions"
SLOW = [10 - i * 0.0165 for i in range(22)]
RISING = [1.5 * 1.005**i for i in range(20)]
ABS = {"THRESHOLD_MODE": "abs"}

# Keys, metrics, and rates after each step from 0.5 on.
PLATEAUS: dict[str, tuple[dict[str, Any], list[float], list[list[float]]]] = {
    "falling fast enough": (
        {**ABS, "THRESHOLD": 0.01, "PATIENCE": 5, "COOLDOWN": 5},
        [10 - i * 0.0167 for i in range(20)],
        [[0.5] * 20],
    ),
    "falling too slowly": (
        {**ABS, "THRESHOLD": 0.1, "PATIENCE": 5},
        SLOW,
        [[0.5] * 6 + [0.05] * 7 + [0.005] * 7 + [0.0005] * 2],
    ),
    "below 0": (
        {**ABS, "MODE": "max", "PATIENCE": 5, "COOLDOWN": 5},
        [-0.8] * 2 + [-0.234] * 20,
        [[0.5] * 8 + [0.05] * 11 + [0.005] * 3],
    ),
    "rising fast enough": (
        {"MODE": "max", "PATIENCE": 3, "THRESHOLD": 0.1},
        [1.5 * 1.025**i for i in range(20)],
        [[0.5] * 20],
    ),
    "rising too slowly": (
        {"MODE": "max", "PATIENCE": 5, "COOLDOWN": 5, "THRESHOLD": 0.1},
        RISING,
        [[0.5] * 6 + [0.05] * 11 + [0.005] * 3],
    ),
    "a share less each time": ({"THRESHOLD": 0.1}, [1.5 * 0.85**i for i in range(20)], [[0.5] * 20]),
    "better once": (
        {"PATIENCE": 5, "COOLDOWN": 5, "THRESHOLD": 0.1},
        [1] * 7 + [0.6] + [0.5] * 12,
        [[0.5] * 6 + [0.05] * 11 + [0.005] * 3],
    ),
    "down to floors": (
        {"MODE": "max", "MIN_LR": [0.4, 0.3], "PATIENCE": 5, "COOLDOWN": 5, "THRESHOLD": 0.1},
        RISING,
        [[0.5] * 6 + [0.4] * 14, [0.5] * 6 + [0.3] * 14],
    ),
}


@pytest.mark.parametrize("name", PLATEAUS)
def test_a_rate_drops_where_the_metric_stands_still(name: str) -> None:
    keys, metrics, expected = PLATEAUS[name]
    optimizer = sgd(0.5, 0.5)
    scheduler = build(optimizer, "ReduceLROnPlateau", **keys)
    assert scheduler.get_last_lr() == [0.5, 0.5]
    seen = rates_of(optimizer, [scheduler], len(metrics), metrics)
    for column, values in zip(seen, expected, strict=False):
        assert column == near([0.5, *values[:-1]])


STEPS: dict[str, tuple[dict[str, Any], Callable[[int], float]]] = {
    "step": ({"NAME": "StepLR", "STEP_SIZE": 3}, lambda t: 0.1 ** (t // 3)),
    "multi step": (
        {"NAME": "MultiStepLR", "MILESTONES": [3, 8, 12]},
        lambda t: 0.1 ** sum(t >= tick for tick in (3, 8, 12)),
    ),
    "exponential": ({"NAME": "ExponentialLR", "GAMMA": 0.1}, lambda t: 0.1**t),
    "cosine": ({"NAME": "CosineAnnealingLR", "T_MAX": 30}, lambda t: (1 + cos(pi * t / 30)) / 2),
    "linear": (
        {"NAME": "LinearLR", "START_FACTOR": 0.4, "TOTAL_ITERS": 4},
        lambda t: min(1.0, 0.4 + 0.6 * t / 4),
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_plateau_beside_another_scheduler_multiplies(name: str) -> None:
    node, factor = STEPS[name]
    keys, metrics, (expected,) = PLATEAUS["falling too slowly"]
    optimizer = sgd(0.5, 0.5)
    # torch leaves out a drop of less than EPS
    schedulers = [build(optimizer, "ReduceLROnPlateau", EPS=0, **keys), scepter_opt.build_lr_scheduler(optimizer, node)]
    seen = rates_of(optimizer, schedulers, 22, metrics)
    assert seen[0] == near(rate * factor(t) for t, rate in enumerate([0.5, *expected[:-1]]))


def test_a_plateau_keeps_rates_in_their_types() -> None:
    optimizer = sgd()
    scheduler = build(optimizer, "ReduceLROnPlateau", PATIENCE=0)
    scheduler.step(1.0)
    scheduler.step(2.0)
    assert [type(group["lr"]) for group in optimizer.param_groups] == [float, torch.Tensor]


@pytest.mark.parametrize("floors", [0.0, [1e-5, 1e-4]])
def test_a_group_that_is_added_breaks_no_plateau(floors: Any) -> None:
    keys, metrics, (expected,) = PLATEAUS["better once"]
    optimizer = sgd(0.5, 0.5)
    scheduler = build(optimizer, "ReduceLROnPlateau", MIN_LR=floors, **keys)
    seen = []
    for step, metric in enumerate(metrics):
        if step == 8:
            optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2, 3))], "lr": 0.05})
            if isinstance(floors, list):
                scheduler.min_lrs.append(1e-6)
        optimizer.step()
        scheduler.step(metric)
        seen.append(optimizer.param_groups[0]["lr"])
    assert seen == near(expected)


def test_a_group_without_a_floor_is_torchs_error() -> None:
    optimizer = sgd(0.5, 0.5)
    scheduler = build(optimizer, "ReduceLROnPlateau", PATIENCE=0, MIN_LR=[1e-5, 1e-4])
    optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(2, 3))], "lr": 0.05})
    scheduler.step(1)
    with pytest.raises(RuntimeError, match="number of param groups"):
        scheduler.step(1.3)


# Functions


@pytest.mark.parametrize(
    ("name", "functions"),
    [
        ("LambdaLR", ["powers_of_nine_tenths", "powers_of_eight_tenths"]),
        ("MultiplicativeLR", ["nine_tenths", "eight_tenths"]),
    ],
)
def test_a_function_for_each_group(name: str, functions: list[str]) -> None:
    optimizer = sgd(0.05, 0.4)
    scheduler = build(optimizer, name, LR_LAMBDA=[f"{FUNCTIONS}.{function}" for function in functions])
    seen = rates_of(optimizer, [scheduler], 10)
    assert seen == [near(0.05 * 0.9**t for t in range(10)), near(0.4 * 0.8**t for t in range(10))]


@pytest.mark.parametrize("name", ["LambdaLR", "MultiplicativeLR"])
@pytest.mark.parametrize("listed", [False, True])
def test_what_is_no_function_is_refused(name: str, listed: bool) -> None:
    path = f"{FUNCTIONS}.not_a_function"
    with pytest.raises(ConfigError, match="is a float, not callable"):
        build(sgd(), name, LR_LAMBDA=[path] * 2 if listed else path)


@pytest.mark.parametrize(("saved", "held"), [("times_ten", {"value": 10}), ("powers_of_nine_tenths", None)])
def test_the_state_of_a_function_that_is_an_object_is_kept(saved: str, held: Any) -> None:
    scheduler = build(sgd(), "LambdaLR", LR_LAMBDA=f"{FUNCTIONS}.{saved}")
    state = scheduler.state_dict()
    assert state["lr_lambdas"] == [held, held]
    again = build(sgd(), "LambdaLR", LR_LAMBDA=f"{FUNCTIONS}.{saved}")
    again.load_state_dict(state)
    assert again.state_dict() == state


# Restarts


def restarts(first: int, factor: int, t: float) -> tuple[float, int]:
    length = first
    while t >= length:
        t, length = t - length, length * factor
    return t, length


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_restarts(factor: int) -> None:
    optimizer = sgd()
    scheduler = build(optimizer, "CosineAnnealingWarmRestarts", T_0=10, T_MULT=factor, ETA_MIN=1e-10)
    seen = rates_of(optimizer, [scheduler], 100)
    for rate, column in zip((0.05, 0.5), seen, strict=True):
        places = [restarts(10, factor, t) for t in range(100)]
        assert column == near(1e-10 + (rate - 1e-10) * (1 + cos(pi * t / length)) / 2 for t, length in places)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_restarts_at_positions_that_are_given_in_fractions_too(factor: int) -> None:
    optimizer = sgd()
    scheduler = build(optimizer, "CosineAnnealingWarmRestarts", T_0=10, T_MULT=factor)
    for position in [*(tick / 10 for tick in range(300)), 0, 25, 32, 3, 17.5, 80, 50]:
        scheduler.step(position)
        t, length = restarts(10, factor, position)
        assert float(optimizer.param_groups[0]["lr"]) == pytest.approx(0.05 * (1 + cos(pi * t / length)) / 2, rel=1e-6)


def test_a_place_past_its_cycle_is_taken_back_into_one() -> None:
    scheduler = build(sgd(), "CosineAnnealingWarmRestarts", T_0=4)
    scheduler.optimizer.step()
    for place in (7, 8, 9):
        scheduler.T_cur = place
        scheduler.step()
        assert scheduler.T_cur == (place + 1) % 4


# torch's averaging, registered as it is


@pytest.mark.parametrize(("strategy", "ticks"), [("cos", 5), ("linear", 4), ("cos", 1)])
def test_a_class_of_torchs_that_is_not_built_in(strategy: str, ticks: int) -> None:
    scepter_opt.LR_SCHEDULERS.register_class()(SWALR)
    optimizer = sgd(0.05, 0.5)
    before = build(optimizer, "MultiplicativeLR", LR_LAMBDA=f"{FUNCTIONS}.nine_tenths")
    after = build(optimizer, "SWALR", SWA_LR=0.01, ANNEAL_EPOCHS=ticks, ANNEAL_STRATEGY=strategy)
    columns = rates_of(optimizer, [before], 5)
    seen = [column + more for column, more in zip(columns, rates_of(optimizer, [after], 10), strict=True)]

    def share(t: int) -> float:
        done = min(1.0, t / ticks)
        return 1 - done if strategy == "linear" else (1 + cos(pi * done)) / 2

    for rate, column in zip((0.05, 0.5), seen, strict=True):
        held = rate * 0.9**5
        expected = [rate * 0.9**t for t in range(5)] + [held * share(t) + 0.01 * (1 - share(t)) for t in range(10)]
        assert column == near(expected)


@pytest.mark.parametrize(
    "keys",
    [{"ANNEAL_STRATEGY": "exponential"}, {"ANNEAL_EPOCHS": -1}, {"ANNEAL_EPOCHS": 1.7}, {"SWA_LR": [1.0, 0.1, 0.01]}],
)
def test_what_torchs_class_refuses_is_a_config_error(keys: dict[str, Any]) -> None:
    scepter_opt.LR_SCHEDULERS.register_class()(SWALR)
    with pytest.raises(ConfigError):
        build(sgd(), "SWALR", **{"SWA_LR": 1.0, **keys})
