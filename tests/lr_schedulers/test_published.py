"""Schedules of real projects, written as nodes, equal the formulas of those projects at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import cos, pi, sqrt
from typing import Any

import pytest
import torch
from hydra import initialize
from omegaconf import OmegaConf

import scepter_opt
from tests.lr_schedulers.recipes import group, near, rates, recipe, run


@pytest.fixture(scope="module", autouse=True)
def _hydra() -> Iterator[None]:
    with initialize(version_base="1.3", config_path=None):
        yield


def yaml(text: str) -> Any:
    return OmegaConf.create(text)


def test_timm_cosine_with_warmup() -> None:
    """CosineLRScheduler(t_initial=300, lr_min=1e-5, warmup_t=20, warmup_lr_init=1e-6), stepped by epoch."""
    node = yaml("""
    NAME: PhasesLR
    INTERVAL: epoch
    CLOCK: schedule
    PHASES:
      warmup: {CURVE: linear, FROM_VALUE: 1.0e-6, TO: 1, LENGTH: 20 epochs}
      decay: {CURVE: cosine, TO_VALUE: 1.0e-5}
    """)
    base = 5e-4
    formula = [
        1e-6 + t * (base - 1e-6) / 20 if t < 20 else 1e-5 + 0.5 * (base - 1e-5) * (1 + cos(pi * t / 300))
        for t in range(300)
    ]
    horizon = scepter_opt.Horizon(total_steps=300 * 40, steps_per_epoch=40)
    assert list(scepter_opt.preview(node, horizon, base)["default"]) == near(formula)


DINOV2 = """
NAME: PhasesLR
PHASES:                 # the warm-up is a numpy.linspace, whose last value is the peak
  warmup: {CURVE: linear, FROM: 0, TO: 1, LENGTH: 8%, INCLUDE: both}
  decay: {CURVE: cosine, TO_VALUE: 1.0e-6}
SETTINGS:
  WEIGHT_DECAY:
    rise: {CURVE: cosine, FROM: 1, TO_VALUE: 0.4}
RULES:
  last_layer:
    frozen: {CURVE: constant, TO: 0, LENGTH: 1 epoch}
    trained: {CURVE: constant, TO: 1}
"""


def dinov2(base: float, final: float, total: int, warmup: int = 0) -> list[float]:
    """The CosineScheduler of DINOv2."""
    rise = [base * i / (warmup - 1) for i in range(warmup)]
    length = total - warmup
    return rise + [final + 0.5 * (base - final) * (1 + cos(pi * i / length)) for i in range(length)]


def test_dinov2() -> None:
    """Weight decay goes up, the last layer is frozen for an epoch, norms and biases keep a weight decay of 0."""
    groups = [group("default", 2e-3), group("no_decay", 2e-3, weight_decay=0.0), group("last_layer", 2e-3)]
    optimizer = torch.optim.AdamW(groups, lr=2e-3, weight_decay=0.04)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, yaml(DINOV2), 1250, steps_per_epoch=125)
    body, norms, last = run(optimizer, scheduler, 1250)
    formula = dinov2(2e-3, 1e-6, 1250, 100)
    assert body == norms == near(formula)
    assert last == near(0.0 if t < 125 else formula[t] for t in range(1250))

    optimizer = torch.optim.AdamW(
        [group("default", 2e-3), group("last_layer", 2e-3, weight_decay=0.0)], weight_decay=0.04
    )
    scheduler = scepter_opt.build_lr_scheduler(optimizer, yaml(DINOV2), 1250, steps_per_epoch=125)
    decays, none = run(optimizer, scheduler, 1250, "weight_decay")
    assert decays == near(dinov2(0.04, 0.4, 1250))
    assert set(none) == {0.0}


def test_dinov2_teacher_momentum_is_a_plain_function() -> None:
    momentum = scepter_opt.schedule(
        {"PHASES": {"rise": {"CURVE": "cosine", "FROM": 0.992, "TO": 1.0}}}, total_steps=1250
    )
    assert [momentum(t) for t in range(1250)] == near(dinov2(0.992, 1.0, 1250))


def test_sam2() -> None:
    """Three rates, one of them with a layer decay of 0.9, each from its start to a tenth of it by fvcore's cosine."""
    starts = {"base": 5e-6, "vision": 3e-6} | {f"block{i}": 3e-6 * 0.9 ** (13 - i) for i in range(12)}
    node = yaml("{NAME: PhasesLR, PHASES: {decay: {CURVE: cosine, FROM: 1.0, TO: 0.1}}}")
    shown = scepter_opt.preview(node, 400, starts)
    for name, start in starts.items():
        end = start / 10
        assert list(shown[name]) == near(end + 0.5 * (start - end) * (1 + cos(pi * t / 400)) for t in range(400))


def test_one_minus_sqrt_wsd() -> None:
    """Hägele et al. 2024: warm-up, constant, and a cool-down of 1 - sqrt over the last fifth."""
    node = recipe("warmup_stable_decay", "lr_scheduler.PHASES.warmup.LENGTH=300").lr_scheduler

    def formula(t: int) -> float:
        if t < 300:
            return t / 300
        return 1.0 if t < 4000 else 1 - sqrt((t - 4000) / 1000)

    assert rates(node, 5000, lr=1e-3) == near(1e-3 * formula(t) for t in range(5000))


