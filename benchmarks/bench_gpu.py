"""Optimizer steps on a GPU, by events: loop, foreach, fused, and captured in a CUDA graph.

$ python benchmarks/bench_gpu.py
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from shapes import Shape, billion, gpt2
from timing import Row, show

import scepter_opt

PART = "GPU step"
LISTS: dict[str, Callable[[], Iterable[Shape]]] = {"GPT-2 medium": lambda: gpt2(1024, 24), "1 billion": billion}
NODES: dict[str, dict[str, Any]] = {
    "AdamW": {"NAME": "AdamW"},
    "SGD": {"NAME": "SGD", "MOMENTUM": 0.9},
    "Muon": {"NAME": "Muon"},
    "Hybrid": {
        "NAME": "Hybrid",
        "OPTIMIZERS": {"muon": {"NAME": "Muon"}, "adamw": {"NAME": "AdamW"}},
        "DEFAULT": "adamw",
        "PARAM_GROUPS": {"hidden": {"WHERE": {"NAMES": "hidden.*"}, "SET": {"OPTIMIZER": "muon"}}},
    },
}
CHOICES = ("torch", "auto", "for_loop", "foreach", "fused")
# Arrays that a step reads and writes at the least, of the size of the weights.
ARRAYS = {"AdamW": 7, "SGD": 5}


def parameters(name: str, shapes: list[Shape]) -> dict[str, torch.Tensor]:
    """Parameters with gradients on the GPU; Muon has the matrices after the two embeddings only."""
    made = {}
    for number, shape in enumerate(shapes):
        hidden = len(shape) == 2 and number > 1
        if hidden or name != "Muon":
            tensor = torch.full(shape, 0.02, device="cuda", requires_grad=True)
            tensor.grad = torch.full(shape, 0.01, device="cuda")
            made[f"{'hidden' if hidden else 'rest'}.{number}"] = tensor
    return made


def events(task: Callable[[], Any], rounds: int) -> list[float]:
    """Seconds of each call by the GPU's own clock."""
    found = []
    for _ in range(rounds):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]  # torch's
        start.record()
        task()
        end.record()
        torch.cuda.synchronize()
        found.append(start.elapsed_time(end) / 1e3)
    return found


def captured(step: Callable[[], Any]) -> Callable[[], Any]:
    """A step in a CUDA graph, after warm-up on a stream of its own."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch has no type for it
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def build(name: str, shapes: list[Shape], choice: str, captures: bool) -> Callable[[], Any]:
    """A step that is ready to be timed.

    Raises:
        ConfigError: The class has no such step.
        RuntimeError: It cannot be captured.
    """
    keys = {"CAPTURABLE": True, "TENSOR_LR": True} if captures and name == "AdamW" else {}
    node = {**NODES[name], "IMPLEMENTATION": choice, "LEARNING_RATE": 1e-5, **keys}
    if name == "Hybrid":
        node.pop("LEARNING_RATE")
    step = scepter_opt.build_optimizer(parameters(name, shapes), node).step
    for _ in range(3):
        step()
    return captured(step) if captures else step


def bandwidth(rounds: int) -> float:
    """Bytes per second of a copy on the GPU."""
    source = torch.empty(1 << 28, device="cuda")
    target = torch.empty_like(source)
    target.copy_(source)
    return 2 * 4 * source.numel() / statistics.median(events(lambda: target.copy_(source), rounds))


def steps(name: str, case: str, shapes: list[Shape], speed: float, rounds: int) -> Iterator[Row]:
    """One class over one list; one at a time, since the states of all would not fit, each beside the default anew."""
    for choice, captures in [(choice, False) for choice in CHOICES] + [("auto", True)]:
        try:
            tasks = [build(name, shapes, choice, captures), build(name, shapes, "torch", False)]
        except (scepter_opt.ConfigError, RuntimeError):
            continue  # there is no such step, or no memory for it
        times: list[list[float]] = [[], []]
        for _ in range(rounds):
            for number, task in enumerate(tasks):
                times[number] += events(task, 1)
        del tasks, task
        torch.cuda.empty_cache()
        low, median, high = statistics.quantiles(times[0], n=4)
        row = Row(part=PART, case=f"{name}, {case}", name="captured" if captures else choice, value=median, unit="s")
        yield {**row, "spread": (high - low) / median, "ratio": median / statistics.median(times[1]), "to": "torch"}
    if name in ARRAYS:
        floor = 4 * ARRAYS[name] * sum(map(math.prod, shapes)) / speed
        yield Row(part=PART, case=f"{name}, {case}", name="bytes over bandwidth", value=floor, unit="s")


def rows(rounds: int = 30) -> Iterator[Row]:
    """All classes over all lists; none without a GPU, which is said."""
    if not torch.cuda.is_available():
        print("GPU step: left out, there is no GPU.")
        return
    speed = bandwidth(rounds)
    for case, shapes in LISTS.items():
        for name in NODES:
            yield from steps(name, case, list(shapes()), speed, rounds)


if __name__ == "__main__":
    show(rows())
