"""The driver measures and saves in the mode whose weights are to be evaluated."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from scepter_opt.parameters.modes import is_training

NODE = {"NAME": "tests.parameters.averaging.Averaging", "LEARNING_RATE": 0.1}
PLATEAU = {"NAME": "ReduceLROnPlateau", "MONITOR": "loss"}


def driven() -> tuple[torch.Tensor, Any, scepter_opt.Driver]:
    tensor = nn.Parameter(torch.ones(1))
    optimizer = scepter_opt.build_optimizer([tensor], NODE)
    driver = scepter_opt.Driver(scepter_opt.build_lr_scheduler(optimizer, PLATEAU), PLATEAU)
    for _ in range(3):
        optimizer.zero_grad()
        tensor.square().sum().backward()  # type: ignore[no-untyped-call]  # torch's
        optimizer.step()
        driver.step()
    return tensor, optimizer, driver


def test_metrics_that_are_a_function_are_measured_at_the_weights_to_evaluate() -> None:
    tensor, optimizer, driver = driven()
    trained = tensor.item()
    seen: list[tuple[float, bool]] = []

    def measure() -> dict[str, float]:
        seen.append((tensor.item(), is_training(optimizer)))
        return {"loss": tensor.item()}

    driver.end_epoch(measure)
    # 1, 0.8, 0.64, 0.512: the weights that it trained at, and their mean
    assert [round(value, 3) for value, _ in seen] == [round((1 + 0.8 + 0.64 + 0.512) / 4, 3)]
    assert [training for _, training in seen] == [False]
    assert (tensor.item(), is_training(optimizer)) == (trained, True)


def test_a_measurement_that_fails_leaves_the_weights_to_train() -> None:
    tensor, optimizer, driver = driven()
    trained = tensor.item()

    def fails() -> dict[str, float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        driver.end_epoch(fails)
    assert (tensor.item(), is_training(optimizer)) == (trained, True)


def test_an_optimizer_of_one_mode_is_left_alone() -> None:
    tensor = nn.Parameter(torch.ones(1))
    optimizer = scepter_opt.build_optimizer([tensor], {"NAME": "AdamW"})
    driver = scepter_opt.Driver(scepter_opt.build_lr_scheduler(optimizer, PLATEAU), PLATEAU)
    with driver.evaluating():
        assert tensor.item() == 1.0
