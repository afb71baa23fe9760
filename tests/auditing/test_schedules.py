from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler

from scepter_opt import audit
from scepter_opt.auditing.facts import gather
from scepter_opt.auditing.schedules import parts, schedules


def pair() -> tuple[nn.Module, torch.optim.Optimizer]:
    model = nn.Linear(2, 1)
    return model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def test_a_scheduler_of_another_optimizer_is_a_fault() -> None:
    model, optimizer = pair()
    scheduler = lr_scheduler.StepLR(optimizer, 3)
    assert audit(model, optimizer, scheduler).faults == ()
    other = copy.deepcopy(optimizer)
    other.param_groups[0]["params"] = list(model.parameters())
    (fault,) = audit(model, other, scheduler).faults
    assert fault.name == "a scheduler of another optimizer"


def test_each_of_several_schedulers_goes_with_its_optimizer() -> None:
    one, two = pair(), pair()
    model = nn.ModuleDict({"one": one[0], "two": two[0]})
    second = lr_scheduler.StepLR(two[1], 3)
    tried, findings = schedules(gather(model, {"one": one[1], "two": two[1]}, [second]))
    assert findings == []
    assert [group.label for group in tried[0].groups] == ["two: group 0"]


class Stubborn:
    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer

    def step(self) -> None:
        raise RuntimeError("not now")


def test_one_that_cannot_be_tried_is_a_note() -> None:
    model, optimizer = pair()
    found = audit(model, optimizer, Stubborn(optimizer))
    assert not found.faults
    assert [note.name for note in found.notes] == ["a scheduler that cannot be tried"]
    assert "RuntimeError: not now" in found.notes[0].what


def test_a_composed_scheduler_has_parts_at_any_depth() -> None:
    _, optimizer = pair()
    one, two = lr_scheduler.StepLR(optimizer, 3), lr_scheduler.ConstantLR(optimizer)
    last = lr_scheduler.ExponentialLR(optimizer, 0.9)
    chained = lr_scheduler.ChainedScheduler([one, two])
    optimizer.step()
    assert parts(lr_scheduler.SequentialLR(optimizer, [chained, last], [5])) == [one, two, last]
    assert parts(one) == [one]
