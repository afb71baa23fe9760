"""What one tick of PhasesLR costs beside a bare loop, torch's SequentialLR and peers, and what a preview costs.

$ python benchmarks/bench_scheduler.py
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from math import cos, pi
from time import perf_counter
from typing import Any

import torch
from peers import peer
from timing import Row, compared, show
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

import scepter_opt

PART = "scheduler"
STEPS, WARMUP = 20_000, 1_000
NODE = {
    "NAME": "PhasesLR",
    "PHASES": {
        "warmup": {"CURVE": "linear", "FROM": 0.1, "TO": 1.0, "LENGTH": WARMUP},
        "decay": {"CURVE": "cosine", "TO": 0.0},
    },
}
FOUR_PHASES = {
    "NAME": "PhasesLR",
    "PHASES": {
        "warmup": {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, "LENGTH": "5%"},
        "stable": {"CURVE": "constant"},
        "decay": {"CURVE": "cosine", "TO": 0.1, "LENGTH": "50%"},
        "cooldown": {"CURVE": "one_minus_sqrt", "TO": 0.0, "LENGTH": "10%"},
    },
}
# The same for the peers, whose rate goes from 0 to 0.1 and back.
TRANSFORMERS = {"num_warmup_steps": WARMUP, "num_training_steps": STEPS}
TIMM = {"t_initial": STEPS, "warmup_t": WARMUP, "t_in_epochs": False}
PYTORCH_OPTIMIZER = {"t_max": STEPS, "max_lr": 0.1, "warmup_steps": WARMUP}


class Bare:
    """One factor, written into each group: the least that a schedule can do."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer, self.last_epoch = optimizer, 0
        self.bases = [group["lr"] for group in optimizer.param_groups]

    def step(self) -> None:
        self.last_epoch += 1
        if self.last_epoch < WARMUP:
            factor = 0.1 + 0.9 * self.last_epoch / WARMUP
        else:
            factor = (1 + cos(pi * (self.last_epoch - WARMUP) / (STEPS - WARMUP))) / 2
        for group, base in zip(self.optimizer.param_groups, self.bases, strict=True):
            group["lr"] = base * factor


def optimizer_of(groups: int) -> torch.optim.Optimizer:
    """Groups of one parameter each. The optimizer steps once, without gradients, as torch's schedulers expect."""
    made = torch.optim.SGD([{"params": [torch.zeros(1, requires_grad=True)]} for _ in range(groups)], lr=0.1)
    made.step()
    return made


def sequential(optimizer: torch.optim.Optimizer) -> Any:
    parts = [LinearLR(optimizer, 0.1, total_iters=WARMUP), CosineAnnealingLR(optimizer, STEPS - WARMUP)]
    return SequentialLR(optimizer, parts, [WARMUP])


def phases(optimizer: torch.optim.Optimizer) -> Any:
    return scepter_opt.build_lr_scheduler(optimizer, NODE, total_steps=STEPS)


def makers() -> dict[str, Callable[[torch.optim.Optimizer], Any]]:
    """A warm-up and half a cosine, as each makes it. The shapes are alike, the last digits are not."""
    made: dict[str, Callable[[torch.optim.Optimizer], Any]] = {
        "bare loop": Bare,
        "scepter_opt PhasesLR": phases,
        "torch SequentialLR": sequential,
    }
    if package := peer("transformers"):
        made["transformers cosine"] = partial(package.get_scheduler, "cosine", **TRANSFORMERS)
    if package := peer("timm", "timm.scheduler"):
        made["timm CosineLRScheduler"] = partial(package.scheduler.CosineLRScheduler, **TIMM)
    if package := peer("pytorch_optimizer"):
        made["pytorch_optimizer CosineScheduler"] = partial(package.CosineScheduler, **PYTORCH_OPTIMIZER)
    return made


def step_of(scheduler: Any) -> Callable[[], Any]:
    """One tick; timm's is told which."""
    if not hasattr(scheduler, "step_update"):
        return scheduler.step  # type: ignore[no-any-return]  # untyped
    count = iter(range(STEPS))
    return lambda: scheduler.step_update(next(count))


def steps(rounds: int) -> Iterator[Row]:
    """One tick over 1, 50 and 400 groups; ratios are to the bare loop."""
    for groups in (1, 50, 400):
        tasks = {name: step_of(make(optimizer_of(groups))) for name, make in makers().items()}
        repeats = max(20, min(1_000, 20_000 // groups))
        yield from compared(PART, f"step, {groups} groups", tasks, "bare loop", rounds, repeats)


def positions(rounds: int) -> Iterator[Row]:
    """Going to a step costs the same wherever it is."""
    node = {"NAME": "PhasesLR", "PHASES": NODE["PHASES"], "TOTAL_STEPS": 20_000_000}
    scheduler: Any = scepter_opt.build_lr_scheduler(optimizer_of(1), node)
    states = {f"to step {n:,}": {"last_epoch": n, "total_steps": 20_000_000} for n in (10, 10_000_000)}
    tasks = {name: partial(scheduler.load_state_dict, state) for name, state in states.items()}
    yield from compared(PART, "going to a position", tasks, "to step 10", rounds, 20)


def preview() -> list[Row]:
    """A preview of a million steps. Run in a process of its own, for its memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = perf_counter()
    shown = scepter_opt.preview(FOUR_PHASES, total_steps=1_000_000, groups=0.1)
    seconds = perf_counter() - begin
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    case = f"preview of {len(shown['default']):,} steps"
    return [
        Row(part=PART, case=case, name="scepter_opt", value=value, unit=unit)
        for value, unit in ((seconds, "s"), (memory, "MB"))
    ]


def rows(rounds: int = 15) -> Iterator[Row]:
    """Steps, positions and a preview."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peers' use of torch
        yield from steps(rounds)
        yield from positions(2 * rounds)
    done = subprocess.run([sys.executable, __file__, "preview"], check=True, stdout=subprocess.PIPE)
    yield from json.loads(done.stdout)


if __name__ == "__main__":
    if sys.argv[1:] == ["preview"]:
        print(json.dumps(preview()))
    else:
        show(rows())
