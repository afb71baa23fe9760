"""What the tests of recipes and of published schedules share: recipes composed by Hydra, and rates at every step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hydra import compose

import scepter_opt

CHANGED = {"warmup_constant": ["LENGTH=300"], "warmup_inverse_sqrt": ["LENGTH=300"]}


def recipe(name: str, *overrides: str) -> Any:
    changed = [f"lr_scheduler.PHASES.warmup.{change}" for change in CHANGED.get(name, [])]
    return compose(overrides=["+optimizer=adamw", f"+lr_scheduler={name}", *changed, *overrides])


def group(name: str, lr: float, **settings: Any) -> dict[str, Any]:
    return {"params": [torch.zeros(1, requires_grad=True)], "name": name, "lr": lr, **settings}


def run(optimizer: torch.optim.Optimizer, scheduler: Any, steps: int, key: str = "lr") -> list[list[Any]]:
    """A setting at every step, by group."""
    seen: list[list[Any]] = [[] for _ in optimizer.param_groups]
    for _ in range(steps):
        for values, one in zip(seen, optimizer.param_groups, strict=True):
            values.append(one[key])
        optimizer.step()
        scheduler.step()
    return seen


def rates(node: Any, total: int, lr: float = 1.0, steps_per_epoch: int | None = None) -> list[float]:
    """The rates of one group, from the built scheduler; the preview must be the same."""
    optimizer = torch.optim.SGD([group("default", lr)], lr=lr, momentum=0.9)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, node, total, steps_per_epoch)
    (seen,) = run(optimizer, scheduler, total)
    assert seen == list(scepter_opt.preview(node, total, lr, steps_per_epoch)["default"])
    return seen


def near(values: Any, tolerance: float = 1e-12) -> Any:
    return pytest.approx(list(values), rel=tolerance, abs=1e-15)
