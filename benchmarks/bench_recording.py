"""What a record every 50 steps costs, on one thread: of a training step at the least, and of the optimizer's alone.

The least that a training step takes is the forward and backward pass of one sample, of which only the matrix products
are made, and the optimizer's step.

$ python benchmarks/bench_recording.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from shapes import MODELS
from timing import Row, show

import scepter_opt

PART = "recording"
EVERY = 50
# places of a sample that a matrix is applied to: patches, tokens, and of a ResNet those of its last stage, the fewest
PLACES = {"ResNet-50": 49, "ViT-B/16": 197, "GPT-2 small": 128}
CONSTANT = {"NAME": "NoneLR"}


def backward(tensors: list[torch.Tensor], places: int) -> Callable[[], Any]:
    """The matrix products of a forward and a backward pass."""
    matrices = [tensor.detach().reshape(len(tensor), -1) for tensor in tensors if tensor.ndim > 1]

    def task() -> None:
        for matrix in matrices:
            out, into = matrix.shape
            # a table of embeddings is looked up, and used once as the output's weights
            inputs, outputs = torch.ones(places, into), torch.ones(places, out)
            _ = inputs @ matrix.T, outputs @ matrix, outputs.T @ inputs

    return task


def seconds(task: Callable[[], Any]) -> float:
    """Of one call."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def rows(rounds: int = 9) -> Iterator[Row]:
    """Percent of a step, for records with norms and without."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for case, shapes in MODELS.items():
            tensors = [torch.randn(shape).mul_(0.02).requires_grad_() for shape in shapes()]
            for tensor in tensors:
                tensor.grad = torch.ones_like(tensor).mul_(0.01)
            optimizer = scepter_opt.build_optimizer(tensors, {"NAME": "AdamW", "LEARNING_RATE": 1e-5})
            scheduler = scepter_opt.build_lr_scheduler(optimizer, CONSTANT)
            passes = statistics.median(seconds(backward(tensors, PLACES[case])) for _ in range(3))
            for name, norms in (("without norms", False), ("with norms", True)):
                yield from _costs(case, name, norms, scheduler, passes, rounds)

    finally:
        torch.set_num_threads(threads)


def _costs(case: str, name: str, norms: bool, scheduler: Any, passes: float, rounds: int) -> Iterator[Row]:
    def step(driver: scepter_opt.Driver) -> None:
        driver.scheduler.optimizer.step()
        driver.step()

    def drop(*_: Any) -> None:
        pass

    found: dict[bool, list[float]] = {True: [], False: []}
    driver = scepter_opt.Driver(scheduler, CONSTANT, record=drop, record_every=2, norms=norms)
    for number in range(rounds + 1):
        for is_recorded in (False, True):
            took = seconds(lambda: step(driver))
            if number:  # the first record takes memory for its copy
                found[is_recorded].append(took)
    plain, recorded = (statistics.median(found[is_recorded]) for is_recorded in (False, True))
    yield Row(part=PART, case=f"AdamW, {case}", name=f"a record {name}", value=recorded - plain, unit="s")
    for what, whole in (("a training step", plain + passes), ("the optimizer's step", plain)):
        share = 100 * (recorded - plain) / whole / EVERY
        yield Row(part=PART, case=f"AdamW, {case}", name=f"{name}, of {what}", value=share, unit="%")


if __name__ == "__main__":
    show(rows())
