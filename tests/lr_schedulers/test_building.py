from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError, Horizon
from scepter_opt.lr_schedulers.building import horizon, untouched


@pytest.mark.parametrize(
    ("total", "epoch", "expected"),
    [
        (None, None, Horizon()),
        (100, None, Horizon(100)),
        (100, 10, Horizon(100, 10)),
        (Horizon(100, 10), None, Horizon(100, 10)),
        (Horizon(100, 10), 10, Horizon(100, 10)),
        (Horizon(100), 10, Horizon(100, 10)),
    ],
)
def test_a_length_is_given_in_several_ways(total: Any, epoch: int | None, expected: Horizon) -> None:
    assert horizon(total, epoch) == expected


@pytest.mark.parametrize(("total", "epoch"), [(0, None), (1.5, None), (100, -1), (Horizon(100, 10), 20)])
def test_what_is_no_length_is_a_config_error(total: Any, epoch: Any) -> None:
    with pytest.raises(ConfigError):
        horizon(total, epoch)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_optimizer_is_put_back_as_it_was(error: type[BaseException]) -> None:
    rate = torch.tensor(0.1)
    optimizer = torch.optim.SGD([{"params": [torch.zeros(1, requires_grad=True)], "lr": rate}], lr=0.1)
    before = copy.deepcopy(optimizer.state_dict())

    def fail() -> None:
        with untouched(optimizer):
            scepter_opt.build_lr_scheduler(optimizer, {"NAME": "LinearLR"})
            rate.fill_(9.0)
            raise error

    with pytest.raises(error):
        fail()
    assert optimizer.state_dict() == before
    assert optimizer.param_groups[0]["lr"] is rate
    assert not hasattr(optimizer.step, "_wrapped_by_lr_sched")


def test_a_warning_that_is_an_error_leaves_the_optimizer_as_it_was() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    before = copy.deepcopy(optimizer.state_dict())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(scepter_opt.ConfigWarning):
            scepter_opt.build_lr_scheduler(optimizer, {"NAME": "CosineAnnealingLR", "T_MAX": 5}, 100)
    assert optimizer.state_dict() == before
