"""torch's warnings, states and checkpoints in the situations of torch's own tests, through configs."""

from __future__ import annotations

import copy
import gc
import types
import warnings
import weakref
from io import BytesIO
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import SWALR

import scepter_opt
from scepter_opt import ConfigError
from tests.lr_schedulers.torch_situations import build, near, sgd
from tests.support import said

FUNCTIONS = "tests.lr_schedulers.functions"
CONSTANT = {"NAME": "ConstantLR"}
NODES: dict[str, dict[str, Any]] = {
    "LambdaLR": {"LR_LAMBDA": f"{FUNCTIONS}.tens"},
    "MultiplicativeLR": {"LR_LAMBDA": f"{FUNCTIONS}.nine_tenths"},
    "StepLR": {"STEP_SIZE": 30},
    "MultiStepLR": {"MILESTONES": [30, 80]},
    "ConstantLR": {},
    "LinearLR": {},
    "ExponentialLR": {"GAMMA": 0.9},
    "PolynomialLR": {},
    "CosineAnnealingLR": {"T_MAX": 10},
    "CosineAnnealingWarmRestarts": {"T_0": 20},
    "CyclicLR": {"BASE_LR": 0.01, "MAX_LR": 0.1},
    "OneCycleLR": {"MAX_LR": 0.01, "TOTAL_STEPS": 10},
    "SWALR": {"SWA_LR": 0.01},
    "ReduceLROnPlateau": {},
    "ChainedScheduler": {"SCHEDULERS": {"a": CONSTANT, "b": CONSTANT}},
    "SequentialLR": {"SCHEDULERS": {"a": CONSTANT, "b": CONSTANT}, "MILESTONES": [2]},
}
CLOSED = ["LambdaLR", "MultiplicativeLR", "StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR"]
CLOSED += ["PolynomialLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts"]


@pytest.fixture(autouse=True)
def _registered() -> None:
    scepter_opt.LR_SCHEDULERS.register_class()(SWALR)


# The order of steps


@pytest.mark.parametrize("last_epoch", [-1, 10])
@pytest.mark.parametrize("overridden", [False, True])
def test_torchs_warning_about_the_order_of_steps_is_kept(last_epoch: int, overridden: bool) -> None:
    optimizer = sgd()
    for group in optimizer.param_groups:
        group["initial_lr"] = 0.01
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler = build(optimizer, "StepLR", GAMMA=0.1, STEP_SIZE=3, LAST_EPOCH=last_epoch)
    if overridden:
        override(optimizer)
    with pytest.warns(UserWarning, match="how-to-adjust-learning-rate"):
        scheduler.step()


def override(optimizer: torch.optim.Optimizer) -> None:
    before = optimizer.step
    optimizer.step = types.MethodType(lambda _: before(), optimizer)  # type: ignore[method-assign]  # the situation


@pytest.mark.parametrize("overridden", [False, True])
def test_the_right_order_is_silent_unless_the_step_was_overridden(overridden: bool) -> None:
    optimizer = sgd()
    scheduler = build(optimizer, "StepLR", GAMMA=0.1, STEP_SIZE=3)
    if overridden:
        override(optimizer)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(35):
            optimizer.step()
            scheduler.step()
    assert ["`optimizer.step()` has been overridden" in str(warning.message) for warning in caught] == [
        True
    ] * overridden


# References


def test_neither_holds_the_other_in_a_circle() -> None:
    gc.collect()
    gc.disable()
    try:
        optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(10))], lr=0.5)
        scheduler = build(optimizer, "LambdaLR", LR_LAMBDA=f"{FUNCTIONS}.nine_tenths")
        optimizer.step()
        scheduler.step()
        seen = weakref.ref(scheduler)
        del scheduler
        assert seen() is None
        freed = weakref.ref(optimizer)
        del optimizer
        assert freed() is None
    finally:
        gc.enable()


def test_a_class_whose_rates_want_an_argument_is_refused_at_the_build() -> None:
    @scepter_opt.LR_SCHEDULERS.register_class()
    class Asking(torch.optim.lr_scheduler.LRScheduler):
        def __init__(self, optimizer: torch.optim.Optimizer, gamma: float, last_epoch: int = -1) -> None:
            self.gamma = gamma
            super().__init__(optimizer, last_epoch)

        def get_lr(self, step: int) -> list[Any]:  # type: ignore[override]  # the situation
            return [step * self.gamma]

    optimizer = sgd()
    before = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(ConfigError, match="Asking refuses"):
        build(optimizer, "Asking", GAMMA=1.0)
    assert optimizer.state_dict() == before


