"""Optimizer steps: this package's default, torch's default, each implementation and peers, over real parameter lists.

$ python benchmarks/bench_step.py
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from peers import peer
from shapes import COUNTS, MODELS, Shape
from timing import Row, compared, show, timings

import scepter_opt
from scepter_opt.optimizers import OPTIMIZERS

PART = "optimizer step"
CASES: dict[str, list[Shape]] = {
    "many small": [(256, 64)] * 160,
    "few large": [(1024, 1024)] * 24,
    "mixed": [*[(1024, 1024)] * 8, *[(1024,)] * 64, *[(256, 64)] * 64],
}
KEYS: dict[str, dict[str, Any]] = {"SGD": {"MOMENTUM": 0.9}}
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


def implementations(name: str, tensors: list[torch.Tensor]) -> dict[str, Callable[[], Any]]:
    """The step of one class in each implementation that it has.

    All step the same tensors, which changes no time and saves memory; each has a state of its own.
    """
    tasks: dict[str, Callable[[], Any]] = {}
    for choice in CHOICES:
        node = {"NAME": name, "IMPLEMENTATION": choice, "LEARNING_RATE": 1e-5, **KEYS.get(name, {})}
        try:
            tasks[choice] = scepter_opt.build_optimizer(tensors, node).step
        except scepter_opt.ConfigError:
            continue  # the class has no such step
    return tasks


def peers(tensors: list[torch.Tensor]) -> dict[str, Callable[[], Any]]:
    """What the other packages give people who ask for AdamW."""
    tasks: dict[str, Callable[[], Any]] = {}
    if package := peer("pytorch_optimizer"):
        tasks["pytorch_optimizer adamw"] = package.load_optimizer("adamw")(tensors, lr=1e-5).step
        tasks["pytorch_optimizer stableadamw"] = package.load_optimizer("stableadamw")(tensors, lr=1e-5).step
    if package := peer("timm", "timm.optim"):
        tasks["timm adamw"] = package.optim.create_optimizer_v2(tensors, "adamw", lr=1e-5).step
    return tasks


def with_steps() -> list[str]:
    """The classes of torch that have a fused or a foreach step."""
    known = OPTIMIZERS.own_entries().items()
    torchs = [name for name, entry in known if entry.component.target.startswith("torch.")]
    return [name for name in torchs if OPTIMIZERS.entry(name).component.implementations]


def steps_of_all(rounds: int) -> Iterator[Row]:
    """Each class over the made-up cases."""
    for case, shapes in CASES.items():
        for name in with_steps():
            tensors = parameters(shapes)
            tasks = implementations(name, tensors) | (peers(tensors) if name == "AdamW" else {})
            yield from compared(PART, f"{name}, {case}", tasks, "torch", rounds)


def steps_of_models(rounds: int) -> Iterator[Row]:
    """AdamW over the parameters of real models."""
    for case, shapes in MODELS.items():
        listed = list(shapes())
        assert (sum(map(math.prod, listed)), len(listed)) == COUNTS[case]
        tensors = parameters(listed)
        yield from compared(PART, f"AdamW, {case}", implementations("AdamW", tensors) | peers(tensors), "torch", rounds)


def steps_of_hybrid(rounds: int) -> Iterator[Row]:
    """Muon for matrices and AdamW for the rest: as one, and as two optimizers of torch's."""
    tensors = parameters([*[(256, 64)] * 32, *[(1024,)] * 64])
    node: dict[str, Any] = {
        "NAME": "Hybrid",
        "OPTIMIZERS": {"muon": {"NAME": "Muon"}, "adamw": {"NAME": "AdamW"}},
        "DEFAULT": "adamw",
        "PARAM_GROUPS": {"hidden": {"WHERE": {"KINDS": "matrix"}, "SET": {"OPTIMIZER": "muon"}}},
    }
    named = {f"layer.{number}": tensor for number, tensor in enumerate(tensors)}
    apart = [torch.optim.Muon(tensors[:32]), torch.optim.AdamW(tensors[32:])]

    def both() -> None:
        for optimizer in apart:
            optimizer.step()

    tasks = {
        choice: scepter_opt.build_optimizer(named, {**node, "IMPLEMENTATION": choice}).step
        for choice in ("auto", "torch")
    }
    yield from compared(PART, "Hybrid of Muon and AdamW", {**tasks, "torch's two": both}, "torch's two", rounds)


def bandwidth(rounds: int) -> Iterator[Row]:
    """Bytes per second of a fused AdamW step, and of Tensor.copy_ of the same parameters."""
    shapes = CASES["few large"]
    tensors = parameters(shapes)
    optimizer = scepter_opt.build_optimizer(tensors, {"NAME": "AdamW", "IMPLEMENTATION": "fused"})
    twins = [torch.empty_like(tensor) for tensor in tensors]

    def copy() -> None:
        for twin, tensor in zip(twins, tensors, strict=True):
            twin.copy_(tensor.detach())

    size = 4 * sum(map(math.prod, shapes)) / 1e9
    found = timings({"step": optimizer.step, "copy": copy}, rounds)
    speed = {name: ARRAYS[name] * size / timing.median for name, timing in found.items()}
    for task, name in (("step", "fused AdamW"), ("copy", "Tensor.copy_")):
        row = Row(part=PART, case="bytes moved, few large", name=name, value=speed[task], unit="GB/s")
        yield {**row, "spread": found[task].spread, "ratio": speed[task] / speed["copy"], "to": "Tensor.copy_"}


def rows(rounds: int = 11) -> Iterator[Row]:
    """All of it; ratios are to torch's default."""
    yield from steps_of_models(rounds)
    yield from steps_of_all(rounds)
    yield from steps_of_hybrid(rounds)
    yield from bandwidth(3 * rounds)


if __name__ == "__main__":
    show(rows())
