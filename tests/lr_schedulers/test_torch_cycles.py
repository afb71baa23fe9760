"""Cycles, restarts, plateaus and functions in the situations of torch's own tests, through configs."""

from __future__ import annotations

import gc
import pickle
import weakref
from collections.abc import Callable, Iterator
from itertools import pairwise
from math import cos, pi
from typing import Any

import pytest
import torch
from torch import nn

from scepter_opt import ConfigError
from tests.lr_schedulers.torch_situations import build, near, sgd
from tests.support import said

FUNCTIONS = "tests.lr_schedulers.functions"


def adam() -> torch.optim.Optimizer:
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (0.05, 0.5)]
    return torch.optim.Adam(groups, lr=0.05)


def momenta_of(optimizer: torch.optim.Optimizer, scheduler: Any, steps: int) -> tuple[list[Any], list[Any]]:
    """Rates and momenta (or first betas) of each group at every step."""
    rates: list[list[float]] = [[] for _ in optimizer.param_groups]
    momenta: list[list[Any]] = [[] for _ in optimizer.param_groups]
    for _ in range(steps):
        for i, group in enumerate(optimizer.param_groups):
            rates[i].append(float(group["lr"]))
            momenta[i].append(group["momentum"] if "momentum" in group else group["betas"][0])
        optimizer.step()
        scheduler.step()
    return rates, momenta


def triangle(up: int, down: int) -> Callable[[int], tuple[int, float]]:
    """The number of the cycle, and how far up it is, from 0 to 1."""

    def at(t: int) -> tuple[int, float]:
        cycle, t = divmod(t, up + down)
        return cycle, t / up if t <= up else 1 - (t - up) / down

    return at


SCALES: dict[str, Callable[[int, int], float]] = {
    "triangular": lambda cycle, t: 1.0 + 0 * cycle * t,
    "triangular2": lambda cycle, t: 0.5**cycle + 0 * t,
    "exp_range": lambda cycle, t: 0.9**t + 0 * cycle,
}


@pytest.mark.parametrize("mode", SCALES)
@pytest.mark.parametrize(("up", "down"), [(4, None), (4, 6), (2, 6)])
@pytest.mark.parametrize("bounds", [[(1, 5), (1, 5)], [(1, 5), (2, 6)], [(1, 5), (3, 7)], [(1, 5), (5, 12)]])
def test_rates_cycle_between_their_bounds_and_momenta_the_other_way(
    mode: str, up: int, down: int | None, bounds: list[tuple[int, int]]
) -> None:
    """Momenta are a tenth of torch's, which are none: they must be below 1."""
    low, high = zip(*bounds, strict=True)
    keys: dict[str, Any] = {"BASE_LR": low[0], "MAX_LR": high[0], "BASE_MOMENTUM": 0.1, "MAX_MOMENTUM": 0.5}
    momenta = [(0.1, 0.5)] * 2
    if bounds[0] != bounds[1]:
        momenta = [(0.1, 0.5), (0.2, 0.6)]
        keys = {"BASE_LR": list(low), "MAX_LR": list(high), "BASE_MOMENTUM": [0.1, 0.2], "MAX_MOMENTUM": [0.5, 0.6]}
    keys |= {"STEP_SIZE_UP": up, "STEP_SIZE_DOWN": down, "MODE": mode}
    optimizer = sgd()
    scheduler = build(optimizer, "CyclicLR", **keys, **({"GAMMA": 0.9} if mode == "exp_range" else {}))
    rates, seen = momenta_of(optimizer, scheduler, 24)
    heights = [share * SCALES[mode](cycle, t) for t in range(24) for cycle, share in [triangle(up, down or up)(t)]]
    assert rates == [near(one + (other - one) * height for height in heights) for one, other in bounds]
    assert seen == [near(other - (other - one) * height for height in heights) for one, other in momenta]


@pytest.mark.parametrize("make", [sgd, adam])
def test_rates_cycle_without_momenta(make: Callable[[], torch.optim.Optimizer]) -> None:
    optimizer = make()
    scheduler = build(optimizer, "CyclicLR", BASE_LR=1, MAX_LR=5, STEP_SIZE_UP=4, CYCLE_MOMENTUM=False)
    rates, momenta = momenta_of(optimizer, scheduler, 11)
    assert rates == [near([1, 2, 3, 4, 5, 4, 3, 2, 1, 2, 3])] * 2
    assert {value for column in momenta for value in column} == {0 if make is sgd else 0.9}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"MODE": "CATS"}, "MODE = 'CATS'"),
        ({"BASE_LR": -1}, "BASE_LR = -1"),
        ({"MAX_LR": [-1, 5]}, r"MAX_LR\[0\] = -1"),
        ({"BASE_LR": 6}, "BASE_LR = 6.0: must be at most MAX_LR"),
        ({"BASE_LR": [1, 6]}, "BASE_LR = .*: must be at most MAX_LR"),
        ({"GAMMA": 0, "MODE": "exp_range"}, "GAMMA = 0: must be above 0"),
        ({"BASE_MOMENTUM": -0.1}, "BASE_MOMENTUM = -0.1"),
        ({"MAX_MOMENTUM": 1}, "MAX_MOMENTUM = 1"),
        ({"BASE_MOMENTUM": 0.95}, "BASE_MOMENTUM = 0.95: must be at most MAX_MOMENTUM"),
    ],
)
def test_bounds_of_a_cycle(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(sgd(), "CyclicLR", **{"BASE_LR": 1, "MAX_LR": 5, **keys})


def test_momentum_that_is_not_there_cannot_be_cycled_and_a_first_beta_can() -> None:
    weights = [nn.Parameter(torch.zeros(1))]
    with pytest.raises(ConfigError, match="momentum"):
        build(torch.optim.Rprop(weights), "CyclicLR", BASE_LR=1, MAX_LR=5)
    build(torch.optim.Adam(weights), "CyclicLR", BASE_LR=1, MAX_LR=5)


def test_a_cycle_is_freed_when_it_goes_out_of_scope() -> None:
    gc.disable()
    try:
        made = weakref.ref(build(adam(), "CyclicLR", BASE_LR=1, MAX_LR=5, CYCLE_MOMENTUM=False))
        assert made() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("keys", "custom"),
    [
        ({}, None),
        ({"MODE": "triangular2"}, None),
        ({"SCALE_FN": f"{FUNCTIONS}.half"}, None),
        ({"SCALE_FN": f"{FUNCTIONS}.times_ten"}, {"value": 10}),
    ],
)
def test_the_state_of_a_cycle_pickles_and_comes_back(keys: dict[str, Any], custom: Any) -> None:
    node = {"BASE_LR": 1, "MAX_LR": 5, "CYCLE_MOMENTUM": False}
    scheduler = build(adam(), "CyclicLR", **node, **keys)
    state = scheduler.state_dict()
    assert "_scale_fn_ref" not in state
    assert state["_scale_fn_custom"] == custom
    restored = build(adam(), "CyclicLR", **node, **{key: keys[key] for key in keys if key == "SCALE_FN"})
    with said() as texts:
        restored.load_state_dict(pickle.loads(pickle.dumps(state)))
    mode = "the checkpoint's holds. MODE: configuration triangular, checkpoint triangular2."
    assert [mode in text for text in texts] == [True] * ("MODE" in keys)
    assert (restored.mode, restored.scale_fn(2)) == (scheduler.mode, scheduler.scale_fn(2))


