"""The driver ticks a scheduler at the right moments of a loop that is written by hand."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError, Driver

HALVED = {"NAME": "StepLR", "STEP_SIZE": 1, "GAMMA": 0.5}
PLATEAU = {"NAME": "ReduceLROnPlateau", "PATIENCE": 0, "FACTOR": 0.5, "MONITOR": "loss"}
WARMUP = {"warmup": {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, "LENGTH": 4}}


def made(node: dict[str, Any], **keywords: Any) -> Driver:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    driver = Driver(scepter_opt.build_lr_scheduler(optimizer, node), node, **keywords)
    optimizer.step()
    return driver


def rate(driver: Driver) -> float:
    return float(driver.scheduler.optimizer.param_groups[0]["lr"])


@pytest.mark.parametrize(("frequency", "expected"), [(1, 2**-6), (2, 2**-3), (4, 2**-1)])
def test_every_so_many_steps_are_a_tick(frequency: int, expected: float) -> None:
    driver = made({**HALVED, "FREQUENCY": frequency})
    ticks = [driver.step() for _ in range(6)]
    assert rate(driver) == expected
    assert ticks == [step % frequency == 0 for step in range(1, 7)]
    assert driver.end_epoch() is False


@pytest.mark.parametrize(("frequency", "expected"), [(1, 2**-4), (2, 2**-2), (3, 2**-1)])
def test_every_so_many_epochs_are_a_tick(frequency: int, expected: float) -> None:
    driver = made({**HALVED, "INTERVAL": "epoch", "FREQUENCY": frequency})
    for _ in range(4):
        assert not any(driver.step() for _ in range(3))
        driver.end_epoch({"loss": 1.0})
    assert rate(driver) == expected
    assert driver.state_dict() == {"steps": 12, "epochs": 4}


@pytest.mark.parametrize("name", ["ReduceLROnPlateau", "PlateauLR"])
def test_a_plateau_is_given_its_metric(name: str) -> None:
    driver = made({**PLATEAU, "NAME": name})
    for loss in (1.0, torch.tensor(0.9), 0.9, 0.8):
        driver.step()
        driver.end_epoch({"loss": loss})
    assert rate(driver) == 0.5


def test_a_plateau_by_steps_is_given_its_metric_at_steps() -> None:
    driver = made({**PLATEAU, "INTERVAL": "step", "FREQUENCY": 2})
    for _ in range(6):
        driver.step({"loss": 1.0})
    assert rate(driver) == 0.25
    driver.step()
    with pytest.raises(ConfigError, match=r"none was given to driver.step\(\)"):
        driver.step()


def test_what_is_measured_on_demand_is_measured_only_for_ticks() -> None:
    measured = []

    def metrics() -> dict[str, float]:
        measured.append(1.0)
        return {"loss": 1.0}

    driver = made({**PLATEAU, "INTERVAL": "step", "FREQUENCY": 3})
    for _ in range(6):
        driver.step(metrics)
    made(HALVED).step(metrics)
    assert len(measured) == 2
    assert rate(driver) == 0.5


def test_phases_by_steps_and_a_metric_by_epochs() -> None:
    driver = made({**PLATEAU, "NAME": "PlateauLR", "INTERVAL": "step", "PHASES": WARMUP})
    rates = []
    for _ in range(4):
        for _ in range(3):
            rates.append(rate(driver))
            driver.step({"other": 1.0})
        driver.end_epoch({"loss": 1.0})
    assert rates == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5]
    with pytest.raises(ConfigError, match="There are accuracy"):
        driver.end_epoch({"accuracy": 1.0})


def test_a_metric_at_a_step_serves_for_its_epoch() -> None:
    driver = made({**PLATEAU, "NAME": "PlateauLR", "INTERVAL": "step"})
    driver.step({"loss": 1.0})
    driver.end_epoch({"accuracy": 1.0})
    driver.step()
    with pytest.raises(ConfigError, match="no such metric"):
        driver.end_epoch({"accuracy": 1.0})


SLOWED = {**HALVED, "GAMMA": 0.9}


class Loop:
    """Training under a GradScaler, with gradients that overflow where told."""

    def __init__(self, fused: bool, growth: int = 3) -> None:
        self.weight = torch.ones(2, requires_grad=True)
        self.optimizer = torch.optim.AdamW([{"params": [self.weight], "fused": fused}], lr=1.0)
        self.scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=growth)
        self.scheduler = scepter_opt.build_lr_scheduler(self.optimizer, SLOWED)
        self.driver = Driver(self.scheduler, SLOWED, scaler=self.scaler)

    def step(self, overflow: bool) -> bool:
        self.optimizer.zero_grad()
        loss = self.weight.sum() * (float("inf") if overflow else 1.0)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch has no type for it
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return self.driver.step()

    def state(self) -> Any:
        parts = (self.optimizer, self.scaler, self.scheduler, self.driver)
        return copy.deepcopy([part.state_dict() for part in parts])

    def load(self, state: Any, driver_first: bool = False) -> None:
        parts: list[Any] = [self.optimizer, self.scaler, self.scheduler, self.driver]
        pairs = list(zip(parts, state, strict=True))
        for part, saved in reversed(pairs) if driver_first else pairs:
            part.load_state_dict(saved)


OVERFLOWS = [True, False, False, False, True, True, False, False, False, False, True, False]


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("growth", [1, 3, 2000])
def test_a_step_that_the_scaler_skipped_is_no_tick(fused: bool, growth: int) -> None:
    loop = Loop(fused, growth)
    assert [loop.step(overflow) for overflow in OVERFLOWS] == [not overflow for overflow in OVERFLOWS]
    assert loop.driver.steps == loop.scheduler.last_epoch == OVERFLOWS.count(False)


@pytest.mark.parametrize("driver_first", [False, True])
def test_skipped_steps_are_recognised_after_a_resume_at_any_step(driver_first: bool) -> None:
    whole = Loop(fused=True)
    for stop, overflow in enumerate(OVERFLOWS):
        again = Loop(fused=True)
        again.load(whole.state(), driver_first)
        rest = [again.step(each) for each in OVERFLOWS[stop:]]
        assert rest == [not each for each in OVERFLOWS[stop:]]
        assert again.driver.steps == OVERFLOWS.count(False)
        whole.step(overflow)


def test_a_scaler_that_is_off_skips_nothing() -> None:
    driver = made(HALVED, scaler=torch.amp.GradScaler("cpu", enabled=False))
    assert driver.step()


def test_it_goes_on_after_a_resume() -> None:
    first = made({**HALVED, "FREQUENCY": 4})
    for _ in range(6):
        first.step()
    second = made({**HALVED, "FREQUENCY": 4})
    second.scheduler.load_state_dict(first.scheduler.state_dict())
    second.load_state_dict(first.state_dict())
    assert [second.step(), second.step()] == [False, True]


def test_a_scheduler_of_the_users_own_that_takes_metrics_gets_them() -> None:
    @scepter_opt.LR_SCHEDULERS.register_class()
    class Listening(torch.optim.lr_scheduler.LRScheduler):
        def step(self, metrics: float | None = None) -> None:
            self.seen = [*getattr(self, "seen", []), metrics]

    driver = made({"NAME": "Listening", "MONITOR": "loss"})
    driver.step({"loss": 3, "other": 4})
    driver.step({"other": 4})
    assert driver.scheduler.seen == [None, 3.0, None]


def test_a_component_that_builds_a_scheduler_itself_is_asked_by_the_object() -> None:
    @scepter_opt.LR_SCHEDULERS.register_class()
    class Patient(scepter_opt.BaseScheduler):
        def __call__(self, optimizer: torch.optim.Optimizer) -> Any:
            return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, factor=0.5)

    driver = made({"NAME": "Patient", "MONITOR": "loss", "INTERVAL": "epoch"})
    for _ in range(3):
        driver.end_epoch({"loss": 1.0})
    assert rate(driver) == 0.25


# What would only show after the first epoch


@pytest.mark.parametrize("name", ["ReduceLROnPlateau", "PlateauLR"])
def test_a_plateau_needs_the_name_of_its_metric_at_once(name: str) -> None:
    with pytest.raises(ConfigError, match=r"lr_scheduler.MONITOR = None: is required"):
        made({**PLATEAU, "NAME": name, "MONITOR": None})


def test_a_metric_that_is_not_among_the_known_ones_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"MONITOR = 'loss': there is no such metric. Did you mean val_loss\?"):
        made(PLATEAU, metrics=("val_loss", "accuracy"))
    made(PLATEAU, metrics={"loss", "accuracy"})


def test_the_node_of_another_scheduler_is_refused_at_once() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, HALVED)
    with pytest.raises(ConfigError, match=r"lr_scheduler.NAME = 'ReduceLROnPlateau': this is the node of another"):
        Driver(scheduler, PLATEAU)


class Wrapped:
    """As Accelerate's scheduler: its step takes anything."""

    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler

    def step(self, *arguments: Any, **keywords: Any) -> None:
        self.scheduler.step(*arguments, **keywords)


