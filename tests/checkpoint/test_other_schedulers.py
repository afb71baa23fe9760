"""Schedulers that this package did not build."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from scepter_opt import ConfigError, checkpoint

STOP = 7


class Counter:
    """A scheduler of somebody's own that sets no rates."""

    def __init__(self) -> None:
        self.count = 0

    def state_dict(self) -> dict[str, int]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.count = state["count"]


def test_what_is_no_scheduler_of_torchs_loads_by_its_own_means() -> None:
    counter, again = Counter(), Counter()
    counter.count = 3
    checkpoint.restore(checkpoint.state(scheduler=counter, step=1), scheduler=again)
    assert again.count == 3


def foreign(cls: Any, rate: float = 0.1, **keys: Any) -> tuple[Any, Any]:
    torch.manual_seed(0)
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.named_parameters(), lr=rate)
    return optimizer, cls(optimizer, **keys)


def ticks(optimizer: Any, scheduler: Any, count: int) -> list[float]:
    seen = []
    for _ in range(count):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def test_a_scheduler_of_torchs_own_making_goes_on_and_its_settings_are_compared() -> None:
    cls = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts
    optimizer, scheduler = foreign(cls, T_0=5)
    ticks(optimizer, scheduler, STOP)
    state = checkpoint.state(optimizer=optimizer, scheduler=scheduler, step=STOP)
    again = foreign(cls, T_0=5)
    assert checkpoint.restore(state, optimizer=again[0], scheduler=again[1]).same
    assert ticks(*again, 10) == ticks(optimizer, scheduler, 10)
    other = foreign(cls, 0.2, T_0=5)
    with pytest.raises(ConfigError, match=r"optimizer.LEARNING_RATE = 0.2: the checkpoint has 0.1"):
        checkpoint.restore(state, optimizer=other[0], scheduler=other[1])
    checkpoint.restore(state, optimizer=other[0], scheduler=other[1], policy="config")
    hand = foreign(cls, 0.2, T_0=5)
    assert ticks(*other, 10) == pytest.approx(ticks(*hand, STOP + 10)[STOP:], rel=1e-12)
    longer = foreign(cls, T_0=5, T_mult=2)
    with pytest.raises(ConfigError, match=r"scheduler.T_MULT = 2: the checkpoint has 1"):
        checkpoint.restore(state, optimizer=longer[0], scheduler=longer[1])
    another = foreign(torch.optim.lr_scheduler.StepLR, step_size=3)
    with pytest.raises(ConfigError, match="the checkpoint's is a CosineAnnealingWarmRestarts"):
        checkpoint.restore(state, optimizer=another[0], scheduler=another[1], policy="config")
