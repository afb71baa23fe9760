"""The whole schedules of projects whose warm-ups include other ends, swept in length, against their own formulas."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sqrt
from typing import Any

import pytest

import scepter_opt
from tests.lr_schedulers.recipes import near

T = 2000
"""Steps of a run."""
Rate = Callable[[int], float]


def linspace(start: float, stop: float, count: int) -> list[float]:
    """numpy's, whose last value is the stop."""
    return [start + (stop - start) * i / (count - 1) if count > 1 else start for i in range(count)]


def nanochat(warmup: int) -> Rate:
    """nanochat, scripts/base_train.py: (it + 1) / warmup, then 1, then a straight line down over a fifth to a tenth."""

    def rate(it: int) -> float:
        if it < warmup:
            return (it + 1) / warmup
        if it <= T - 400:
            return 1.0
        progress = (T - it) / 400
        return progress + (1 - progress) * 0.1

    return rate


def torchtitan(warmup: int) -> Rate:
    """torchtitan, components/lr_scheduler.py: steps from 1 on, in the warm-up and in the decay."""
    decay = T // 5
    stable = T - warmup - decay

    def rate(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        if step < warmup + stable:
            return 1.0
        progress = (step + 1 - (warmup + stable)) / decay
        return 0.1 + 0.9 * (1 - sqrt(progress))

    return rate


def by_linspace(warmup: int) -> Rate:
    """DINOv2 (dinov2/utils/utils.py) and BEiT (utils.py): numpy.linspace, then half a cosine over what is left."""
    left = T - warmup
    rates = linspace(0.01, 1.0, warmup) + [0.1 + 0.5 * 0.9 * (1 + cos(pi * i / left)) for i in range(left)]
    return rates.__getitem__


def pi0(warmup: int) -> Rate:
    """openpi and its port in LeRobot: from 1/(warmup + 1) up, then a cosine that is read from the run's beginning."""

    def rate(step: int) -> float:
        if step < warmup:
            return (1 / (warmup + 1) - 1) * (1 - step / warmup) + 1
        return 0.1 + 0.9 * (1 + cos(pi * min(step, T) / T)) / 2

    return rate


def warmup(include: str, **keys: Any) -> dict[str, Any]:
    return {"CURVE": "linear", "FROM": 0, "TO": 1, "INCLUDE": include, **keys}


NODES: dict[str, tuple[dict[str, Any], Callable[[int], Rate]]] = {
    "nanochat": (
        {
            "PHASES": {
                "warmup": warmup("end"),
                "stable": {"CURVE": "constant"},
                "decay": {"CURVE": "linear", "TO": 0.1, "LENGTH": "20%"},
            }
        },
        nanochat,
    ),
    "torchtitan": (
        {
            "PHASES": {
                "warmup": warmup("end"),
                "stable": {"CURVE": "constant"},
                "decay": {"CURVE": "one_minus_sqrt", "TO": 0.1, "LENGTH": "20%", "INCLUDE": "end"},
            }
        },
        torchtitan,
    ),
    "DINOv2 and BEiT": (
        {"PHASES": {"warmup": warmup("both", FROM=0.01), "decay": {"CURVE": "cosine", "TO": 0.1}}},
        by_linspace,
    ),
    "pi0": (
        {"CLOCK": "schedule", "PHASES": {"warmup": warmup("neither"), "decay": {"CURVE": "cosine", "TO": 0.1}}},
        pi0,
    ),
}


@pytest.mark.parametrize("name", NODES)
@pytest.mark.parametrize(("written", "length"), [("1%", 20), (40, 40), ("5%", 100), (400, 400), ("37.5%", 750), (0, 0)])
def test_every_step_is_the_projects_own_however_long_the_warm_up(name: str, written: Any, length: int) -> None:
    node, formula = NODES[name]
    phases = {**node["PHASES"], "warmup": {**node["PHASES"]["warmup"], "LENGTH": written}}
    curve = scepter_opt.schedule({**node, "PHASES": phases}, T)
    rate = formula(length)
    assert [curve(step) for step in range(T)] == near(rate(step) for step in range(T))
