"""transformers' schedules, against its formulas written by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt.conversion import convert

TOTAL, WARMUP, RATE = 1000, 100, 0.3
LEFT = TOTAL - WARMUP


def warm(after: Callable[[float], float]) -> Callable[[int], float]:
    """A linear warm-up, then a function of the share of the rest that is over."""
    return lambda t: t / WARMUP if t < WARMUP else after((t - WARMUP) / LEFT)


def half(p: float, cycles: float = 0.5) -> float:
    return 0.5 * (1 + math.cos(2 * math.pi * cycles * p))


def wsd(rise: Callable[[float], float], fall: Callable[[float], float], low: float) -> Callable[[int], float]:
    """Warm-up, 700 stable steps and a decay of 200, from and to `low`."""

    def factor(t: int) -> float:
        if t < WARMUP:
            return rise(t / WARMUP) * (1 - low) + low
        return 1.0 if t < 800 else fall((t - 800) / 200) * (1 - low) + low

    return factor


# By case: lr_scheduler_type, its keywords, and the factor at every step as transformers has it.
CASES: dict[str, tuple[str, dict[str, Any], Callable[[int], float]]] = {
    "linear": ("linear", {}, warm(lambda p: 1 - p)),
    "cosine": ("cosine", {}, warm(half)),
    "cosine of three halves": ("cosine", {"num_cycles": 1.5}, warm(lambda p: half(p, 1.5))),
    "restarts": ("cosine_with_restarts", {"num_cycles": 3}, warm(lambda p: half((3 * p) % 1.0))),
    "one restart": ("cosine_with_restarts", {}, warm(half)),
    "polynomial": (
        "polynomial",
        {"lr_end": 0.03, "power": 2.0},
        warm(lambda p: ((RATE - 0.03) * (1 - p) ** 2 + 0.03) / RATE),
    ),
    "constant": ("constant", {}, lambda _: 1.0),
    "constant with warm-up": ("constant_with_warmup", {}, warm(lambda _: 1.0)),
    "inverse square root": ("inverse_sqrt", {}, lambda t: t / WARMUP if t < WARMUP else (WARMUP / t) ** 0.5),
    "inverse square root of its own scale": (
        "inverse_sqrt",
        {"timescale": 50},
        lambda t: t / WARMUP if t < WARMUP else 1 / math.sqrt((t + 50 - WARMUP) / 50),
    ),
    "cosine to a rate": ("cosine_with_min_lr", {"min_lr": 0.03}, warm(lambda p: half(p) * 0.9 + 0.1)),
    "cosine to a share": ("cosine_with_min_lr", {"min_lr_rate": 0.1}, warm(lambda p: half(p) * 0.9 + 0.1)),
    "a step ahead": (
        "cosine_warmup_with_min_lr",
        {"min_lr_rate": 0.1},
        lambda t: (t + 1) / WARMUP if t < WARMUP else half((t - WARMUP + 1) / LEFT) * 0.9 + 0.1,
    ),
    "a step ahead, from a share": (
        "cosine_warmup_with_min_lr",
        {"min_lr_rate": 0.1, "warmup_lr_rate": 0.2},
        lambda t: 0.2 + 0.8 * t / (WARMUP - 1) if t < WARMUP else half((t - WARMUP + 1) / LEFT) * 0.9 + 0.1,
    ),
    "stable": ("warmup_stable_decay", {"num_decay_steps": 200}, wsd(lambda p: p, half, 0.0)),
    "stable, by roots": (
        "warmup_stable_decay",
        {"num_decay_steps": 200, "warmup_type": "1-sqrt", "decay_type": "1-sqrt", "min_lr_ratio": 0.1},
        wsd(lambda p: 1 - math.sqrt(1 - p), lambda p: 1 - math.sqrt(p), 0.1),
    ),
    "stable, by cosine and line": (
        "warmup_stable_decay",
        {"num_decay_steps": "200", "warmup_type": "cosine", "decay_type": "linear", "num_stable_steps": 700},
        wsd(lambda p: 0.5 * (1 - math.cos(math.pi * p)), lambda p: 1 - p, 0.0),
    ),
}


def arguments(**values: Any) -> dict[str, Any]:
    return {"learning_rate": RATE, "optim": "sgd", "lr_scheduler_type": "linear", **values}


def rates_of(node: dict[str, Any], total: int | None = TOTAL) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    scheduler, rates = scepter_opt.build_lr_scheduler(optimizer, node, total), []
    for _ in range(TOTAL):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("case", CASES)
def test_a_schedule_has_the_rates_of_its_formula_for_a_thousand_steps(case: str) -> None:
    name, keywords, factor = CASES[case]
    values = arguments(
        lr_scheduler_type=name, lr_scheduler_kwargs=keywords, max_steps=TOTAL, warmup_ratio=0.1, max_grad_norm=1.0
    )
    conversion = convert(values)
    assert not conversion.unconverted
    # the cosine of transformers loses its digits near 0
    expected = [RATE * factor(t) for t in range(TOTAL)]
    assert rates_of(conversion.nodes["lr_scheduler"]) == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("name", ["linear", "cosine", "polynomial", "inverse_sqrt", "constant_with_warmup"])
def test_a_run_of_unknown_length_takes_it_from_the_call(name: str) -> None:
    said: list[dict[str, Any]] = [
        {"warmup_ratio": "0.1"},
        {"warmup_steps": 0.1},
        {"warmup_steps": 100},
        {"max_steps": TOTAL, "warmup_steps": 100},
    ]
    nodes = [convert(arguments(lr_scheduler_type=name, **keys)).nodes["lr_scheduler"] for keys in said]
    assert "TOTAL_STEPS" not in nodes[0]
    assert all(rates_of(node) == rates_of(nodes[-1]) for node in nodes)


@pytest.mark.parametrize(("steps", "length"), [(0, 0.031), (5, 0.5)])
def test_a_warmup_of_a_share_is_rounded_up_and_steps_come_before_it(steps: int, length: float) -> None:
    values = arguments(max_steps=TOTAL, warmup_steps=steps, warmup_ratio=length)
    assert convert(values).nodes["lr_scheduler"]["PHASES"]["warmup"]["LENGTH"] == (steps or 31)


def test_a_run_that_ends_in_its_warmup_is_cut() -> None:
    node = convert(arguments(max_steps=TOTAL, warmup_steps=2000)).nodes["lr_scheduler"]
    assert rates_of(node) == pytest.approx([RATE * t / 2000 for t in range(TOTAL)])


def test_plateaus_keep_their_keywords_and_name_the_metric() -> None:
    conversion = convert(
        arguments(
            lr_scheduler_type="reduce_lr_on_plateau",
            lr_scheduler_kwargs='{"factor": 0.5, "min_lr": 1e-6, "mode": "max"}',
            metric_for_best_model="accuracy",
        )
    )
    assert conversion.nodes["lr_scheduler"] == {
        "NAME": "ReduceLROnPlateau",
        "MODE": "max",
        "THRESHOLD_MODE": "rel",
        "FACTOR": 0.5,
        "MIN_LR": 1e-6,
        "MONITOR": "accuracy",
    }
