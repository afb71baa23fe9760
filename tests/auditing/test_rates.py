from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from scepter_opt import audit


def pair(**more: Any) -> tuple[nn.Linear, torch.optim.Optimizer]:
    model = nn.Linear(2, 1)
    groups = [{"params": [model.weight], **more}, {"params": [model.bias], "lr": 0.01}]
    return model, torch.optim.SGD(groups, lr=0.1, momentum=0.9)


def faults(model: nn.Module, optimizer: torch.optim.Optimizer, scheduler: Any = None) -> list[str]:
    return [fault.name for fault in audit(model, optimizer, scheduler).faults]


class Same(lr_scheduler.LRScheduler):
    """One rate for all groups, as a hand-written warm-up has it."""

    def get_lr(self) -> Any:
        return [0.1 * min(1.0, (self.last_epoch + 1) / 10) for _ in self.base_lrs]


class Floored(lr_scheduler.LRScheduler):
    """A warm-up from one absolute rate, to each group's own."""

    def get_lr(self) -> Any:
        share = min(1.0, self.last_epoch / 10)
        return [1e-6 + (base - 1e-6) * share for base in self.base_lrs]


def test_a_scheduler_with_one_rate_for_all_is_found_before_its_first_step_and_after() -> None:
    model, optimizer = pair()
    scheduler = Same(optimizer)
    for _ in range(15):
        assert "rates flattened over groups" in faults(model, optimizer, scheduler)
        optimizer.step()
        scheduler.step()


def test_a_common_beginning_is_no_flattening() -> None:
    model, optimizer = pair()
    scheduler = Floored(optimizer)
    for _ in range(15):
        assert faults(model, optimizer, scheduler) == []
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize(
    "make",
    [
        lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=50),
        lambda o: lr_scheduler.CyclicLR(o, 0.001, 0.1),
    ],
)
def test_one_peak_is_a_fault_for_twins_and_a_note_for_groups_that_differ_otherwise(make: Callable[..., Any]) -> None:
    model, optimizer = pair()
    assert faults(model, optimizer, make(optimizer)) == ["rates flattened by one max_lr"]
    model, optimizer = pair(weight_decay=0.1)
    found = audit(model, optimizer, make(optimizer))
    assert not found.faults
    assert [note.name for note in found.notes] == ["one max_lr for all groups"]


def test_a_peak_for_each_group_is_right() -> None:
    for make in (
        lambda o: lr_scheduler.OneCycleLR(o, [0.1, 0.01], total_steps=50),
        lambda o: lr_scheduler.CyclicLR(o, [0.001, 0.0001], [0.1, 0.01]),
    ):
        model, optimizer = pair()
        assert audit(model, optimizer, make(optimizer)).findings == ()


def test_a_rate_that_was_set_behind_the_schedulers_back_jumps() -> None:
    model, optimizer = pair()
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda tick: 0.99**tick)
    optimizer.param_groups[1]["lr"] = 0.5
    (jump,) = [fault for fault in audit(model, optimizer, scheduler).faults if fault.name == "a jump at the first step"]
    assert jump.places == ("group 1",)
    assert "from 0.5 to 0.0099" in jump.what


def test_a_drop_that_the_schedule_plans_is_no_jump() -> None:
    model, optimizer = pair()
    scheduler = lr_scheduler.StepLR(optimizer, 3, 0.1)
    for _ in range(8):
        assert faults(model, optimizer, scheduler) == []
        optimizer.step()
        scheduler.step()


def test_of_two_schedulers_neither_is_blamed_for_the_others_rates() -> None:
    model, optimizer = pair()
    both: list[Any] = [
        lr_scheduler.LambdaLR(optimizer, lambda tick: 0.9**tick),
        lr_scheduler.ReduceLROnPlateau(optimizer, patience=0),
    ]
    for _ in range(6):
        assert faults(model, optimizer, both) == []
        optimizer.step()
        both[0].step()
        both[1].step(1.0)


def test_an_initial_rate_that_a_checkpoint_brought_is_stale_with_and_without_a_scheduler() -> None:
    model, optimizer = pair()
    for group in optimizer.param_groups:
        group["initial_lr"] = 10 * group["lr"]
    assert faults(model, optimizer) == ["initial_lr stale"]
    # torch computes from initial_lr, and goes on from the rate
    assert faults(model, optimizer, lr_scheduler.CosineAnnealingLR(optimizer, 100)) == ["initial_lr stale"]


def test_with_a_scheduler_attached_a_rate_may_differ_from_its_beginning() -> None:
    model, optimizer = pair()
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] != optimizer.param_groups[0]["initial_lr"]
    assert faults(model, optimizer) == []
    assert faults(model, optimizer, scheduler) == []


def test_bases_of_a_loaded_scheduler_that_differ_from_the_groups_are_stale() -> None:
    model, optimizer = pair()
    scheduler = lr_scheduler.StepLR(optimizer, 30)
    before = scheduler.state_dict()
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] = 0.5
    fresh = lr_scheduler.StepLR(optimizer, 30)
    assert faults(model, optimizer, fresh) == []
    fresh.load_state_dict(before)
    assert "initial_lr stale" in faults(model, optimizer, fresh)


def test_a_scheduler_that_was_not_loaded_with_its_optimizer_is_found() -> None:
    _, optimizer = pair()
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 10)
    for _ in range(6):
        optimizer.step()
        scheduler.step()
    other_model, other = pair()
    fresh = lr_scheduler.CosineAnnealingLR(other, 10)
    other.load_state_dict(optimizer.state_dict())
    assert faults(other_model, other, fresh) == ["initial_lr stale"]
    fresh.load_state_dict(scheduler.state_dict())
    assert faults(other_model, other, fresh) == []
