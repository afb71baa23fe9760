"""What the guard of fused steps costs, on one thread: of the step without it.

$ python benchmarks/bench_guard.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from shapes import MODELS, Shape
from timing import Row, show

import scepter_opt
from scepter_opt.runtime.guard import Guard

PART = "guard"
TINY: dict[str, tuple[str, dict[str, Any], torch.memory_format]] = {
    "AdamW": ("AdamW", {}, torch.contiguous_format),
    "AdamW with AMSGrad": ("AdamW", {"AMSGRAD": True}, torch.contiguous_format),
    "SGD with momentum": ("SGD", {"MOMENTUM": 0.9}, torch.contiguous_format),
    "Adagrad": ("Adagrad", {}, torch.contiguous_format),
    "AdamW, channels_last": ("AdamW", {}, torch.channels_last),
}


def built(name: str, shapes: Sequence[Shape], keys: dict[str, Any], layout: torch.memory_format) -> Any:
    """An optimizer that has made a step."""
    tensors = [torch.randn(shape).mul_(0.02).contiguous(memory_format=layout).requires_grad_() for shape in shapes]
    for tensor in tensors:
        tensor.grad = torch.ones_like(tensor).mul_(0.01)
    optimizer = scepter_opt.build_optimizer(tensors, {"NAME": name, "LEARNING_RATE": 1e-5, **keys})
    optimizer.step()
    return optimizer


def look(optimizer: Any) -> Callable[[], Any]:
    """All that the guard does in a step."""
    guard = Guard()

    def task() -> None:
        arguments, _ = guard.before_step(optimizer, (optimizer,), {})
        arguments[1]()
        guard.restore()

    return task


def seconds(task: Callable[[], Any], rounds: int) -> list[float]:
    """Of each call."""
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        task()
        found.append(time.perf_counter() - start)
    return found


def rows(rounds: int = 41) -> Iterator[Row]:
    """Shares of the step for models, and microseconds a parameter for tiny tensors."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for case, shapes in MODELS.items():
            optimizer = built("AdamW", list(shapes()), {}, torch.contiguous_format)
            guard, step = seconds(look(optimizer), rounds), seconds(optimizer.step, rounds // 3)
            cost, whole = statistics.median(guard), statistics.median(step)
            yield Row(part=PART, case=f"AdamW, {case}", name="guard", value=cost, unit="s")
            share = 100 * cost / (whole - cost)
            yield Row(part=PART, case=f"AdamW, {case}", name="guard, of torch's fused step", value=share, unit="%")
        for case, (name, keys, layout) in TINY.items():
            optimizer = built(name, [(2, 3, 2, 2)] * 1000, keys, layout)
            value = statistics.median(seconds(look(optimizer), rounds)) / 1000
            yield Row(part=PART, case=f"{case}, 1000 tiny tensors", name="guard, a parameter", value=value, unit="s")
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    show(rows())
