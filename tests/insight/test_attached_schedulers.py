"""The schedulers that would write an optimizer's rates are found, whoever made them."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt.insight.attached_schedulers import attached_schedulers, is_scheduler
from tests.support import SCHEDULERS, scheduler_node


def optimizer_of_one() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_knows_its_optimizer_by_the_attribute_that_is_looked_at(name: str) -> None:
    optimizer = optimizer_of_one()
    total = {"OneCycleLR": 30, "StepAnnealingLR": 16, "CosineAnnealingLR": 15, "LinoPolyLR": 12, "SequentialLR": 20}
    scheduler = scepter_opt.build_lr_scheduler(optimizer, scheduler_node(name), total_steps=total.get(name, 60))
    assert is_scheduler(type(scheduler))
    assert vars(scheduler)["optimizer"] is optimizer


def test_a_scheduler_is_found_while_it_is_there() -> None:
    optimizer, other = optimizer_of_one(), optimizer_of_one()
    assert attached_schedulers(optimizer) == []
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    assert attached_schedulers(optimizer) == [scheduler]
    assert attached_schedulers(other) == []
    del scheduler
    assert attached_schedulers(optimizer) == []


class CosineScheduler:
    """As timm's schedulers are, no subclass of torch's."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer


class Trainer:
    """What holds an optimizer and writes no rates."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer


def test_a_class_of_its_own_is_found_by_its_name_and_what_else_has_an_optimizer_is_none() -> None:
    optimizer = optimizer_of_one()
    trainer = Trainer(optimizer)
    assert attached_schedulers(trainer.optimizer) == []
    scheduler = CosineScheduler(optimizer)
    assert attached_schedulers(optimizer) == [scheduler]


def test_one_that_waits_for_the_garbage_collector_is_gone() -> None:
    optimizer = optimizer_of_one()
    scheduler: Any = CosineScheduler(optimizer)
    scheduler.itself = scheduler
    gc.disable()
    try:
        del scheduler
        assert attached_schedulers(optimizer) == []
    finally:
        gc.enable()


def test_what_a_scheduler_leaves_on_an_optimizer_is_no_scheduler() -> None:
    optimizer = optimizer_of_one()
    torch.optim.lr_scheduler.StepLR(optimizer, 3)
    assert "initial_lr" in optimizer.param_groups[0]
    assert attached_schedulers(optimizer) == []
