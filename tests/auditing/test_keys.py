from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from scepter_opt import audit


def groups(model: nn.Linear, **settings: Any) -> list[dict[str, Any]]:
    return [{"params": [model.weight], **settings}, {"params": [model.bias], "lr": 0.01}]


@pytest.mark.parametrize(
    ("key", "meant"),
    [("lr_mult", None), ("lr_scale", None), ("weight_dacay", "weight_decay"), ("momentun", "momentum"), ("wd", None)],
)
def test_a_key_that_looks_like_a_setting_is_a_fault(key: str, meant: str | None) -> None:
    model = nn.Linear(2, 1)
    (fault,) = audit(model, torch.optim.SGD(groups(model, **{key: 0.5}), lr=0.1)).faults
    assert (fault.name, fault.places) == (f"{key} that nobody reads", ("group 0",))
    assert f"have {key} = 0.5" in fault.what
    assert ("did they mean" in fault.what) == (meant is not None)
    assert meant is None or f"did they mean {meant}?" in fault.what


@pytest.mark.parametrize("key", ["layer", "tag", "use_muon"])
def test_any_other_key_is_a_note(key: str) -> None:
    model = nn.Linear(2, 1)
    found = audit(model, torch.optim.SGD(groups(model, **{key: 1}), lr=0.1))
    assert not found.faults
    assert "group keys that nobody reads" in [note.name for note in found.notes]


def test_names_are_no_keys_to_be_read() -> None:
    model = nn.Linear(2, 1)
    assert audit(model, torch.optim.SGD(groups(model, name="weights"), lr=0.1)).findings == ()


def adjust(optimizer: Any, epoch: int) -> None:
    """How a training loop reads it by itself."""
    for group in optimizer.param_groups:
        group["lr"] = 0.9**epoch * group.get("lr_scale", 1.0)


class Scaling(torch.optim.lr_scheduler.LRScheduler):
    def get_lr(self) -> Any:
        groups = self.optimizer.param_groups
        return [base * group.get("lr_scale", 1.0) for base, group in zip(self.base_lrs, groups, strict=True)]


class Scaled(torch.optim.SGD):
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            group["lr"] *= group.get("lr_scale", 1.0)
        return super().step(closure)


def test_who_reads_it_may_be_the_scheduler_the_loop_or_the_optimizer() -> None:
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(groups(model, lr_scale=0.5), lr=0.1)
    assert audit(model, optimizer).faults
    assert not audit(model, optimizer, adjust).faults
    assert not audit(model, Scaled(groups(model, lr_scale=0.5), lr=0.1)).faults
    assert "lr_scale that nobody reads" not in [
        each.name for each in audit(model, optimizer, Scaling(optimizer)).faults
    ]
