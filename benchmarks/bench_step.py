"""Optimizer steps: this package's default, torch's default, and each implementation, over real parameter lists.

$ python benchmarks/bench_step.py
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from shapes import COUNTS, MODELS, Shape
from timing import Timing, timings

import scepter_opt

CASES: dict[str, list[Shape]] = {
    "many small": [(256, 64)] * 160,
    "few large": [(1024, 1024)] * 24,
    "mixed": [(1024, 1024)] * 8 + [(1024,)] * 64 + [(256, 64)] * 64,
}
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "AdamW": {},
    "Adam": {},
    "SGD": {"MOMENTUM": 0.9},
    "Adagrad": {},
    "RMSprop": {},
    "NAdam": {},
}
CHOICES = ("auto", "torch", "for_loop", "foreach", "fused")
# What a fused AdamW step moves per parameter: it reads four arrays and writes three; a copy reads one and writes one.
ARRAYS = {"step": 7, "copy": 2}


def parameters(shapes: Iterable[Shape]) -> list[torch.Tensor]:
    """Parameters with gradients."""
    made = []
    for shape in shapes:
        tensor = torch.randn(shape).mul_(0.02).requires_grad_()
        tensor.grad = torch.randn(shape).mul_(0.01)
        made.append(tensor)
    return made


def implementations(name: str, keys: dict[str, Any], shapes: list[Shape], rounds: int) -> dict[str, Timing]:
    """Step times of one optimizer over one list, each implementation with parameters of its own."""
    tasks = {}
    for choice in CHOICES:
        node = {"NAME": name, "IMPLEMENTATION": choice, "LEARNING_RATE": 1e-4, **keys}
        try:
            optimizer = scepter_opt.build_optimizer(parameters(shapes), node)
        except scepter_opt.ConfigError:
            continue  # the class has no such step
        tasks[choice] = optimizer.step
    return timings(tasks, rounds)


def bandwidth(shapes: list[Shape], rounds: int) -> tuple[float, float]:
    """Bytes per second of a fused AdamW step, and of Tensor.copy_ of the same parameters."""
    tensors = parameters(shapes)
    optimizer = scepter_opt.build_optimizer(tensors, {"NAME": "AdamW", "IMPLEMENTATION": "fused"})
    twins = [torch.empty_like(tensor) for tensor in tensors]

    def copy() -> None:
        for twin, tensor in zip(twins, tensors, strict=True):
            twin.copy_(tensor.detach())

    size = 4 * sum(map(math.prod, shapes))
    found = timings({"step": optimizer.step, "copy": copy}, rounds)
    return tuple(ARRAYS[name] * size / found[name].median for name in ("step", "copy"))  # type: ignore[return-value]


def lists() -> Iterator[tuple[str, list[Shape]]]:
    """Made-up cases, then real models."""
    yield from CASES.items()
    for name, shapes in MODELS.items():
        listed = list(shapes())
        assert (sum(map(math.prod, listed)), len(listed)) == COUNTS[name]
        yield name, listed


def rows(rounds: int = 15) -> Iterator[dict[str, Any]]:
    """One row per optimizer, list and implementation; ratios are to torch's default."""
    for case, shapes in lists():
        chosen = OPTIMIZERS if case in CASES else {"AdamW": {}}
        for name, keys in chosen.items():
            found = implementations(name, keys, shapes, rounds)
            for choice, timing in found.items():
                yield {
                    "part": "step",
                    "case": f"{name}, {case}",
                    "name": choice,
                    "milliseconds": 1e3 * timing.median,
                    "spread": timing.spread,
                    "times torch's default": timing.median / found["torch"].median,
                }
    step, copy = bandwidth(CASES["few large"], rounds)
    yield {"part": "step", "case": "bandwidth, few large", "name": "fused AdamW over Tensor.copy_", "ratio": step / copy}


def main() -> None:
    for row in rows():
        print({key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()})


if __name__ == "__main__":
    main()
