"""What one tick of PhasesLR costs beside a bare loop and torch's SequentialLR, and what a preview costs.

$ python benchmarks/bench_scheduler.py
"""

from __future__ import annotations

import resource
import subprocess
import sys
import warnings
from functools import partial
from math import cos, pi
from time import perf_counter
from typing import Any

import torch
from timing import medians
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

import scepter_opt

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
    return torch.optim.SGD([{"params": [torch.zeros(1, requires_grad=True)]} for _ in range(groups)], lr=0.1)


def sequential(optimizer: torch.optim.Optimizer) -> Any:
    parts = [LinearLR(optimizer, 0.1, total_iters=WARMUP), CosineAnnealingLR(optimizer, STEPS - WARMUP)]
    return SequentialLR(optimizer, parts, [WARMUP])


def phases(optimizer: torch.optim.Optimizer) -> Any:
    return scepter_opt.build_lr_scheduler(optimizer, NODE, total_steps=STEPS)


def bench_steps() -> None:
    # torch's cosine is recursive: the shapes are the same, the last digits are not
    print(f"{'groups':>6} {'bare':>8} {'phases':>8} {'torch':>8}  phases/bare  torch/phases   (microseconds a step)")
    for groups in (1, 50, 400):
        makers = {"bare": Bare, "phases": phases, "torch": sequential}
        schedulers = {name: make(optimizer_of(groups)) for name, make in makers.items()}
        steps = max(50, min(1_200, 20_000 // groups))
        tasks = {name: scheduler.step for name, scheduler in schedulers.items()}
        bare, ours, theirs = (1e6 * seconds for seconds in medians(tasks, 15, steps).values())
        print(f"{groups:6} {bare:8.2f} {ours:8.2f} {theirs:8.2f} {ours / bare:11.2f}x {theirs / ours:12.1f}x")


def bench_positions() -> None:
    node = {"NAME": "PhasesLR", "PHASES": NODE["PHASES"], "TOTAL_STEPS": 20_000_000}
    scheduler: Any = scepter_opt.build_lr_scheduler(optimizer_of(1), node)
    states = {f"{n:,}": {"last_epoch": n, "total_steps": 20_000_000} for n in (10, 10_000_000)}
    tasks = {name: partial(scheduler.load_state_dict, state) for name, state in states.items()}
    for name, seconds in medians(tasks, 30, 20).items():
        print(f"going to step {name:>10}: {1e6 * seconds:6.1f} microseconds")


def bench_preview() -> None:
    """Run in a process of its own, for its memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = perf_counter()
    shown = scepter_opt.preview(FOUR_PHASES, total_steps=1_000_000, groups=0.1)
    values = shown["default"]
    seconds = perf_counter() - begin
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"preview of {len(values):,} steps with 4 phases: {seconds:.2f} s, {memory:.0f} MB")


if __name__ == "__main__":
    if sys.argv[1:] == ["preview"]:
        bench_preview()
    else:
        torch.set_num_threads(1)
        warnings.simplefilter("ignore")
        bench_steps()
        bench_positions()
        subprocess.run([sys.executable, __file__, "preview"], check=True)
