"""The length of a run however it is given, and optimizers that stay whole."""

from __future__ import annotations

import copy

import pytest
import torch

from scepter_opt import ConfigError, Horizon
from scepter_opt.lr_schedulers.building import horizon, untouched


def test_a_length_is_a_number_or_a_horizon_and_is_said_once() -> None:
    assert horizon(100, 10) == Horizon(100, 10)
    assert horizon(Horizon(100), 10) == Horizon(100, 10)
    assert horizon(Horizon(100, 10), 10) == Horizon(100, 10)
    assert horizon(None, None) == Horizon()
    with pytest.raises(ConfigError, match="its Horizon says 10"):
        horizon(Horizon(100, 10), 20)
    with pytest.raises(ConfigError, match="must be a whole number of at least 1"):
        horizon(0, None)


@pytest.mark.parametrize("tensor_rate", [False, True])
def test_an_optimizer_is_as_it_was_where_a_scheduler_fails(tensor_rate: bool) -> None:
    rate = torch.tensor(0.1) if tensor_rate else 0.1
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=rate, foreach=False)
    held, before = optimizer.param_groups[0]["lr"], copy.deepcopy(optimizer.state_dict())
    attributes = set(vars(optimizer))

    def fail() -> None:
        torch.optim.lr_scheduler.LinearLR(optimizer)
        optimizer.param_groups[0]["betas"] = (0.0, 0.0)
        raise RuntimeError

    with pytest.raises(RuntimeError), untouched(optimizer):
        fail()
    assert optimizer.state_dict() == before
    assert set(vars(optimizer)) == attributes
    assert (optimizer.param_groups[0]["lr"] is held) is True


def test_what_is_no_optimizer_is_named() -> None:
    with (
        pytest.raises(ConfigError, match=r"needs a torch.optim.Optimizer, not a Linear"),
        untouched(torch.nn.Linear(1, 1)),
    ):
        pass