def test_noam() -> None:
    """Vaswani et al. 2017: d ** -0.5 * min(step ** -0.5, step * warmup ** -1.5), with steps from 1."""
    node = recipe("warmup_inverse_sqrt", "lr_scheduler.PHASES.warmup.LENGTH=400", "lr_scheduler.FIRST_STEP=1")
    base = 512**-0.5 * 400**-0.5
    formula = [512**-0.5 * min(step**-0.5, step * 400**-1.5) for step in range(1, 2001)]
    assert rates(node.lr_scheduler, 2000, lr=base) == near(formula)


def test_sgdr() -> None:
    """Loshchilov and Hutter 2016: T_0 = 10 epochs, T_mult = 2, three cycles."""
    node = yaml("""
    NAME: PhasesLR
    PHASES: {cycles: {CURVE: cosine_restarts, FROM: 1, TO: 0, CYCLES: 3, LENGTH_MULT: 2}}
    """)

    def formula(t: int) -> float:
        begin, length = 0, 100
        while t >= begin + length:
            begin, length = begin + length, 2 * length
        return 0.05 * (1 + cos(pi * (t - begin) / length)) / 2

    assert rates(node, 700, lr=0.05) == near(formula(t) for t in range(700))


def test_familiar_drops() -> None:
    """ResNet's: a tenth after 30 and 60 of 90 epochs; and as torch's MultiStepLR and StepLR do it."""
    for drops in ("AT: [30 epochs, 60 epochs]", "EVERY: 30 epochs"):
        node = yaml(f"{{NAME: PhasesLR, PHASES: {{drops: {{CURVE: step, FROM: 1, GAMMA: 0.1, {drops}}}}}}}")
        seen = rates(node, 900, lr=0.1, steps_per_epoch=10)
        assert seen == near(0.1 * 0.1 ** (t // 300) for t in range(900))


@pytest.mark.long
def test_schedules_equal_those_of_transformers() -> None:
    optimization = pytest.importorskip("transformers.optimization")
    warmup = {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, "LENGTH": 60}
    makers: Mapping[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
        "cosine": (
            {"warmup": warmup, "decay": {"CURVE": "cosine", "TO": 0}},
            lambda o: optimization.get_cosine_schedule_with_warmup(o, 60, 600),
        ),
        "linear": (
            {"warmup": warmup, "decay": {"CURVE": "linear", "TO": 0}},
            lambda o: optimization.get_linear_schedule_with_warmup(o, 60, 600),
        ),
        "restarts": (
            {"warmup": warmup, "cycles": {"CURVE": "cosine_restarts", "TO": 0, "CYCLES": 3}},
            lambda o: optimization.get_cosine_with_hard_restarts_schedule_with_warmup(o, 60, 600, num_cycles=3),
        ),
        "inverse square root": (
            {"warmup": warmup, "decay": {"CURVE": "inverse_sqrt"}},
            lambda o: optimization.get_inverse_sqrt_schedule(o, 60),
        ),
        "constant": (
            {"warmup": warmup, "hold": {"CURVE": "constant"}},
            lambda o: optimization.get_constant_schedule_with_warmup(o, 60),
        ),
    }
    for phases, make in makers.values():
        theirs = torch.optim.SGD([group("default", 0.3)], lr=0.3)
        seen = run(theirs, make(theirs), 600)[0]
        assert rates({"NAME": "PhasesLR", "PHASES": phases}, 600, lr=0.3) == near(seen, 1e-9)


@pytest.mark.long
def test_curves_equal_those_of_optax() -> None:
    optax = pytest.importorskip("optax")
    warmup = {"CURVE": "linear", "FROM": 0.1, "TO": 1.0, "LENGTH": 60}
    shapes = {
        optax.warmup_cosine_decay_schedule(0.1, 1.0, 60, 600, 0.05): {"CURVE": "cosine", "TO": 0.05},
        optax.join_schedules([optax.linear_schedule(0.1, 1.0, 60), optax.linear_schedule(1.0, 0.2, 540)], [60]): {
            "CURVE": "linear",
            "TO": 0.2,
        },
        optax.join_schedules(
            [optax.linear_schedule(0.1, 1.0, 60), optax.polynomial_schedule(1.0, 0.2, 3, 540)], [60]
        ): {
            "CURVE": "polynomial",
            "TO": 0.2,
            "POWER": 3,
        },
        optax.warmup_exponential_decay_schedule(0.1, 1.0, 60, 540, 0.01, end_value=0.01): {
            "CURVE": "exponential",
            "TO": 0.01,
        },
    }
    for theirs, decay in shapes.items():
        ours = scepter_opt.schedule({"PHASES": {"warmup": warmup, "decay": decay}}, 600)
        # jax counts in single precision
        assert [ours(t) for t in range(601)] == pytest.approx([float(theirs(t)) for t in range(601)], rel=2e-5)