def test_a_cycle_after_a_cosine_keeps_to_its_own_bounds() -> None:
    optimizer = torch.optim.SGD(nn.Linear(2, 1).parameters(), lr=0.5)
    first = build(optimizer, "CosineAnnealingLR", T_MAX=20, ETA_MIN=0.1)
    second = build(optimizer, "CyclicLR", BASE_LR=0.1, MAX_LR=0.3, STEP_SIZE_UP=1, STEP_SIZE_DOWN=3)
    for i in range(40):
        optimizer.step()
        (first if i <= 20 else second).step()
    assert optimizer.param_groups[0]["lr"] <= 0.3


# One cycle


def anneal(strategy: str, start: float, end: float, share: float) -> float:
    return start + (end - start) * (share if strategy == "linear" else (1 - cos(pi * share)) / 2)


def piecewise(strategy: str, points: list[tuple[float, float]]) -> Iterator[float]:
    """Values at the ticks 0 to 9 on curves between (tick, value) points."""
    for t in range(10):
        (begin, start), (end, stop) = next(pair for pair in pairwise(points) if pair[0][0] <= t <= pair[1][0])
        yield anneal(strategy, start, stop, (t - begin) / (end - begin))


ONE_CYCLES: list[tuple[dict[str, Any], list[tuple[float, float]], list[tuple[float, float]]]] = [
    ({"FINAL_DIV_FACTOR": 2}, [(0, 1), (2, 25), (9, 0.5)], [(0, 0.88), (2, 0.04), (9, 0.88)]),
    (
        {"PCT_START": 0.4, "FINAL_DIV_FACTOR": 4, "THREE_PHASE": True},
        [(0, 1), (3, 25), (6, 1), (9, 0.25)],
        [(0, 0.88), (3, 0.04), (6, 0.88), (9, 0.88)],
    ),
]


@pytest.mark.parametrize("make", [sgd, adam])
@pytest.mark.parametrize("strategy", ["linear", "cos"])
@pytest.mark.parametrize(("keys", "rates", "momenta"), ONE_CYCLES)
def test_one_cycle(make: Any, strategy: str, keys: dict[str, Any], rates: Any, momenta: Any) -> None:
    optimizer = make()
    node = {"MAX_LR": 25, "TOTAL_STEPS": 10, "BASE_MOMENTUM": 0.04, "MAX_MOMENTUM": 0.88, "ANNEAL_STRATEGY": strategy}
    seen, moved = momenta_of(optimizer, build(optimizer, "OneCycleLR", **node, **keys), 10)
    assert seen == [near(piecewise(strategy, rates))] * 2
    assert moved == [near(piecewise(strategy, momenta))] * 2


def test_the_state_of_an_older_torch_goes_on() -> None:
    optimizer = sgd()
    node = {"MAX_LR": 25, "TOTAL_STEPS": 10, "FINAL_DIV_FACTOR": 2, "BASE_MOMENTUM": 0.04, "MAX_MOMENTUM": 0.88}
    scheduler = build(optimizer, "OneCycleLR", **node)
    del scheduler._anneal_func_type
    state = scheduler.state_dict()
    state["anneal_func"] = torch.optim.lr_scheduler.OneCycleLR._annealing_cos
    scheduler.load_state_dict(state)
    seen, _ = momenta_of(optimizer, scheduler, 10)
    assert seen == [near(piecewise("cos", ONE_CYCLES[0][1]))] * 2


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"ANNEAL_STRATEGY": "CATS", "TOTAL_STEPS": 10}, "ANNEAL_STRATEGY = 'CATS'"),
        ({"PCT_START": 1.1, "TOTAL_STEPS": 10}, "PCT_START = 1.1"),
        ({"MAX_LR": -1, "TOTAL_STEPS": 10}, "MAX_LR = -1"),
        ({}, "TOTAL_STEPS: is needed"),
    ],
)
def test_what_makes_no_cycle(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(sgd(), "OneCycleLR", **{"MAX_LR": 1e-3, **keys})
