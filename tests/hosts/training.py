"""What the tests of trainers share: data, a net, schedules, and the plain loop that a trainer is compared with."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

import scepter_opt
from tests.hosts import resuming
from tests.hosts.resuming import BATCHES, Net

EPOCHS = 4
STEPS = EPOCHS * BATCHES
WARMUP: dict[str, Any] = {"warmup": {"CURVE": "linear", "FROM": 0.1, "TO": 1.0, "LENGTH": 2}}
DECAY: dict[str, Any] = {"decay": {"CURVE": "cosine", "TO": 0.1}}
EPOCH: dict[str, Any] = {"INTERVAL": "epoch"}
# nothing is an improvement, so that every second metric is a drop
STALE: dict[str, Any] = {"PATIENCE": 0, "FACTOR": 0.5, "THRESHOLD": 0.99, "MONITOR": "eval_loss"}
SCHEDULES: dict[str, dict[str, Any]] = {
    "PhasesLR by step": {"NAME": "PhasesLR", "PHASES": WARMUP | DECAY},
    "PhasesLR by epoch": {"NAME": "PhasesLR", "PHASES": WARMUP | DECAY, **EPOCH},
    "StepLR by epoch": {"NAME": "StepLR", "STEP_SIZE": 1, "GAMMA": 0.5, **EPOCH},
    "every 6 steps": {"NAME": "StepLR", "STEP_SIZE": 1, "GAMMA": 0.5, "FREQUENCY": 6},
    "PlateauLR": {"NAME": "PlateauLR", **STALE},
    "warm-up by steps, then plateau": {"NAME": "PlateauLR", "PHASES": WARMUP, "INTERVAL": "step", **STALE},
    "ReduceLROnPlateau": {"NAME": "ReduceLROnPlateau", **STALE},
}
WAITING = ("PlateauLR", "ReduceLROnPlateau")
OPTIMIZERS: dict[str, dict[str, Any]] = {
    name: resuming.nodes(name, "for_loop", "as they were")[0] for name in ("AdamW", "Hybrid")
}


def rates_of(schedule: dict[str, Any]) -> list[float] | None:
    """The factor at each step of a run, by the preview; None where metrics decide it."""
    if schedule["NAME"] in WAITING:
        return None
    shown = scepter_opt.preview(schedule, STEPS, steps_per_epoch=BATCHES)["default"]
    length = (BATCHES if schedule.get("INTERVAL") == "epoch" else 1) * schedule.get("FREQUENCY", 1)
    return [shown[step // length] for step in range(STEPS)]


def base_rate(optimizer: dict[str, Any]) -> float:
    """The rate of the first group without a schedule."""
    return float(scepter_opt.build_optimizer(Net(), optimizer).param_groups[0]["lr"])


class Seen:
    """The rates that an optimizer makes its steps with, by a hook of torch's."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.rates: list[list[float]] = []
        optimizer.register_step_pre_hook(self._note)

    def _note(self, optimizer: torch.optim.Optimizer, *_: Any) -> None:
        self.rates.append([group["lr"] for group in optimizer.param_groups])


def plain(
    net: Net,
    optimizer: dict[str, Any],
    schedule: dict[str, Any],
    batches: Sequence[torch.Tensor],
    measure: Callable[[Net], float],
    accumulate: int = 1,
    clip: float = 0.0,
) -> tuple[resuming.Result, list[list[float]]]:
    """What a loop by hand comes to, and the rates of its steps.

    Args:
        net: Trained in place.
        optimizer: Its node.
        schedule: That of its scheduler.
        batches: Of the whole run, in their order.
        measure: Measures the loss at the end of an epoch.
        accumulate: Batches of an optimizer step.
        clip: Greatest norm of the gradients; 0 is any.
    """
    built = scepter_opt.build_optimizer(net, optimizer)
    steps = -(-BATCHES // accumulate)
    scheduler = scepter_opt.build_lr_scheduler(built, schedule, EPOCHS * steps, steps)
    driver, seen = scepter_opt.Driver(scheduler, schedule), Seen(built)
    for position, batch in enumerate(batches, 1):
        in_epoch = (position - 1) % BATCHES + 1
        (net(batch).square().mean() / accumulate).backward()
        if in_epoch % accumulate == 0 or in_epoch == BATCHES:
            if clip:
                torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
            built.step()
            built.zero_grad()
            driver.step()
        if in_epoch == BATCHES:
            driver.end_epoch({"eval_loss": measure(net)})
    return copy.deepcopy(resuming.result(net, built)), seen.rates


def loss_of(net: Net, rows: Iterable[torch.Tensor]) -> float:
    """The mean loss of batches, which are not counted as trained."""
    net.eval()
    with torch.no_grad():
        losses = [float(net(batch).square().mean()) for batch in rows]
    net.train()
    return sum(losses) / len(losses)
