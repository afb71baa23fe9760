"""Training loops written by hand, each whole: accumulated gradients, mixed precision, closures, several optimizers.

    python examples/plain_loops.py

Each function is one loop to copy. What they share: the length of the run is counted in optimizer steps, and a driver is
told of each step and of the end of each epoch; it calls the scheduler when the scheduler's node says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import scepter_opt
from scepter_opt import Driver, Horizon

Batches = Sequence[tuple[Tensor, Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]


def accumulating(
    model: nn.Module, cfg: Mapping[str, Any], batches: Batches, epochs: int, loss: Loss, accumulate: int
) -> Driver:
    """Several batches make one step, as one large batch would; what is left over in an epoch makes one too."""
    optimizer = scepter_opt.build_optimizer(model, cfg["optimizer"])
    run = Horizon.from_loader(len(batches), epochs, accumulate=accumulate)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, cfg["lr_scheduler"], run)
    driver = Driver(scheduler, cfg["lr_scheduler"])
    for _ in range(epochs):
        for first in range(0, len(batches), accumulate):
            together = batches[first : first + accumulate]
            for inputs, targets in together:
                # the mean over a large batch is the mean of its parts' means
                (loss(model(inputs), targets) / len(together)).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
            optimizer.zero_grad()
            driver.step()
        driver.end_epoch()
    return driver


def scaling(
    model: nn.Module, cfg: Mapping[str, Any], batches: Batches, epochs: int, loss: Loss, scaler: torch.amp.GradScaler
) -> Driver:
    """Mixed precision with clipping: a step that the scaler skips, since its gradients overflow, is no tick."""
    optimizer = scepter_opt.build_optimizer(model, cfg["optimizer"])
    run = Horizon.from_loader(len(batches), epochs)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, cfg["lr_scheduler"], run)
    driver = Driver(scheduler, cfg["lr_scheduler"], scaler=scaler)
    device = next(model.parameters()).device.type
    for _ in range(epochs):
        for inputs, targets in batches:
            with torch.autocast(device, torch.float16, enabled=device == "cuda"):
                value = loss(model(inputs), targets)
            scaler.scale(value).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            scaler.unscale_(optimizer)  # the greatest norm is meant for gradients as they are
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
            driver.step()
        driver.end_epoch()
    return driver


def closing(model: nn.Module, cfg: Mapping[str, Any], batches: Batches, epochs: int, loss: Loss) -> Driver:
    """A closure serves every optimizer: LBFGS calls it several times in a step, which is one tick all the same."""
    optimizer = scepter_opt.build_optimizer(model, cfg["optimizer"])
    run = Horizon.from_loader(len(batches), epochs)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, cfg["lr_scheduler"], run)
    driver = Driver(scheduler, cfg["lr_scheduler"])
    for _ in range(epochs):
        total = 0.0
        for inputs, targets in batches:

            def closure(inputs: Tensor = inputs, targets: Tensor = targets) -> float:
                optimizer.zero_grad()
                value = loss(model(inputs), targets)
                value.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                return value.item()

            total += optimizer.step(closure)
            driver.step()
        # what a schedule that waits for a metric is given, by the name that its MONITOR says
        driver.end_epoch({"loss": total / len(batches)})
    return driver


def several(
    models: Mapping[str, nn.Module],
    cfg: Mapping[str, Any],
    batches: Batches,
    epochs: int,
    losses: Mapping[str, Loss],
    scaler: torch.amp.GradScaler,
) -> dict[str, Driver]:
    """Several optimizers under one scaler, each with its schedule: which of them it skipped, each driver knows."""
    optimizers = scepter_opt.build_optimizers(models, cfg["optimizers"])
    run = Horizon.from_loader(len(batches), epochs)
    schedulers = scepter_opt.build_lr_schedulers(optimizers, cfg["lr_schedulers"], run.total_steps, run.steps_per_epoch)
    drivers = {
        name: Driver(scheduler, cfg["lr_schedulers"][name], scaler=scaler) for name, scheduler in schedulers.items()
    }
    for _ in range(epochs):
        for inputs, targets in batches:
            for name, optimizer in optimizers.items():
                optimizer.zero_grad()
                value = losses[name](models[name](inputs), targets)
                scaler.scale(value).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
                scaler.step(optimizer)
            scaler.update()  # once, after all of them
            for driver in drivers.values():
                driver.step()
        for driver in drivers.values():
            driver.end_epoch()
    return drivers


def main() -> None:
    """Fit a line with each loop."""
    torch.manual_seed(0)
    inputs = torch.linspace(-1, 1, 96).reshape(-1, 1)
    batches = [(part, 3 * part + 1) for part in inputs[torch.randperm(96)].split(8)]  # type: ignore[no-untyped-call]  # torch leaves it untyped
    schedule: dict[str, Any] = {"NAME": "PhasesLR", "PHASES": {"decay": {"CURVE": "cosine", "TO": 0.0}}}
    adamw: dict[str, dict[str, Any]] = {"optimizer": {"NAME": "AdamW", "LEARNING_RATE": 0.2}, "lr_scheduler": schedule}
    lbfgs = {"optimizer": {"NAME": "LBFGS"}, "lr_scheduler": {**schedule, "INTERVAL": "epoch"}}
    loss, scaler = nn.functional.mse_loss, torch.amp.GradScaler("cpu")
    models = {name: nn.Linear(1, 1) for name in ("accumulating", "scaling", "closing", "first", "second")}
    accumulating(models["accumulating"], adamw, batches, 20, loss, accumulate=2)
    scaling(models["scaling"], adamw, batches, 20, loss, scaler)
    closing(models["closing"], lbfgs, batches, 2, loss)
    both = {name: models[name] for name in ("first", "second")}
    nodes = {
        "optimizers": {name: {**adamw["optimizer"], "ONLY": name} for name in both},
        "lr_schedulers": dict.fromkeys(both, adamw["lr_scheduler"]),
    }
    several(both, nodes, batches, 20, dict.fromkeys(both, loss), scaler)
    for name, model in models.items():
        print(f"{name}: loss {loss(model(inputs), 3 * inputs + 1).item():.1e}")


if __name__ == "__main__":
    main()
