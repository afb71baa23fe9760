"""Every recipe is its closed form, and takes changes from the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import cos, pi, sqrt

import pytest
import torch
from hydra import initialize

import scepter_opt
from tests.lr_schedulers.recipes import near, rates, recipe, run

T = 1000
"""Steps of a run."""


def line(t: float, warmup: float) -> float:
    return t / warmup


def half_cosine(share: float, end: float = 0.0) -> float:
    return end + (1 - end) * (1 + cos(pi * share)) / 2


def one_cycle(t: int, first: float, top: float, last: float) -> float:
    if t < 300:
        return top + (first - top) * (1 + cos(pi * t / 300)) / 2
    return last + (top - last) * (1 + cos(pi * (t - 300) / 700)) / 2


def restarts(t: int) -> float:
    """Four cosines of 1, 2, 4 and 8 parts of 15, with boundaries rounded."""
    bounds = [0, 67, 200, 467, 1000]
    cycle = max(i for i in range(4) if bounds[i] <= t)
    return half_cosine((t - bounds[cycle]) / (bounds[cycle + 1] - bounds[cycle]))


CLOSED_FORMS: dict[str, Callable[[int], float]] = {
    "warmup_cosine": lambda t: line(t, 50) if t < 50 else half_cosine((t - 50) / 950),
    "warmup_cosine_timm": lambda t: line(t, 50) if t < 50 else half_cosine(t / 1000),
    "warmup_linear": lambda t: line(t, 100) if t < 100 else (1000 - t) / 900,
    "warmup_constant": lambda t: line(t, 300) if t < 300 else 1.0,
    "warmup_stable_decay": lambda t: line(t, 50) if t < 50 else 1.0 if t < 800 else 1 - sqrt((t - 800) / 200),
    "warmup_inverse_sqrt": lambda t: line(t, 300) if t < 300 else sqrt(300 / t),
    "warmup_polynomial": lambda t: line(t, 50) if t < 50 else ((1000 - t) / 950) ** 2,
    "cosine_restarts": restarts,
    "one_cycle_phases": lambda t: one_cycle(t, 0.04, 1.0, 4e-6),
    "trapezoid": lambda t: line(t, 50) if t < 50 else 1.0 if t < 800 else (1000 - t) / 200,
}


@pytest.fixture(scope="module", autouse=True)
def _hydra() -> Iterator[None]:
    with initialize(version_base="1.3", config_path=None):
        yield


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_a_recipe_is_its_closed_form(name: str) -> None:
    cfg = recipe(name)
    assert [*scepter_opt.check(cfg)] == ["optimizer", "lr_scheduler"]
    assert rates(cfg.lr_scheduler, T) == near(CLOSED_FORMS[name](t) for t in range(T))


def test_one_cycle_moves_momentum_the_other_way() -> None:
    cfg = recipe("one_cycle_phases")
    optimizer = scepter_opt.build_optimizer(torch.nn.Linear(1, 1), cfg.optimizer)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, cfg.lr_scheduler, T)
    (betas,) = run(optimizer, scheduler, T, "betas")
    assert [beta for beta, _ in betas] == near(one_cycle(t, 0.95, 0.85, 0.95) for t in range(T))
    assert {other for _, other in betas} == {0.999}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_a_recipe_takes_changes_from_the_command_line(name: str) -> None:
    cfg = recipe(name, "+lr_scheduler.PHASES.cooldown={CURVE: linear, TO: 0, LENGTH: 10%}")
    seen = rates(cfg.lr_scheduler, T)
    held = seen[900]
    assert seen[900:] == near(held * (T - t) / 100 for t in range(900, T))


def test_a_warm_up_takes_another_length_and_can_be_deleted() -> None:
    assert rates(recipe("warmup_linear", "lr_scheduler.PHASES.warmup.LENGTH=500").lr_scheduler, T)[250] == 0.5
    epochs = recipe("warmup_linear", "lr_scheduler.PHASES.warmup.LENGTH=2 epochs").lr_scheduler
    assert rates(epochs, T, steps_per_epoch=100)[100] == 0.5
    deleted = recipe("warmup_linear", "~lr_scheduler.PHASES.warmup")
    assert rates(deleted.lr_scheduler, T)[500] == 0.5
    nulled = recipe("warmup_linear", "lr_scheduler.PHASES.warmup=null")
    assert rates(nulled.lr_scheduler, T)[500] == 0.5
