"""Optimizer steps on a GPU, by events: loop, foreach, fused, compiled, and captured in a CUDA graph; other layouts too.

$ python benchmarks/bench_gpu.py
$ python benchmarks/bench_gpu.py --device cpu    # a short run of all that needs no GPU, to see that it works

It has been run on a CPU only: there are no numbers of a GPU yet.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from shapes import Shape, billion, gpt2
from timing import Row, show

import scepter_opt

PART = "GPU step"
LISTS: dict[str, Callable[[], Iterable[Shape]]] = {"GPT-2 medium": lambda: gpt2(1024, 24), "1 billion": billion}
SHORT: dict[str, Callable[[], Iterable[Shape]]] = {"GPT-2 of 2 layers": lambda: gpt2(64, 2)}
FILTERS: list[Shape] = [(256, 256, 3, 3)] * 50
LAYOUTS = ("plain", "strided", "channels_last")
NODES: dict[str, dict[str, Any]] = {
    "AdamW": {"NAME": "AdamW"},
    "Adam": {"NAME": "Adam"},
    "SGD": {"NAME": "SGD", "MOMENTUM": 0.9},
    "Muon": {"NAME": "Muon"},
    "Hybrid": {
        "NAME": "Hybrid",
        "OPTIMIZERS": {"muon": {"NAME": "Muon"}, "adamw": {"NAME": "AdamW"}},
        "DEFAULT": "adamw",
        "PARAM_GROUPS": {"hidden": {"WHERE": {"NAMES": "hidden.*"}, "SET": {"OPTIMIZER": "muon"}}},
    },
}
CHOICES = ("torch", "auto", "for_loop", "foreach", "fused", "compiled")
# Arrays that a step reads and writes at the least, of the size of the weights.
ARRAYS = {"AdamW": 7, "Adam": 7, "SGD": 5}


def parameters(name: str, shapes: list[Shape], device: str, layout: str) -> dict[str, torch.Tensor]:
    """Parameters with gradients on a device; Muon has the matrices after the two embeddings only."""
    made = {}
    for number, shape in enumerate(shapes):
        hidden = len(shape) == 2 and number > 1
        if hidden or name != "Muon":
            wide = (*shape[:-1], 2 * shape[-1]) if layout == "strided" else shape
            values = torch.full(wide, 0.02, device=device)[..., : shape[-1]]
            if layout == "channels_last":
                values = values.contiguous(memory_format=torch.channels_last)
            tensor = values.requires_grad_()
            tensor.grad = torch.empty_like(tensor).fill_(0.01)
            made[f"{'hidden' if hidden else 'rest'}.{number}"] = tensor
    return made


def events(task: Callable[[], Any], rounds: int, device: str) -> list[float]:
    """Seconds of each call by the GPU's own clock, or this machine's."""
    found = []
    if device == "cpu":
        for _ in range(rounds):
            begun = time.perf_counter()
            task()
            found.append(time.perf_counter() - begun)
        return found
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


def build(name: str, tensors: dict[str, torch.Tensor], choice: str, captures: bool) -> Callable[[], Any]:
    """A step that is ready to be timed.

    Raises:
        ConfigError: The class has no such step.
        RuntimeError: It cannot be captured.
    """
    on_gpu = any(tensor.is_cuda for tensor in tensors.values())
    keys: dict[str, Any] = {}
    if name in ("Adam", "AdamW") and (captures or (choice == "compiled" and on_gpu)):
        keys = {"CAPTURABLE": True, "TENSOR_LR": True}
    node = {**NODES[name], "IMPLEMENTATION": choice, "LEARNING_RATE": 1e-5, **keys}
    if name == "Hybrid":
        node.pop("LEARNING_RATE")
    step = scepter_opt.build_optimizer(tensors, node).step
    for _ in range(3):
        step()
    return captured(step) if captures else step


def bandwidth(rounds: int, device: str) -> float:
    """Bytes per second of a copy."""
    source = torch.empty(1 << (28 if device == "cuda" else 22), device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    return 2 * 4 * source.numel() / statistics.median(events(lambda: target.copy_(source), rounds, device))


def steps(name: str, case: str, shapes: list[Shape], layout: str, rounds: int, device: str) -> Iterator[Row]:
    """One class over one list; one at a time, since the states of all would not fit, each beside the default anew."""
    tried = [(choice, False) for choice in CHOICES] + [("auto", True)] * (device == "cuda")
    for choice, captures in tried:
        try:
            made = [(choice, captures), ("torch", False)]
            tasks = [build(name, parameters(name, shapes, device, layout), *how) for how in made]
        except (scepter_opt.ConfigError, RuntimeError):
            continue  # there is no such step, or no memory for it
        times: list[list[float]] = [[], []]
        for _ in range(rounds):
            for number, task in enumerate(tasks):
                times[number] += events(task, 1, device)
        del tasks, task
        if device == "cuda":
            torch.cuda.empty_cache()
        low, median, high = statistics.quantiles(times[0], n=4)
        row = Row(part=PART, case=f"{name}, {case}", name="captured" if captures else choice, value=median, unit="s")
        yield {**row, "spread": (high - low) / median, "ratio": median / statistics.median(times[1]), "to": "torch"}


def floor(name: str, case: str, shapes: list[Shape], speed: float) -> Iterator[Row]:
    """The time that moving a step's bytes takes."""
    if name in ARRAYS:
        value = 4 * ARRAYS[name] * sum(map(math.prod, shapes)) / speed
        yield Row(part=PART, case=f"{name}, {case}", name="bytes over bandwidth", value=value, unit="s")


def rows(rounds: int = 30, device: str = "cuda") -> Iterator[Row]:
    """All classes over all lists and layouts; none without a GPU, which is said."""
    if device == "cuda" and not torch.cuda.is_available():
        print("GPU step: left out, there is no GPU.")
        return
    speed = bandwidth(rounds, device)
    for case, listed in (LISTS if device == "cuda" else SHORT).items():
        for name in NODES:
            shapes = list(listed())
            yield from steps(name, case, shapes, "plain", rounds, device)
            yield from floor(name, case, shapes, speed)
    for layout in LAYOUTS:
        for name in ("AdamW", "SGD"):
            few = FILTERS if device == "cuda" else [(8, *shape[1:]) for shape in FILTERS[:5]]
            yield from steps(name, f"filters, {layout}", few, layout, rounds, device)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Optimizer steps on a GPU.")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    chosen = parser.parse_args().device
    show(rows(30 if chosen == "cuda" else 3, chosen))
