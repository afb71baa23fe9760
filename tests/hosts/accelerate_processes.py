"""A run of several processes under Accelerate, started by torchrun: the first writes the rates of its steps to a file.

The arguments are how the scheduler is prepared (`ours`, `theirs` or `theirs with a driver`), the nodes of optimizer and
scheduler as JSON, the batches of each process in an epoch, the epochs, and the file.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import torch

import scepter_opt
from scepter_opt.integrations.accelerate import prepare


def main(prepared: str, nodes: str, batches: int, epochs: int, file: Path) -> None:
    """Train, and write the rates."""
    accelerator: Any = importlib.import_module("accelerate").Accelerator(cpu=True)
    optimizer, schedule = json.loads(nodes)
    torch.manual_seed(0)
    net: Any = torch.nn.Linear(4, 2)
    rows = list(torch.randn(4 * batches * accelerator.num_processes, 4))
    loader: Any = torch.utils.data.DataLoader(rows, batch_size=4)  # type: ignore[arg-type]  # a list will do
    if prepared == "ours":
        net, loader, wrapped, driver = prepare(accelerator, net, loader, optimizer, schedule, epochs=epochs)
        tick: Any = driver.step
    else:
        built = scepter_opt.build_optimizer(net, optimizer)
        made = scepter_opt.build_lr_scheduler(built, schedule, total_steps=epochs * batches)
        net, loader, wrapped, theirs = accelerator.prepare(net, loader, built, made)
        tick = scepter_opt.Driver(theirs, schedule).step if prepared.endswith("driver") else theirs.step
    rates = []
    for _ in range(epochs):
        for batch in loader:
            accelerator.backward(net(batch).square().mean())
            rates.append(wrapped.param_groups[0]["lr"])
            wrapped.step()
            tick()
            wrapped.zero_grad()
    if accelerator.is_main_process:
        file.write_text(json.dumps([accelerator.num_processes, rates]))
    accelerator.end_training()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
