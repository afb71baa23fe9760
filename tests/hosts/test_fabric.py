"""Under Fabric names are the module's, before and after `setup`, and the driver ticks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import scepter_opt
from tests.hosts.lightning_app import ADAMW, BATCHES, EPOCHS, HYBRID, SCHEDULES, SIZE, App, inputs, lightning, plain

pytestmark = [
    pytest.mark.hosts,
    pytest.mark.filterwarnings("ignore"),  # Lightning's own, of loaders, loggers and processes
]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = App().net

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        outputs: torch.Tensor = self.net(batch)
        return outputs


def trained(optimizer: dict[str, Any], schedule: dict[str, Any], after: str) -> tuple[Net, list[list[float]], Any]:
    """A net, the rates of each step, and the optimizer, built before `setup` or after it."""
    fabric = lightning.Fabric(accelerator="cpu", devices=1)
    net = Net()
    if after == "before":
        built = scepter_opt.build_optimizer(net, optimizer)
        wrapped, wrapper = fabric.setup(net, built)
    else:
        wrapped = fabric.setup_module(net)
        over = wrapped if after == "module" else wrapped.parameters()
        built = scepter_opt.build_optimizer(over, optimizer)
        wrapper = fabric.setup_optimizers(built)
    scheduler = scepter_opt.build_lr_scheduler(built, schedule, EPOCHS * BATCHES, BATCHES)
    driver = scepter_opt.Driver(scheduler, schedule)
    seen = []
    for _ in range(EPOCHS):
        for batch in torch.split(inputs(), SIZE):
            seen.append([group["lr"] for group in wrapper.param_groups])
            wrapper.zero_grad()
            fabric.backward(wrapped(batch).square().mean())
            wrapper.step()
            driver.step()
        driver.end_epoch()
    return net, seen, built


@pytest.mark.parametrize("after", ["before", "module", "iterator"])
@pytest.mark.parametrize("optimizer", [ADAMW, HYBRID], ids=["AdamW", "Hybrid"])
@pytest.mark.parametrize("schedule", ["PhasesLR by step", "FREQUENCY 6", "StepLR by epoch"])
def test_it_trains_as_the_plain_loop(optimizer: dict[str, Any], schedule: str, after: str) -> None:
    net, seen, built = trained(optimizer, SCHEDULES[schedule], after)
    expected = plain(optimizer, SCHEDULES[schedule])
    assert seen == expected.seen
    assert all(torch.equal(one, other) for one, other in zip(net.parameters(), expected.parameters(), strict=True))
    names = {name for group in built.param_groups for name in group["param_names"]}
    assert names == {name for name, _ in net.named_parameters()}
