"""Compiled steps beside torch's default, over many medium tensors, and what compiling them takes.

$ python benchmarks/bench_compiled.py
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from bench_step import KEYS, parameters
from shapes import Shape
from timing import Row, compared, show

import scepter_opt
from scepter_opt.optimizers import OPTIMIZERS

PART = "compiled step"
SHAPES: list[Shape] = [(64, 64), (128, 64), (128, 128), (256, 128), (256, 256)] * 8


def rows(rounds: int = 21) -> Iterator[Row]:
    """Every class that torch can compile."""
    for name, entry in OPTIMIZERS.own_entries().items():
        if not entry.component.compiles:
            continue
        torch.compiler.reset()
        tensors, tasks = parameters(SHAPES), {}
        for choice in ("auto", "torch", "compiled"):
            node = {"NAME": name, "IMPLEMENTATION": choice, "LEARNING_RATE": 1e-5, **KEYS.get(name, {})}
            tasks[choice] = scepter_opt.build_optimizer(tensors, node).step
        case, start = f"{name}, {len(SHAPES)} tensors", time.perf_counter()
        tasks["compiled"]()
        taken = time.perf_counter() - start
        yield from compared(PART, case, tasks, "torch", rounds)
        yield Row(part=PART, case=case, name="compiling", value=taken, unit="s")


if __name__ == "__main__":
    show(rows())