# States


@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize("name", NODES)
def test_a_state_is_saved_and_loaded(name: str, weights_only: bool) -> None:
    state = build(sgd(), name, **NODES[name]).state_dict()
    file = BytesIO()
    torch.save(state, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=weights_only)
    assert loaded == state
    again = build(sgd(), name, **NODES[name])
    again.load_state_dict(loaded)
    assert again.state_dict() == state


OTHERS: dict[str, dict[str, Any]] = {
    "StepLR": {"GAMMA": 0.005, "STEP_SIZE": 1},
    "MultiStepLR": {"GAMMA": 0.01, "MILESTONES": [1, 4, 6]},
    "ExponentialLR": {"GAMMA": 0.01},
    "CosineAnnealingLR": {"T_MAX": 5, "ETA_MIN": 1e-10},
    "CosineAnnealingWarmRestarts": {"T_0": 100},
    "SWALR": {"SWA_LR": 5.0, "ANNEAL_STRATEGY": "linear", "ANNEAL_EPOCHS": 3},
    "ReduceLROnPlateau": {"MODE": "max", "FACTOR": 0.5, "PATIENCE": 10},
}


@pytest.mark.parametrize("name", OTHERS)
def test_torchs_states_bring_their_settings_with_them(name: str) -> None:
    scheduler = build(sgd(), name, **NODES[name])
    for score in range(10):
        scheduler.optimizer.step()
        scheduler.step(score) if name == "ReduceLROnPlateau" else scheduler.step()
    other = build(sgd(), name, **OTHERS[name])
    with said() as texts:
        other.load_state_dict(scheduler.state_dict())
    # SWALR is no class that the package knows, and is loaded as torch loads it
    assert ["of another schedule; the checkpoint's holds. " in text for text in texts] == [True] * (name != "SWALR")
    # a patience of 10 is what both have
    differing = [
        f"{key}: configuration {value}, checkpoint " for key, value in OTHERS[name].items() if key != "PATIENCE"
    ]
    assert all(words in text for text in texts for words in differing)
    assert other.state_dict() == scheduler.state_dict()
    assert other.get_last_lr() == scheduler.get_last_lr()


# Going on from a tick


def test_going_on_needs_the_first_rates() -> None:
    with pytest.raises(ConfigError, match=r"'initial_lr' is not specified in param_groups\[0\] when resuming"):
        build(sgd(), "StepLR", STEP_SIZE=3, GAMMA=0.1, LAST_EPOCH=1)


@pytest.mark.parametrize("name", [name for name in NODES if name not in ("ChainedScheduler", "SequentialLR")])
def test_a_checkpoint_of_the_optimizer_and_a_tick_are_enough(name: str) -> None:
    model = nn.Linear(3, 3)
    optimizer = torch.optim.AdamW(model.parameters())
    scheduler = build(optimizer, name, **NODES[name])
    optimizer.step()
    scheduler.step(1) if name == "ReduceLROnPlateau" else scheduler.step()
    again = torch.optim.AdamW(model.parameters())
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    tick = {} if name == "ReduceLROnPlateau" else {"LAST_EPOCH": 0}
    scheduler = build(again, name, **NODES[name], **tick)
    assert scheduler.get_last_lr() == near([float(optimizer.param_groups[0]["lr"])])
    assert again.param_groups[0]["lr"] == pytest.approx(float(optimizer.param_groups[0]["lr"]), rel=1e-12)


# Rates that are tensors, and change outside


@pytest.mark.parametrize("name", [*CLOSED, "CyclicLR", "OneCycleLR", "SWALR"])
def test_the_first_rate_is_no_alias_of_the_present_one(name: str) -> None:
    rate = torch.as_tensor(0.1, dtype=torch.float64)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler = build(optimizer, name, **NODES[name])
    before = {key: float(value) for key, value in optimizer.param_groups[0].items() if key in KEPT}
    for _ in range(2):
        optimizer.step()
        scheduler.step()
        rate.mul_(0.1)
        (group,) = optimizer.param_groups
        assert {key: float(value) for key, value in group.items() if key in KEPT} == before
        assert scheduler.base_lrs[0] is not group["initial_lr"] or name in ("CyclicLR", "OneCycleLR")


KEPT = {"initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum", "swa_lr"}
