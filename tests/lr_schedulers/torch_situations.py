"""What the tests of torch's situations share: its optimizer, and rates at every step.

The situations are those of test/optim/test_lrscheduler.py of PyTorch (01f9ef32), each written anew through a config.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt

Rate = Callable[[int], float]


def sgd(*rates: float | torch.Tensor) -> torch.optim.Optimizer:
    """torch's optimizer of two groups: a rate of 0.05, and a tensor of 0.5."""
    given = rates or (0.05, torch.tensor(0.5, dtype=torch.float64))
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in given]
    return torch.optim.SGD(groups, lr=0.05)


def build(optimizer: torch.optim.Optimizer, name: str, **keys: Any) -> Any:
    return scepter_opt.build_lr_scheduler(optimizer, {"NAME": name, **keys})


def parts(**nodes: dict[str, Any]) -> dict[str, Any]:
    """SCHEDULERS of a holder."""
    return {"SCHEDULERS": nodes}


def rates_of(
    optimizer: torch.optim.Optimizer, schedulers: Sequence[Any], steps: int, metrics: Sequence[float] = ()
) -> list[list[float]]:
    """The rates of every group before each step; a plateau is given its metric."""
    seen: list[list[float]] = [[] for _ in optimizer.param_groups]
    for step in range(steps):
        for column, group in zip(seen, optimizer.param_groups, strict=True):
            column.append(float(group["lr"]))
        optimizer.step()
        for scheduler in schedulers:
            if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau):
                scheduler.step(metrics[step])
            else:
                scheduler.step()
    return seen


def near(values: Any) -> Any:
    return pytest.approx(list(values), rel=1e-9, abs=1e-15)