def test_a_wrapped_plateau_is_given_its_metric_and_others_none() -> None:
    for node, expected in ((PLATEAU, 0.25), ({**HALVED, "INTERVAL": "epoch"}, 0.125)):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        wrapped: Any = Wrapped(scepter_opt.build_lr_scheduler(optimizer, node))
        optimizer.step()
        driver = Driver(wrapped, node)
        for _ in range(3):
            driver.step()
            driver.end_epoch({"loss": 1.0})
        assert optimizer.param_groups[0]["lr"] == expected


# Several optimizers under one scaler


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("given_by", ["groups", "constructor"])
def test_an_overflow_of_one_optimizer_is_no_skipped_step_of_another(fused: bool, given_by: str) -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0, growth_interval=2)
    weights = [torch.ones(2, requires_grad=True) for _ in range(2)]
    optimizers = [
        torch.optim.AdamW([{"params": [weight], "fused": fused}], lr=1.0)
        if given_by == "groups"
        else torch.optim.AdamW([weight], lr=1.0, fused=fused)
        for weight in weights
    ]
    drivers = [Driver(scepter_opt.build_lr_scheduler(o, SLOWED), SLOWED, scaler=scaler) for o in optimizers]
    pattern = [(False, True), (False, False), (True, False), (True, True), (False, True), (False, False)]
    for overflows in pattern:
        for weight, optimizer, overflow in zip(weights, optimizers, overflows, strict=True):
            optimizer.zero_grad()
            loss = weight.sum() * (float("inf") if overflow else 1.0)
            scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch has no type for it
            scaler.step(optimizer)
        scaler.update()
        assert [driver.step() for driver in drivers] == [not overflow for overflow in overflows]
    assert [driver.steps for driver in drivers] == [4, 3]


def test_a_cosine_that_the_run_outlasts_is_said_once_when_it_rises_again() -> None:
    node = {"NAME": "CosineAnnealingLR"}
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    driver = Driver(scepter_opt.build_lr_scheduler(optimizer, node, total_steps=5), node)
    optimizer.step()
    for _ in range(5):
        driver.step()
    with pytest.warns(scepter_opt.ConfigWarning, match=r"^lr_scheduler.T_MAX = 5: the run goes on after 5 ticks"):
        driver.step()
    driver.step()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda driver: pickle.loads(pickle.dumps(driver))])
def test_a_copy_hears_of_the_steps_of_its_own_optimizer(copied: Callable[[Driver], Driver]) -> None:
    driver = made(HALVED, scaler=torch.amp.GradScaler("cpu", enabled=False))
    driver.step()
    again = copied(driver)
    for _ in range(2):
        again.scheduler.optimizer.step()
        assert again.step()
    assert again.state_dict() == {"steps": 3, "epochs": 0}
